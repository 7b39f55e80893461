#pragma once

#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <string>

#include "collective.hpp"
#include "layer/algorithm_choice.hpp"
#include "layer/times_by_turns.hpp"

namespace epsim::bench {

/// Several ways to do the same collective work, timed by turns in an order that changes from round
/// to round, the same on all ranks.
class Contest {
public:
    explicit Contest(Communicator const& comm) : comm_(comm) {}

    void add(std::string name, std::function<void()> work) {
        contenders_.push_back({std::move(name), std::move(work), {}});
    }

    /// Adds `auto`: what a trial of those added so far, as short as that of exchange.algorithm =
    /// auto, finds fastest. \param names of all of them, in their order
    void add_fastest(std::vector<std::string> const& names) {
        std::vector<std::function<void()>> work;
        for (auto const& contender : contenders_) work.push_back(contender.work);
        auto const seconds = times_by_turns(
            work, comm_, {.seconds = 0.05, .least_rounds = 3, .most_rounds = 15}, [] {});
        std::vector<AlgorithmTime> times;
        for (std::size_t i = 0; i < work.size(); ++i) times.push_back({names.at(i), seconds[i]});
        auto const fastest = choose_algorithm(std::move(times)).algorithm();
        auto const at = std::ranges::find(names, fastest) - names.begin();
        add("auto", work[static_cast<std::size_t>(at)]);
    }

    /// \param calls of the work in a turn: a single one may be shorter than a barrier's end
    void round(int calls) {
        order_.resize(contenders_.size());
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        std::ranges::shuffle(order_, random_);
        for (std::size_t const i : order_) {
            auto& contender = contenders_[i];
            double const s = collective_seconds(comm_, [&] {
                for (int c = 0; c < calls; ++c) contender.work();
            });
            contender.seconds.push_back(s / calls);
        }
    }

    /// Median seconds of each.
    std::map<std::string, double> medians() const {
        std::map<std::string, double> all;
        for (auto const& contender : contenders_) all[contender.name] = median(contender.seconds);
        return all;
    }

private:
    struct Contender {
        std::string name;
        std::function<void()> work;
        std::vector<double> seconds;
    };
    Communicator const& comm_;
    std::vector<Contender> contenders_;
    std::vector<std::size_t> order_;
    std::mt19937 random_{7};
};

}  // namespace epsim::bench
