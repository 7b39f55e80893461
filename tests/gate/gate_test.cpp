#include "gate/gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "core/error.hpp"
#include "gate/health.hpp"

namespace epsim {
namespace {

using ::testing::HasSubstr;

void alone(std::span<int64_t>) {}

std::string message_of(auto&& work) {
    try {
        work();
    } catch (InputError const& e) {
        return e.what();
    }
    return "no InputError";
}

ModelShape shape(int experts, int k) {
    ModelShape s;
    s.num_experts = experts;
    s.top_k = k;
    return s;
}

/// A token uses two of these groups.
ModelShape grouped(ModelShape s, int groups) {
    s.gate.n_group = groups;
    s.gate.topk_group = 2;
    s.gate.group_score = GroupScore::max;
    return s;
}

/// Every gate, with a model that can have it.
std::vector<GateRule> all_gates(int experts) {
    std::vector<GateRule> rules;
    for (std::size_t kind = static_cast<std::size_t>(GateKind::softmax);
         kind < enum_names<GateKind>.size(); ++kind) {
        GateOptions options;
        options.gate = static_cast<GateKind>(kind);
        auto s = shape(experts, options.gate == GateKind::switch_transformer ? 1 : 2);
        if (options.gate == GateKind::hierarchical) s = grouped(s, 2);
        rules.push_back(make_gate_rule(options, s, 1));
    }
    return rules;
}

TEST(Gate, LogitsThatAreNotFiniteAreRefusedByEveryGate) {
    std::vector<int64_t> const tokens{0, 1, 2};
    std::vector<int32_t> const ids{5, 6, 7};
    for (float const bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
        for (auto const& rule : all_gates(4)) {
            std::vector<float> x(12, 0.5f);
            x[2 * 4 + 1] = bad;
            Logits const logits{x, 4};
            EXPECT_THAT(
                message_of([&] {
                    run_gate(rule, {StepId{0}, LayerId{0}, logits, logits, tokens, ids, 3}, alone);
                }),
                HasSubstr("the logit of token 2 for expert 1"))
                << name_of(rule.kind);
        }
}

TEST(Gate, RanksWithoutTokensGetAnEmptyBatch) {
    for (auto const& rule : all_gates(4)) {
        auto const batch = run_gate(rule, {StepId{0}, LayerId{0}, {{}, 4}, {{}, 4}}, alone);
        EXPECT_EQ(batch.tokens(), 0) << name_of(rule.kind);
        EXPECT_EQ(batch.top_k, rule.choices());
    }
}

TEST(Gate, DrawsDependOnStepAndLayer) {
    GateDraws const one(1, StepId{0}, LayerId{0});
    for (auto const& other :
         {GateDraws(2, StepId{0}, LayerId{0}), GateDraws(1, StepId{1}, LayerId{0}),
          GateDraws(1, StepId{0}, LayerId{1})}) {
        EXPECT_NE(one.word(Draw::noise, 3, 0), other.word(Draw::noise, 3, 0));
        EXPECT_NE(one.word(Draw::noise, 3, 0), one.word(Draw::noise, 4, 0));
        EXPECT_NE(one.word(Draw::noise, 3, 0), one.word(Draw::jitter, 3, 0));
    }
}

TEST(Gate, TheModelSaysWhichGate) {
    auto const kind_for = [](Scoring scoring) {
        auto s = shape(8, 2);
        s.gate.scoring = scoring;
        GateOptions options;
        options.gate = GateKind::model;
        return make_gate_rule(options, s, 1).kind;
    };
    EXPECT_EQ(kind_for(Scoring::softmax), GateKind::softmax);
    EXPECT_EQ(kind_for(Scoring::sigmoid), GateKind::sigmoid);
    EXPECT_EQ(kind_for(Scoring::topk_then_softmax), GateKind::topk_softmax);
    EXPECT_EQ(kind_for(Scoring::sparsemixer), GateKind::sparsemixer);
}

TEST(Gate, AModelThatCannotHaveItIsRefused) {
    auto const refusal = [](GateKind kind, ModelShape const& s) {
        GateOptions options;
        options.gate = kind;
        return message_of([&] { make_gate_rule(options, s, 1); });
    };
    EXPECT_THAT(refusal(GateKind::gshard, shape(8, 3)), HasSubstr("it chooses two experts"));
    EXPECT_THAT(refusal(GateKind::switch_transformer, shape(8, 2)),
                HasSubstr("Set model.top_k = 1"));
    EXPECT_THAT(refusal(GateKind::hierarchical, shape(8, 2)), HasSubstr("it needs groups"));
    auto const in_groups = grouped(shape(8, 3), 4);
    EXPECT_THAT(refusal(GateKind::hierarchical, in_groups),
                HasSubstr("multiple of model.topk_group"));
    EXPECT_THAT(refusal(GateKind::sinkhorn, in_groups), HasSubstr("it knows no groups"));
    EXPECT_EQ(refusal(GateKind::sigmoid, in_groups), "no InputError");
}

TEST(Overflow, AnOrderThatDoesNotFitIsRefused) {
    std::vector<int64_t> const tokens{0}, source_tokens{int64_t{1} << 28};
    std::vector<int32_t> const source{0};
    int const k = 65536;
    RoutingBatch const batch{k, std::vector<ExpertId>(k, no_expert), std::vector<float>(k)};
    OverflowRule rule;
    GateDraws const draws(1, StepId{0}, LayerId{0});
    auto const run = [&] { accept({batch, tokens, source, source_tokens, k}, rule, draws, alone); };
    EXPECT_NO_THROW(run());
    rule.order = AcceptOrder::probability;
    EXPECT_THAT(message_of(run), HasSubstr("too many tokens"));
}

TEST(Health, WithoutLogitsOnlyWhatTheBatchSaysIsKnown) {
    RoutingBatch const batch{1, {ExpertId{0}, ExpertId{1}}, {0.5f, 0.25f}};
    auto const figures = health_figures(routing_sums(batch, {}, 2), 1, 0, NAN);
    auto const of = [&](Health h) { return figures[static_cast<std::size_t>(h)]; };
    EXPECT_TRUE(std::isnan(of(Health::balance_loss)));
    EXPECT_TRUE(std::isnan(of(Health::z_loss)));
    EXPECT_DOUBLE_EQ(of(Health::load_cv2), 0);
    EXPECT_DOUBLE_EQ(of(Health::load_entropy), 1);
    EXPECT_NEAR(of(Health::importance_cv2), 1.0 / 9, 1e-12);
}

}  // namespace
}  // namespace epsim
