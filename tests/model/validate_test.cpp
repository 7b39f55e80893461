#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/error.hpp"
#include "model/model_shape.hpp"
#include "model/names.hpp"

namespace epsim {
namespace {

using testing::HasSubstr;

std::string message_of(std::function<void(ModelShape&)> const& spoil) {
    ModelShape shape;
    spoil(shape);
    try {
        validate(shape);
    } catch (InputError const& e) {
        return e.what();
    }
    return "accepted";
}

TEST(ValidateShape, AcceptsTheDefault) {
    EXPECT_NO_THROW(validate(ModelShape{}));
}

TEST(ValidateShape, TopKOverExpertsSaysWhatToDo) {
    EXPECT_EQ(message_of([](auto& s) { s.top_k = 9; }),
              "top_k = 9 exceeds num_experts = 8 (each token needs distinct experts). "
              "Lower model.top_k");
}

TEST(ValidateShape, NamesWhatIsWrong) {
    using Spoil = std::function<void(ModelShape&)>;
    std::vector<std::pair<Spoil, std::string>> const cases{
        {[](auto& s) { s.hidden = 0; }, "hidden = 0 is out of range"},
        {[](auto& s) { s.hidden = -4; }, "hidden = -4 is out of range"},
        {[](auto& s) { s.hidden = 1 << 30; }, "hidden = 1073741824 is out of range"},
        {[](auto& s) { s.dispatch_hidden = -1; }, "dispatch_hidden = -1"},
        {[](auto& s) { s.num_experts = 0; }, "num_experts = 0"},
        {[](auto& s) { s.top_k = 0; }, "top_k = 0"},
        {[](auto& s) { s.expert_intermediate = 0; }, "expert_intermediate = 0"},
        {[](auto& s) { s.moe_layers = 2; }, "moe_layers = 2 exceeds total_layers = 1"},
        {[](auto& s) { s.shared_experts = 1; }, "does not go with shared_intermediate = 0"},
        {[](auto& s) { s.shared_intermediate = 8; }, "does not go with shared_intermediate = 8"},
        {[](auto& s) { s.shared_gated = true; }, "shared_gated"},
        {[](auto& s) { s.gate.n_group = 3; }, "n_group = 3 does not divide num_experts = 8"},
        {[](auto& s) { s.gate.n_group = 9; }, "n_group = 9 is out of range"},
        {[](auto& s) { s.gate.topk_group = 2; }, "topk_group = 2 is out of range"},
        {[](auto& s) { s.gate.n_group = 4; }, "group_score = none"},
        {[](auto& s) {
             s.gate.n_group = 8;
             s.gate.group_score = GroupScore::max;
             s.top_k = 2;
         },
         "top_k = 2 exceeds the 1 experts"},
        {[](auto& s) { s.gate.route_scale = 0; }, "route_scale = 0"},
        {[](auto& s) { s.gate.route_scale = std::nan(""); }, "route_scale = nan"},
        {[](auto& s) { s.gate.capacity_factor_eval = -1; }, "capacity_factor_eval = -1"},
        {[](auto& s) { s.weight_format = "fp3"; }, "weight_format = 'fp3' is unknown"},
        {[](auto& s) { s.name.clear(); }, "no name"},
        {[](auto& s) { s.total_params_billion = 0; }, "total_params_billion = 0"},
        {[](auto& s) {
             s.hidden = s.expert_intermediate = 1 << 20;
             s.num_experts = 1 << 16;
             s.layers = s.moe_layers = 1 << 12;
         },
         "the size of the model is out of range"},
    };
    for (auto const& [spoil, part] : cases) EXPECT_THAT(message_of(spoil), HasSubstr(part));
}

template <class E>
void expect_round_trip() {
    for (std::size_t i = 0; i < enum_names<E>.size(); ++i) {
        auto const value = static_cast<E>(i);
        EXPECT_EQ(enum_from<E>(name_of(value)), value);
    }
    EXPECT_THROW(enum_from<E>("nonsense"), InputError);
    EXPECT_THROW(enum_from<E>(""), InputError);
}

TEST(Names, EnumsRoundTrip) {
    expect_round_trip<Activation>();
    expect_round_trip<Scoring>();
    expect_round_trip<GroupScore>();
    expect_round_trip<Renormalise>();
    expect_round_trip<WeightAt>();
}

TEST(Names, StandBesideTheirValues) {
    EXPECT_EQ(name_of(Activation::swiglu_clamped), "swiglu_clamped");
    EXPECT_EQ(name_of(Activation::geglu), "geglu");
    EXPECT_EQ(name_of(Scoring::topk_then_softmax), "topk_then_softmax");
    EXPECT_EQ(name_of(Scoring::sparsemixer), "sparsemixer");
    EXPECT_EQ(name_of(GroupScore::top2_sum), "top2_sum");
    EXPECT_EQ(name_of(Renormalise::l1), "l1");
    EXPECT_EQ(name_of(WeightAt::input), "input");
}

}  // namespace
}  // namespace epsim
