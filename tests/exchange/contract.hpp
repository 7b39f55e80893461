#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "exchange/exchange.hpp"
#include "exchange/exchange_shape.hpp"
#include "rows/row_codec.hpp"
#include "support/random_routing.hpp"
#include "support/slot_routing.hpp"

namespace epsim::test {

/// One random case of the contract that every exchange keeps, the same on all ranks.
struct ContractCase {
    using Maker =
        std::function<std::unique_ptr<Exchange>(Placement const&, Dedup, ExchangeShape const&)>;
    unsigned seed;
    int ranks;
    Dedup dedup = Dedup::none;

    /// Run it as one rank, several layers one after the other: rows go out, an "expert" adds
    /// slot + 1 to each, they come back, and every token's weighted sum must be what a loop over
    /// its experts gives: bit for bit, or, with dedup, within the rounding of partial sums.
    void run(int rank, Maker const& make) const {
        std::mt19937 random(seed);
        auto const pick = [&](int low, int high) {
            return std::uniform_int_distribution(low, high)(random);
        };
        int const experts = pick(1, 3 * ranks + 2), top_k = pick(1, std::min(experts, 6));
        int const hidden = pick(0, 3) == 0 ? pick(120, 300) : pick(1, 70);
        auto const placement = linear_placement(1, experts, ranks);
        ExchangeShape shape{
            hidden,
            pick(0, 1) ? DType::bf16 : DType::f32,
            wire_dtypes[static_cast<std::size_t>(pick(0, 3))],
            pick(0, 1) ? DType::bf16 : DType::f32,
            pick(0, 2) == 0 ? WeightAt::input : WeightAt::source,
            placement.rank_slot_offset()[static_cast<std::size_t>(rank)],
            static_cast<int32_t>(placement.experts_of(LayerId{0}, RankId{rank}).size())};
        auto const slots =
            static_cast<int>(std::ssize(placement.experts_of(LayerId{0}, RankId{0})));
        int const choices = std::min(top_k, slots);  // rank 0 has most of all
        int const rows = pick(1, 3) == 1 ? most_tokens + 1 : most_tokens;
        shape.capacity =
            dedup == Dedup::none ? Capacity{rows * choices, 1} : Capacity{rows, choices};
        auto const exchange = make(placement, dedup, shape);
        for (int layer = 0; layer < 3; ++layer) {
            bool const one_takes_all = pick(0, 3) == 0;
            ExpertId const favourite = one_takes_all ? ExpertId{pick(0, experts - 1)} : no_expert;
            RoutingBatch mine;
            for (int r = 0; r < ranks; ++r) {  // every rank draws all, so that all agree
                int const tokens = pick(0, 3) == 0 ? 0 : pick(1, most_tokens);
                auto batch = random_routing(random, tokens, experts, top_k, favourite);
                if (r == rank) mine = std::move(batch);
            }
            run_layer(rank, placement, shape, *exchange, mine);
        }
    }

private:
    static constexpr int most_tokens = 40;

    void run_layer(int rank, Placement const& placement, ExchangeShape const& shape,
                   Exchange& exchange, RoutingBatch const& mine) const {
        HostStream stream;
        HostBuffer tokens(shape.dtype, shape.hidden), out(DType::f32, shape.hidden);
        BufferView const x = tokens.rows(mine.tokens());
        fill(x, rank);
        auto const slots = test::slot_routing(mine, placement);
        DispatchPlanner planner;
        exchange.prepare(planner.plan(slots, exchange.route()));
        exchange.permute(x, stream);
        exchange.dispatch(stream);
        GroupedRows const received = exchange.received(stream);
        run_experts(shape, received, exchange.results());
        exchange.merge(stream);
        exchange.combine(stream);
        BufferView const sum = out.rows(mine.tokens());
        bool const weighs = shape.weight_at == WeightAt::source && dedup == Dedup::none;
        exchange.unpermute(weighs ? std::span<float const>(slots.weight) : std::span<float const>{},
                           sum, stream);
        expect_sums(shape, mine, x, sum, rank);
    }

    static void run_experts(ExchangeShape const& shape, GroupedRows const& received, BufferView y) {
        // What no entry writes comes back as it is, and must not count.
        for (int64_t row = 0; row < y.rows; ++row)
            for (int64_t c = 0; c < shape.hidden; ++c)
                put(y, row, c, std::numeric_limits<float>::quiet_NaN());
        std::vector<int> seen(static_cast<std::size_t>(y.rows));
        ASSERT_GE(y.rows, std::ssize(received.result_index));
        EXPECT_EQ(received.rows.type, shape.received_dtype());
        for (std::size_t s = 0; s + 1 < received.slot_offset.size(); ++s)
            for (auto i = received.slot_offset[s]; i < received.slot_offset[s + 1]; ++i) {
                auto const e = static_cast<std::size_t>(i);
                ++seen[static_cast<std::size_t>(received.result_index[e])];
                for (int64_t c = 0; c < shape.hidden; ++c)
                    put(y, received.result_index[e], c,
                        get(received.rows, received.row_index[e], c) +
                            slot_value(shape.first_slot + static_cast<int>(s)));
            }
        EXPECT_EQ(std::ranges::count(seen, 1), std::ssize(received.result_index))
            << "each entry has a result of its own";
    }

    void expect_sums(ExchangeShape const& shape, RoutingBatch const& mine, BufferView x,
                     BufferView sum, int rank) const {
        double const stages = dedup == Dedup::none ? 0 : dedup == Dedup::rank ? 1 : 2;
        double const roundoff =
            stages > 0 ? 1.01 * stages * unit_roundoff(shape.combine_dtype) + 20 * 0x1p-24 : 0;
        std::vector<float> sent(static_cast<std::size_t>(shape.hidden));
        for (int64_t t = 0; t < mine.tokens(); ++t) {
            std::vector<float> expected(sent.size());
            std::vector<double> magnitude(sent.size());
            for (int64_t a = t * mine.top_k; a < (t + 1) * mine.top_k; ++a) {
                auto const i = static_cast<std::size_t>(a);
                if (mine.expert[i] == no_expert) continue;
                arrive(shape, {x.row(t), x.type, 1, x.width, x.device}, mine.weight[i], sent);
                for (std::size_t c = 0; c < sent.size(); ++c) {
                    float const returned =
                        rounded(shape.combine_dtype, sent[c] + slot_value(index(mine.expert[i])));
                    float const term =
                        shape.weight_at == WeightAt::input ? returned : mine.weight[i] * returned;
                    expected[c] += term;
                    magnitude[c] += std::abs(term);
                }
            }
            for (std::size_t c = 0; c < sent.size(); ++c)
                ASSERT_LE(std::abs(double{get(sum, t, static_cast<int64_t>(c))} - expected[c]),
                          roundoff * magnitude[c])
                    << "seed " << seed << " rank " << rank << " token " << t << " column " << c
                    << " dedup " << name_of(dedup) << " wire " << name_of(shape.wire_dtype);
        }
    }

    /// What an expert must get of a token: through the wire's type, scaled where that is due.
    void arrive(ExchangeShape const& shape, BufferView token, float weight,
                std::vector<float>& out) const {
        HostBuffer wire(shape.wire_dtype, shape.hidden),
            plain(shape.received_dtype(), shape.hidden);
        bool const scaled = shape.weight_at == WeightAt::input, merged = dedup != Dedup::none;
        int32_t const row = 0;
        if (scaled && !merged)
            encode_scaled_rows(token, {&row, 1}, {&weight, 1}, wire.rows(1));
        else
            encode_rows(token, wire.rows(1));
        decode_rows(wire.rows(1), plain.rows(1));
        for (std::size_t c = 0; c < out.size(); ++c) {
            out[c] = get(plain.rows(1), 0, static_cast<int64_t>(c));
            if (scaled && merged) out[c] = rounded(shape.received_dtype(), out[c] * weight);
        }
    }

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
