#include "trace/generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/build_info.hpp"
#include "core/cast.hpp"
#include "core/error.hpp"
#include "core/rng.hpp"
#include "core/text.hpp"
#include "trace/distinct_sampler.hpp"
#include "trace/limits.hpp"
#include "trace/share.hpp"

namespace epsim {
namespace {

constexpr uint32_t order_step = UINT32_MAX;  // no step: words for the orders of popularity
constexpr int block_bits = 20;               // a token has 2^20 blocks of random words
constexpr int tile = 32;                     // tokens whose words are made together
static_assert(most_step_tokens <= int64_t{1} << (63 - block_bits), "a token's blocks are its own");

class Generator final : public RoutingSource {
public:
    Generator(TraceInfo info, std::vector<double> log_popularity, uint64_t seed)
        : info_(std::move(info)),
          rng_(seed, RngStream::routing),
          sampler_(std::move(log_popularity), info_.top_k) {
        check(weight_blocks() + sampler_.blocks() <= 1u << block_bits,
              "a token's random words suffice");
        for (std::size_t layer = 0; layer < info_.layer.size(); ++layer)
            order_.push_back(shuffled(static_cast<uint32_t>(layer)));
    }

    TraceInfo const& info() const override { return info_; }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override;
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override;

private:
    template <class Words>
    static void weigh(Words const& words, std::span<float> weight);
    uint32_t weight_blocks() const { return (static_cast<uint32_t>(info_.top_k) + 7) / 8; }
    std::vector<ExpertId> shuffled(uint32_t layer) const;

    TraceInfo info_;
    CounterRng rng_;
    DistinctSampler sampler_;                   // of places in the order of popularity
    std::vector<std::vector<ExpertId>> order_;  // [L][E] expert at each place
};

std::vector<ExpertId> Generator::shuffled(uint32_t layer) const {
    std::vector<ExpertId> order;
    for (int e = 0; e < info_.num_experts; ++e) order.push_back(ExpertId{e});
    for (auto i = static_cast<uint32_t>(order.size()) - 1; i > 0; --i) {  // Fisher and Yates
        auto const words = rng_.words(layer, order_step, i);
        std::swap(order[i], order[static_cast<std::size_t>(uint64_t{words[0]} * (i + 1) >> 32)]);
    }
    return order;
}

template <class Words>
void Generator::weigh(Words const& words, std::span<float> weight) {
    uint64_t tail = 0, sum = 0;  // in 2^-16
    for (std::size_t j = 0; j < weight.size(); ++j) {
        uint32_t const word = words(static_cast<uint32_t>(j) / 8)[j / 2 % 4];
        tail += (word >> (j % 2 * 16) & 0xffff) + 1;
        weight[weight.size() - 1 - j] = static_cast<float>(tail);
        sum += tail;
    }
    auto const scale = static_cast<float>(1 / static_cast<double>(sum));
    for (float& w : weight) w *= scale;
}

RoutingBatch Generator::read(StepId step, LayerId layer, TokenRange range) const {
    check_range(info_, step, layer, range);
    auto const k = static_cast<std::size_t>(info_.top_k);
    auto const entries = static_cast<std::size_t>(range.size()) * k;
    RoutingBatch batch{info_.top_k, std::vector<ExpertId>(entries), std::vector<float>(entries)};
    auto const& order = order_[static_cast<std::size_t>(index(layer))];
    auto const a = static_cast<uint32_t>(index(layer)), b = static_cast<uint32_t>(index(step));
    auto const block_of = [](int64_t token, uint32_t block) {
        return (static_cast<uint64_t>(token) << block_bits) + block;
    };
    // The words that most tokens need are made for many tokens together: that loop is SIMD.
    uint32_t const ready_blocks = weight_blocks() + static_cast<uint32_t>(k) / 4 + 2;
    std::vector<std::array<PhiloxCounter, tile>> ready(ready_blocks);
    std::vector<int32_t> place(k);
    DistinctSampler::Scratch scratch;
    for (int64_t first = range.begin; first < range.end; first += tile) {
        for (uint32_t block = 0; block < ready_blocks; ++block)
            for (int t = 0; t < tile; ++t)
                ready[block][static_cast<std::size_t>(t)] =
                    rng_.words(a, b, block_of(first + t, block));
        for (int64_t token = first; token < std::min(first + tile, range.end); ++token) {
            auto const words = [&](uint32_t block) {
                return block < ready_blocks ? ready[block][static_cast<std::size_t>(token - first)]
                                            : rng_.words(a, b, block_of(token, block));
            };
            auto const at = static_cast<std::size_t>(token - range.begin) * k;
            weigh(words, std::span(batch.weight).subspan(at, k));
            sampler_.draw([&](uint32_t block) { return words(weight_blocks() + block); }, place,
                          scratch);
            for (std::size_t j = 0; j < k; ++j)
                batch.expert[at + j] = order[static_cast<std::size_t>(place[j])];
        }
    }
    return batch;
}

std::vector<int32_t> Generator::column(TokenColumn which, StepId step, TokenRange range) const {
    check(info_.has(which), "the source has the column");
    check_range(info_, step, LayerId{0}, range);
    std::vector<int32_t> source;
    source.reserve(static_cast<std::size_t>(range.size()));
    int64_t const n = info_.tokens_of(step);
    for (int32_t s = 0; s < info_.source_count; ++s) {
        int64_t const end = std::min(share_begin(s + 1, n, info_.source_count), range.end);
        int64_t const begin = range.begin + static_cast<int64_t>(source.size());
        if (end > begin) source.insert(source.end(), static_cast<std::size_t>(end - begin), s);
    }
    return source;
}

void check_number(bool holds, char const* name, int64_t value, char const* range) {
    if (!holds)
        throw InputError(
            fmt::format("{} = {} is out of range (it lies in {}). Correct it", name, value, range));
}

}  // namespace

std::unique_ptr<RoutingSource> make_generator(RoutingOptions const& routing,
                                              TokenOptions const& tokens, int num_experts,
                                              int top_k, int layers) {
    static std::array<std::string, 2> const names{"uniform", "zipf"};
    if (std::ranges::find(names, routing.generator) == names.end())
        throw InputError(fmt::format("routing.generator = '{}' is unknown (nearest: '{}'). Use {}",
                                     routing.generator, nearest(routing.generator, names),
                                     fmt::join(names, ", ")));
    check_sizes(num_experts, top_k);
    double const s = routing.generator == "zipf" ? routing.zipf_s : 0;
    if (!std::isfinite(s) || s < 0)
        throw InputError(fmt::format(
            "routing.zipf_s = {} is no Zipf exponent (0 is uniform, 1 is usual). Correct it", s));
    if (routing.layers != 0) layers = routing.layers;
    check_number(layers >= 1 && layers <= most_layers, "routing.layers", layers, "1 .. 65536");
    check_number(routing.sources >= 1 && routing.sources <= most_sources, "routing.sources",
                 routing.sources, "1 .. 65536");
    int64_t const steps = tokens.steps == 0 ? 1 : tokens.steps;
    check_number(steps >= 1 && steps <= most_steps, "tokens.steps", steps, "1 .. 2^24");
    int64_t const per_rank = tokens.per_rank == 0 ? 1024 : tokens.per_rank;
    int64_t const per_step = tokens.per_step == 0
                                 ? checked_multiply(per_rank, routing.sources, "tokens of a step")
                                 : tokens.per_step;
    check_number(per_step >= 1 && per_step <= most_step_tokens, "tokens.per_step", per_step,
                 "1 .. 2^28");
    check_number(per_step <= most_tokens / steps, "tokens.per_step x tokens.steps",
                 per_step * steps, "1 .. 2^34");

    TraceInfo info;
    info.num_experts = num_experts;
    info.top_k = top_k;
    info.source_count = routing.sources;
    info.producer = fmt::format("epsim {}", build_info().version);
    info.source = fmt::format("{}, seed {}",
                              routing.generator == "zipf" ? fmt::format("zipf {}", s) : "uniform",
                              routing.seed);
    info.has_weights = true;
    if (routing.sources > 1) info.columns = {TokenColumn::source_rank};
    info.layer.resize(static_cast<std::size_t>(layers));
    std::iota(info.layer.begin(), info.layer.end(), 0);
    for (int64_t i = 0; i <= steps; ++i) info.step_offset.push_back(i * per_step);

    std::vector<double> log_popularity;
    for (int place = 1; place <= num_experts; ++place)
        log_popularity.push_back(-s * std::log(place));
    return std::make_unique<Generator>(std::move(info), std::move(log_popularity), routing.seed);
}

}  // namespace epsim
