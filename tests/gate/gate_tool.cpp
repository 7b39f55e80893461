// Runs gates, capacities and health figures on what test_gates.py drew.
#include <iostream>
#include <nlohmann/json.hpp>

#include "gate/gate.hpp"
#include "gate/health.hpp"
#include "gate/random_gates.hpp"
#include "gate/ranks.hpp"
#include "gate/top_k_gates.hpp"
#include "gate/varied_gates.hpp"
#include "trace/share.hpp"

using namespace epsim;
using Json = nlohmann::json;

namespace {

/// [rows][columns] in one.
template <class T>
std::vector<T> flat(Json const& rows) {
    std::vector<T> values;
    for (auto const& row : rows)
        for (auto const& value : row) values.push_back(value.get<T>());
    return values;
}

Json as_json(RoutingBatch const& batch) {
    Json expert = Json::array(), weight = Json::array();
    for (std::size_t i = 0; i < batch.expert.size(); ++i) {
        expert.push_back(index(batch.expert[i]));
        weight.push_back(batch.weight[i]);
    }
    return {{"k", batch.top_k}, {"expert", expert}, {"weight", weight}};
}

ModelShape shape_of(Json const& ask) {
    ModelShape shape;
    shape.num_experts = ask.at("experts");
    shape.top_k = ask.at("k");
    auto& gate = shape.gate;
    gate.renormalise = ask.value("renormalise", false) ? Renormalise::sum : Renormalise::none;
    gate.route_scale = ask.value("route_scale", 1.0);
    gate.n_group = ask.value("n_group", 1);
    gate.topk_group = ask.value("topk_group", 1);
    gate.group_score = enum_from<GroupScore>(ask.value("group_score", "none"));
    gate.score_bias = ask.contains("bias");
    return shape;
}

GateOptions options_of(Json const& ask) {
    GateOptions o;
    o.gate = enum_from<GateKind>(ask.value("kind", "none"));
    o.jitter = ask.value("jitter", 0.0);
    o.top_p = ask.value("top_p", 0.5);
    o.most_choices = ask.value("most_choices", 0);
    o.capacity_policy = enum_from<CapacityPolicy>(ask.value("policy", "none"));
    o.capacity_factor = ask.value("factor", 1.0);
    o.overflow = enum_from<AcceptOrder>(ask.value("overflow", "position"));
    o.reroute = enum_from<Reroute>(ask.value("reroute", "none"));
    o.capacity_per_source = ask.value("per_source", false);
    o.budget_ranks = ask.value("budget_ranks", 0);
    return o;
}

/// One rank's part of tokens and of what belongs to them.
struct Share {
    std::size_t begin, end;
    Share(int rank, int ranks, std::size_t n)
        : begin(static_cast<std::size_t>(share_begin(rank, static_cast<int64_t>(n), ranks))),
          end(static_cast<std::size_t>(share_begin(rank + 1, static_cast<int64_t>(n), ranks))) {}
    template <class T>
    std::span<T const> of(std::vector<T> const& all, std::size_t width = 1) const {
        return all.empty() ? std::span<T const>{}
                           : std::span(all).subspan(begin * width, (end - begin) * width);
    }
};

/// Ranks' batches one after the other.
RoutingBatch joined(std::vector<RoutingBatch> const& parts) {
    RoutingBatch all{parts.front().top_k, {}, {}};
    for (auto const& part : parts) {
        all.expert.insert(all.expert.end(), part.expert.begin(), part.expert.end());
        all.weight.insert(all.weight.end(), part.weight.begin(), part.weight.end());
    }
    return all;
}

Json gate(Json const& ask) {
    auto const rule = make_gate_rule(options_of(ask), shape_of(ask), ask.value("seed", 1));
    auto const x = flat<float>(ask.at("logits")), noise = flat<float>(ask.value("noise", Json{}));
    auto const bias = ask.value("bias", std::vector<float>{});
    auto const token = ask.at("token").get<std::vector<int64_t>>();
    std::vector<int32_t> const id(token.begin(), token.end());
    int const ranks = ask.value("ranks", 1);
    std::vector<RoutingBatch> parts(static_cast<std::size_t>(ranks));
    auto const e = static_cast<std::size_t>(rule.experts);
    test::on_ranks(ranks, [&](int rank, SumOverRanks const& sum) {
        Share const share(rank, ranks, token.size());
        parts[static_cast<std::size_t>(rank)] = run_gate(rule,
                                                         {StepId{ask.value("step", 0)},
                                                          LayerId{ask.value("layer", 0)},
                                                          {share.of(x, e), rule.experts},
                                                          {share.of(noise, e), rule.experts},
                                                          share.of(token),
                                                          share.of(id),
                                                          std::ssize(token),
                                                          bias},
                                                         sum);
    });
    return as_json(joined(parts));
}

Json overflow(Json const& ask) {
    auto const shape = shape_of(ask);
    auto const rule = make_overflow_rule(options_of(ask), shape);
    auto const token = ask.at("token").get<std::vector<int64_t>>();
    auto const source = ask.at("source").get<std::vector<int32_t>>();
    auto const source_tokens = ask.at("source_tokens").get<std::vector<int64_t>>();
    auto const score = flat<float>(ask.value("score", Json{}));
    auto const expert = flat<int>(ask.at("expert"));
    auto const weight = flat<float>(ask.at("weight"));
    GateDraws const draws(ask.value("seed", 1), StepId{0}, LayerId{0});
    int const ranks = ask.value("ranks", 1), k = ask.at("choices");
    auto const n = static_cast<std::size_t>(ranks), e = static_cast<std::size_t>(shape.num_experts);
    std::vector<Accepted> accepted(n);
    test::on_ranks(ranks, [&](int rank, SumOverRanks const& sum) {
        Share const share(rank, ranks, token.size());
        RoutingBatch batch{k, {}, {}};
        for (int const id : share.of(expert, static_cast<std::size_t>(k)))
            batch.expert.push_back(ExpertId{id});
        auto const w = share.of(weight, static_cast<std::size_t>(k));
        batch.weight.assign(w.begin(), w.end());
        accepted[static_cast<std::size_t>(rank)] =
            accept({std::move(batch), share.of(token), share.of(source), source_tokens,
                    shape.num_experts, share.of(score, e)},
                   rule, draws, sum);
    });
    std::vector<RoutingBatch> parts;
    std::vector<int64_t> dropped(e * source_tokens.size());
    double dropped_weight = 0;
    int64_t rerouted = 0;
    for (auto const& part : accepted) {
        parts.push_back(part.batch);
        for (std::size_t i = 0; i < dropped.size(); ++i) dropped[i] += part.dropped[i];
        dropped_weight += part.dropped_weight;
        rerouted += part.rerouted;
    }
    Json result = as_json(joined(parts));
    result["dropped"] = dropped;
    result["dropped_weight"] = dropped_weight;
    result["rerouted"] = rerouted;
    result["capacity"] = accepted.front().capacity;
    return result;
}

/// [tokens][n] numbers that a gate draws.
Json draws(Json const& ask) {
    GateDraws const from(ask.at("seed"), StepId{ask.at("step")}, LayerId{ask.at("layer")});
    std::string const kind = ask.at("kind");
    auto const purpose = static_cast<Draw>(ask.at("purpose").get<int>());
    Json rows = Json::array();
    for (int64_t const token : ask.at("token")) {
        Json row = Json::array();
        for (uint32_t i = 0; i < ask.at("n").get<uint32_t>(); ++i)
            row.push_back(kind == "uniform"  ? from.uniform(purpose, token, i)
                          : kind == "normal" ? from.normal(purpose, token, i)
                          : kind == "word"   ? from.word(purpose, token, i)
                                             : from.gumbel(purpose, token, i));
        rows.push_back(row);
    }
    return rows;
}

Json table(Json const& ask) {
    Json rows = Json::array();
    for (int64_t const id : ask.at("token")) {
        Json row = Json::array();
        for (ExpertId const e : table_row(ask.at("seed"), LayerId{ask.at("layer")}, id,
                                          ask.at("experts"), ask.at("k")))
            row.push_back(index(e));
        rows.push_back(row);
    }
    return rows;
}

Json bias_after(Json const& ask) {
    auto bias = ask.at("bias").get<std::vector<float>>();
    update_bias(ask.at("counts").get<std::vector<int64_t>>(), ask.at("rate"), bias);
    return bias;
}

Json capacities(Json const& ask) {
    Json result = Json::array();
    for (auto const& c : ask.at("cases")) {
        CapacityRule const rule{enum_from<CapacityPolicy>(c.at("policy").get<std::string>()),
                                c.at("factor"), c.at("k")};
        result.push_back(*capacity(rule, c.at("tokens"), c.at("experts"), c.at("load")));
    }
    return result;
}

Json health(Json const& ask) {
    auto const x = flat<float>(ask.at("logits")), weight = flat<float>(ask.at("weight"));
    RoutingBatch batch{ask.at("k"), {}, weight};
    for (int const id : flat<int>(ask.at("expert"))) batch.expert.push_back(ExpertId{id});
    int const experts = ask.at("experts");
    auto const figures = health_figures(routing_sums(batch, {x, experts}, experts), batch.top_k,
                                        ask.at("dropped_weight"), 42);
    Json result;
    for (std::size_t i = 0; i < figures.size(); ++i) result[health_names[i].data()] = figures[i];
    return result;
}

Json jitter(Json const& ask) {
    auto hidden = ask.at("hidden").get<std::vector<float>>();
    jitter_input(hidden, ask.at("epsilon"), GateDraws(ask.at("seed"), StepId{0}, LayerId{0}),
                 ask.at("token"));
    return hidden;
}

Json answer(Json const& ask) {
    std::string const what = ask.at("what");
    if (what == "gate") return gate(ask);
    if (what == "overflow") return overflow(ask);
    if (what == "draws") return draws(ask);
    if (what == "table") return table(ask);
    if (what == "bias") return bias_after(ask);
    if (what == "capacity") return capacities(ask);
    if (what == "jitter") return jitter(ask);
    return health(ask);
}

}  // namespace

int main() {
    std::cout << answer(Json::parse(std::cin)) << '\n';
}
