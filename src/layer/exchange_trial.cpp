#include "layer/exchange_trial.hpp"

#include <algorithm>
#include <numeric>

#include "comm/mpi_session.hpp"
#include "layer/candidates.hpp"
#include "layer/emulated_experts.hpp"
#include "layer/moe_layer.hpp"
#include "layer/times_by_turns.hpp"
#include "layer/token_vectors.hpp"

namespace epsim {
namespace {

/// What this rank sends in a place: the first part of its tokens.
struct Sample {
    int layer;
    RoutingBatch routing;
    HostBuffer memory;
    BufferView tokens;
};

RoutingBatch first_part(RoutingBatch const& routing, int parts) {
    auto const n = part_of(routing.tokens(), 0, parts).size() * routing.top_k;
    return {routing.top_k,
            {routing.expert.begin(), routing.expert.begin() + n},
            {routing.weight.begin(), routing.weight.begin() + n}};
}

std::vector<Sample> load_samples(ReplayCase const& replay, Communicator const& comm) {
    std::vector<Sample> samples;
    TokenVectors const vectors(replay.spec);
    for (auto const& place : trial_places(replay.source.info(), replay.spec.layers)) {
        StepInput input;
        on_all_ranks(comm,
                     [&] { input = load_step(replay, place.step, comm.size(), comm.rank()); });
        auto& sample = samples.emplace_back(
            Sample{place.layer,
                   first_part(input.routing[static_cast<std::size_t>(place.layer)],
                              replay.overlap.parts()),
                   HostBuffer(replay.spec.dtype, replay.spec.shape.hidden),
                   {}});
        input.tokens.resize(static_cast<std::size_t>(sample.routing.tokens()));
        sample.tokens = sample.memory.rows(sample.routing.tokens());
        vectors.fill(place.step, input.tokens, sample.tokens);
    }
    return samples;
}

/// Layers whose experts take no time.
class Candidate {
public:
    Candidate(ReplayCase const& replay, RankId rank, std::unique_ptr<Exchange> exchange)
        : exchange_(std::move(exchange)),
          replicas_(replay.replicas(rank)),
          layer_(replay.spec, replicas_, std::vector<Exchange*>{exchange_.get()}, experts_,
                 nullptr),
          recorder_(clock_, replay.spec.layers),
          out_(replay.spec.dtype, replay.spec.shape.hidden) {}

    void run(std::vector<Sample> const& samples) {
        for (auto const& sample : samples)
            layer_.forward(LayerId{sample.layer}, sample.routing, sample.tokens,
                           out_.rows(sample.tokens.rows), recorder_, stream_);
    }

private:
    std::unique_ptr<Exchange> exchange_;
    EmulatedExperts experts_{0, false};
    ReplicaChooser replicas_;
    MoeLayer layer_;
    MonotonicClock clock_;
    PhaseRecorder recorder_;
    HostBuffer out_;
    HostStream stream_;
};

}  // namespace

std::vector<TrialPlace> trial_places(TraceInfo const& info, int layers) {
    std::vector<int32_t> steps(static_cast<std::size_t>(info.steps()));
    std::iota(steps.begin(), steps.end(), 0);
    std::ranges::stable_sort(steps, {}, [&](int32_t s) { return info.tokens_of(StepId{s}); });
    std::vector<TrialPlace> places;
    for (int32_t const step : {steps.back(), steps[steps.size() / 2]})
        for (int const layer : {0, layers - 1}) {
            TrialPlace const place{StepId{step}, layer};
            if (std::ranges::find(places, place) == places.end()) places.push_back(place);
        }
    return places;
}

AlgorithmChoice try_exchanges(ReplayCase const& replay, Communicator const& comm,
                              std::vector<std::string> const& algorithms, MakeExchange const& make,
                              std::function<void()> const& before_round) {
    constexpr TrialEffort effort{.seconds = 1, .least_rounds = 5, .most_rounds = 25};
    auto const samples = load_samples(replay, comm);
    std::vector<std::unique_ptr<Candidate>> layers;
    std::vector<std::function<void()>> calls;
    auto candidates = make_candidates(algorithms, [&](std::string const& algorithm) {
        layers.push_back(std::make_unique<Candidate>(replay, comm.rank(), make(algorithm)));
        calls.push_back([&samples, layer = layers.back().get()] { layer->run(samples); });
    });
    auto const seconds = times_by_turns(calls, comm, effort, before_round);
    std::vector<AlgorithmTime> times;
    for (std::size_t c = 0; c < seconds.size(); ++c)
        times.push_back({candidates.made[c], seconds[c] / static_cast<double>(samples.size())});
    return choose_algorithm(std::move(times), std::move(candidates.left_out));
}

}  // namespace epsim
