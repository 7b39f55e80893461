#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "exchange/transport_exchange.hpp"
#include "support/random_routing.hpp"

namespace epsim::test {

/// One random case of the contract that every exchange keeps, the same on all ranks.
struct ContractCase {
    unsigned seed;
    int ranks;

    /// Run it as one rank: rows go out, an "expert" adds slot + 1 to each, they come back, and
    /// every token's weighted sum must be what a loop over its experts gives, bit for bit.
    void run(int rank, std::unique_ptr<Transport> transport) const {
        std::mt19937 random(seed);
        auto const pick = [&](int low, int high) {
            return std::uniform_int_distribution(low, high)(random);
        };
        int const experts = pick(1, 3 * ranks + 2), top_k = pick(1, std::min(experts, 6));
        int64_t const hidden = pick(1, 70);
        DType const wire = pick(0, 1) ? DType::bf16 : DType::f32;
        DType const combine = pick(0, 1) ? DType::bf16 : DType::f32;
        bool const one_takes_all = pick(0, 3) == 0, scaled = pick(0, 2) == 0;
        ExpertId const favourite = one_takes_all ? ExpertId{pick(0, experts - 1)} : no_expert;
        auto const placement = linear_placement(1, experts, ranks);
        RoutingBatch mine;
        for (int r = 0; r < ranks; ++r) {  // every rank draws all, so that all agree
            int const tokens = pick(0, 3) == 0 ? 0 : pick(1, 40);
            auto batch = random_routing(random, tokens, experts, top_k, favourite);
            if (r == rank) mine = std::move(batch);
        }

        ExchangeShape const shape{
            hidden, wire, combine, placement.rank_slot_offset()[static_cast<std::size_t>(rank)],
            static_cast<int32_t>(placement.experts_of(LayerId{0}, RankId{rank}).size())};
        TransportExchange exchange(std::move(transport), shape);
        HostStream stream;
        HostBuffer tokens(wire, hidden), expert_out(combine, hidden), out(DType::f32, hidden);
        BufferView const x = tokens.rows(mine.tokens());
        fill(x, rank);

        SlotRouting slots;
        resolve_replicas(mine, placement, LayerId{0}, slots);
        DispatchPlanner planner;
        auto const& plan = planner.plan(slots, placement);
        exchange.prepare(plan);
        exchange.permute(x, scaled ? std::span<float const>(plan.weight) : std::span<float const>{},
                         stream);
        GroupedRows const received = exchange.dispatch(stream);
        BufferView const y = expert_out.rows(received.rows.rows);
        std::vector<int> seen(static_cast<std::size_t>(received.rows.rows));
        for (std::size_t s = 0; s + 1 < received.slot_offset.size(); ++s)
            for (auto i = received.slot_offset[s]; i < received.slot_offset[s + 1]; ++i) {
                int64_t const row = received.row_index[static_cast<std::size_t>(i)];
                ++seen[static_cast<std::size_t>(row)];
                for (int64_t c = 0; c < hidden; ++c)
                    put(y, row, c,
                        get(received.rows, row, c) +
                            slot_value(shape.first_slot + static_cast<int>(s)));
            }
        for (int const times : seen) ASSERT_EQ(times, 1) << "each received row serves one slot";
        exchange.combine(y, stream);
        BufferView const sum = out.rows(mine.tokens());
        exchange.unpermute(scaled ? std::span<float const>{} : std::span<float const>(slots.weight),
                           sum, stream);

        for (int64_t t = 0; t < mine.tokens(); ++t)
            for (int64_t c = 0; c < hidden; ++c) {
                float expected = 0;
                for (int64_t a = t * top_k; a < (t + 1) * top_k; ++a) {
                    auto const i = static_cast<std::size_t>(a);
                    if (mine.expert[i] == no_expert) continue;
                    float const sent =
                        scaled ? rounded(wire, get(x, t, c) * mine.weight[i]) : get(x, t, c);
                    float const returned =
                        rounded(combine, sent + slot_value(index(mine.expert[i])));
                    expected += scaled ? returned : mine.weight[i] * returned;
                }
                ASSERT_EQ(get(sum, t, c), expected)
                    << "seed " << seed << " rank " << rank << " token " << t << " column " << c;
            }
    }

private:
    static float slot_value(int slot) { return static_cast<float>(slot % 16 + 1); }
    static float rounded(DType type, float v) {
        return dispatch_dtype(type, [&]<class T>(T) { return to_float(from_float<T>(v)); });
    }
    static float get(BufferView b, int64_t row, int64_t c) {
        return dispatch_dtype(b.type,
                              [&]<class T>(T) { return to_float(b.as<T>()[row * b.width + c]); });
    }
    static void put(BufferView b, int64_t row, int64_t c, float v) {
        dispatch_dtype(b.type,
                       [&]<class T>(T) { b.as<T>()[row * b.width + c] = from_float<T>(v); });
    }
    static void fill(BufferView x, int rank) {
        for (int64_t t = 0; t < x.rows; ++t)
            for (int64_t c = 0; c < x.width; ++c)
                put(x, t, c, static_cast<float>((rank * 31 + t * 7 + c * 3) % 64 - 32));
    }
};

}  // namespace epsim::test
