#include "schedule/exchange_schedule.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <iterator>

#include "core/cast.hpp"
#include "schedule/bruck_schedule.hpp"

namespace epsim {
namespace {

/// What happens after another thing: rows are handed on as often as in both.
void append(ExchangeSchedule& all, ExchangeSchedule next) {
    all.hops = all.rounds.empty() ? next.hops : all.hops + next.hops;
    all.ranks = next.ranks;
    all.inside = next.inside;
    std::ranges::move(next.rounds, std::back_inserter(all.rounds));
}

ExchangeSchedule of(ExchangeSchedule schedule, Inside inside) {
    schedule.inside = inside;
    return schedule;
}

}  // namespace

std::vector<std::string> const& exchange_algorithms() {
    static std::vector<std::string> const names{"alltoallv", "ring",   "pairwise", "persistent",
                                                "bruck",     "shm",    "direct",   "hierarchical",
                                                "rail",      "padded", "allgather"};
    return names;
}

bool forwards(std::string_view algorithm) {
    return algorithm == "hierarchical" || algorithm == "rail";
}

std::string_view return_algorithm(std::string_view algorithm) {
    return algorithm == "allgather" ? "alltoallv" : algorithm;
}

bool returns_padding(std::string_view algorithm) {
    return algorithm == "padded";
}

bool one_pass(std::string_view algorithm) {
    return algorithm == "direct";
}

bool takes_plans(std::string_view algorithm) {
    return forwards(algorithm) || one_pass(algorithm) || algorithm == "padded" ||
           algorithm == "allgather";
}

std::string_view hop_algorithm(std::string_view algorithm) {
    return forwards(algorithm) ? "shm" : algorithm;
}

ExchangeSchedule exchange_schedule(std::string_view algorithm,
                                   std::span<Array<int64_t, 2> const> hops) {
    ExchangeSchedule all;
    for (auto const& bytes : hops) append(all, exchange_schedule(algorithm, bytes));
    return all;
}

ExchangeSchedule exchange_schedule(std::string_view algorithm, Array<int64_t, 2> const& bytes) {
    algorithm = hop_algorithm(algorithm);
    if (algorithm == "alltoallv" || algorithm == "padded") return alltoallv_schedule(bytes);
    if (algorithm == "allgather") return allgather_schedule(bytes);
    if (algorithm == "ring") return ring_schedule(bytes);
    if (algorithm == "pairwise" || algorithm == "persistent") return pairwise_schedule(bytes);
    if (algorithm == "bruck") return bruck_schedule(bytes);
    if (algorithm == "shm") return of(pairwise_schedule(bytes), Inside::pushed);
    if (algorithm == "direct") return of(pairwise_schedule(bytes), Inside::one_pass);
    throw InputError(fmt::format("exchange.algorithm = '{}' is not known (known: {}). Choose one",
                                 algorithm, fmt::join(exchange_algorithms(), ", ")));
}

ExchangeSchedule alltoallv_schedule(Array<int64_t, 2> const& bytes) {
    std::vector<Message> round;
    for (int from = 0; from < bytes.extent(0); ++from)
        for (int to = 0; to < bytes.extent(1); ++to)
            round.push_back({RankId{from}, RankId{to}, bytes(from, to)});
    return {narrow<int>(bytes.extent(0)), {std::move(round)}};
}

ExchangeSchedule ring_schedule(Array<int64_t, 2> const& bytes) {
    int const ranks = narrow<int>(bytes.extent(0));
    ExchangeSchedule schedule{ranks, {}};
    for (int i = 0; i < ranks; ++i) {
        auto& round = schedule.rounds.emplace_back();
        for (int from = 0; from < ranks; ++from) {
            int const to = (from + i) % ranks;
            if (bytes(from, to) > 0) round.push_back({RankId{from}, RankId{to}, bytes(from, to)});
        }
    }
    return schedule;
}

ExchangeSchedule pairwise_schedule(Array<int64_t, 2> const& bytes) {
    auto schedule = alltoallv_schedule(bytes);
    std::erase_if(schedule.rounds.front(), [](Message const& m) { return m.bytes == 0; });
    return schedule;
}

ExchangeSchedule allgather_schedule(Array<int64_t, 2> const& bytes) {
    return of(alltoallv_schedule(bytes), Inside::gathered);
}

ExchangeSchedule counts_schedule(std::string_view algorithm,
                                 std::span<Array<int64_t, 2> const> counts,
                                 std::span<Array<int64_t, 2> const> entries) {
    ExchangeSchedule all;
    for (std::size_t h = 0; h < counts.size(); ++h) {
        auto hop = exchange_schedule(algorithm, entries[h]);
        if (hop.hops > 1) {
            append(all, alltoallv_schedule(counts[h]));
        } else {
            auto both = entries[h];
            std::ranges::transform(both.flat(), counts[h].flat(), both.flat().begin(),
                                   std::plus<>());
            hop = of(alltoallv_schedule(both),
                     hop.inside == Inside::one_pass ? Inside::pushed : hop.inside);
        }
        append(all, std::move(hop));
    }
    return all;
}

Array<int64_t, 2> wire_bytes(ExchangeSchedule const& schedule, ClusterTopology const& topology) {
    Array<int64_t, 2> sent({topology.ranks(), link_class_count});
    for (auto const& round : schedule.rounds)
        for (auto const& message : round)
            sent(index(message.from),
                 static_cast<int64_t>(topology.link(message.from, message.to))) += message.bytes;
    return sent;
}

Array<uint8_t, 2> dependencies(ExchangeSchedule const& schedule) {
    int64_t const ranks = schedule.ranks;
    Array<uint8_t, 2> needs({ranks, ranks});
    for (int64_t r = 0; r < ranks; ++r) needs(r, r) = 1;
    for (auto const& round : schedule.rounds) {
        auto const before = needs;  // of those who enter this round
        for (auto const& message : round)
            for (int64_t other = 0; other < ranks; ++other) {
                needs(index(message.from), other) |= before(index(message.to), other);
                needs(index(message.to), other) |= before(index(message.from), other);
            }
    }
    return needs;
}

}  // namespace epsim
