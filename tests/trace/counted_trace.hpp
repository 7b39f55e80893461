#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "trace/routing.hpp"

namespace epsim {

using Shares = std::vector<double>;

/// 1/2 sum |a - b| of shares, from counts.
inline double distance(Shares const& a, Shares const& b) {
    double sum_a = 0, sum_b = 0, sum = 0;
    for (std::size_t e = 0; e < a.size(); ++e) sum_a += a[e], sum_b += b[e];
    for (std::size_t e = 0; e < a.size(); ++e) sum += std::abs(a[e] / sum_a - b[e] / sum_b) / 2;
    return sum;
}

/// What is counted of a trace, apart from the code under test: of all layers, one after the other.
struct Counted {
    Shares all, pairs;  // [L E], [L E E] assignments; tokens that chose both
    std::map<int64_t, Shares> source, step, half;  // assignments of each
    double reused = 0, followed = 0;

    double reuse() const { return reused / followed; }
    double max_over_mean() const {
        double sum = 0;
        for (double const n : all) sum += n;
        return std::ranges::max(all) * double(all.size()) / sum;
    }
    double of_each(std::map<int64_t, Shares> const& groups) const {
        double sum = 0;
        for (auto const& [_, group] : groups) sum += distance(group, all);
        return sum / double(groups.size());
    }
    double from_step_to_step() const {
        double sum = 0;
        for (auto i = step.begin(), j = std::next(i); j != step.end(); ++i, ++j)
            sum += distance(i->second, j->second);
        return sum / double(step.size() - 1);
    }
    double between_halves() const { return distance(half.at(0), half.at(1)); }
};

inline Counted counted(RoutingSource const& trace) {
    auto const& info = trace.info();
    auto const experts = static_cast<std::size_t>(info.num_experts);
    auto const k = static_cast<std::size_t>(info.top_k);
    Counted c;
    c.all.resize(info.layer.size() * experts);
    c.pairs.resize(c.all.size() * experts);
    for (std::size_t l = 0; l < info.layer.size(); ++l)
        for (int s = 0; s < info.steps(); ++s) {
            TokenRange const range{0, info.tokens_of(StepId{s})};
            auto const chosen = trace.read(StepId{s}, static_cast<LayerId>(l), range).expert;
            std::vector<int32_t> from(chosen.size() / k);
            if (info.has(TokenColumn::source_rank))
                from = trace.column(TokenColumn::source_rank, StepId{s}, range);
            auto& half = c.half[s < info.steps() / 2 ? 0 : 1];
            for (auto* group : {&half, &c.step[s]}) group->resize(c.all.size());
            for (std::size_t t = 0; t < from.size(); ++t) {
                auto& source = c.source[from[t]];
                source.resize(c.all.size());
                bool const follows = t > 0 && from[t] == from[t - 1];
                if (follows) c.followed += double(k);
                for (std::size_t i = t * k; i < t * k + k; ++i) {
                    std::size_t const e = l * experts + static_cast<std::size_t>(index(chosen[i]));
                    ++c.all[e], ++source[e], ++c.step[s][e], ++half[e];
                    for (std::size_t j = t * k; j < t * k + k; ++j)
                        if (j != i)
                            ++c.pairs[e * experts + static_cast<std::size_t>(index(chosen[j]))];
                    for (std::size_t j = t * k - k; follows && j < t * k; ++j)
                        c.reused += chosen[j] == chosen[i];
                }
            }
        }
    return c;
}

}  // namespace epsim
