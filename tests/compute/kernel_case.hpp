#pragma once

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "compute/expert_kernel.hpp"

namespace epsim::test {

/// Random rows for the slots of one kernel, with received rows that no entry reads.
struct KernelCase {
    enum class Order { contiguous, interleaved };

    HostBuffer in_memory, out_memory;
    std::vector<int64_t> slot_offset{0};
    std::vector<int32_t> row_index;
    std::vector<float> weight;
    GroupedRows in;
    BufferView out;

    KernelCase(FeedForwardSpec const& spec, std::vector<int64_t> const& rows_of_slot, Order order,
               uint32_t seed)
        : in_memory(spec.in_dtype, spec.hidden), out_memory(spec.out_dtype, spec.hidden) {
        for (int64_t n : rows_of_slot) slot_offset.push_back(slot_offset.back() + n);
        std::mt19937 random(seed);
        int64_t const rows = slot_offset.back() + (order == Order::interleaved ? 3 : 0);
        row_index.resize(static_cast<std::size_t>(rows));
        std::iota(row_index.begin(), row_index.end(), 0);
        if (order == Order::interleaved) std::ranges::shuffle(row_index, random);
        row_index.resize(static_cast<std::size_t>(slot_offset.back()));
        weight.assign(row_index.size(), 1.0f);
        in = {in_memory.rows(rows), slot_offset, row_index, row_index, weight};
        out = out_memory.rows(rows);
        std::normal_distribution<float> normal;
        dispatch_dtype(spec.in_dtype, [&]<class T>(T) {
            for (int64_t i = 0; i < rows * spec.hidden; ++i)
                in.rows.as<T>()[i] = from_float<T>(normal(random));
        });
        dispatch_dtype(spec.out_dtype, [&]<class T>(T) {
            std::fill_n(out.as<T>(), rows * spec.hidden, from_float<T>(untouched));
        });
    }

    static constexpr float untouched = -77;

    int64_t most_rows() const {
        int64_t most = 0;
        for (std::size_t s = 0; s + 1 < slot_offset.size(); ++s)
            most = std::max(most, slot_offset[s + 1] - slot_offset[s]);
        return most;
    }
    void run(ExpertKernel& kernel, int layer = 0) {
        HostStream stream;
        kernel.prepare(most_rows(), slot_offset.back());
        kernel.forward(layer, in, out, stream);
    }
    static std::vector<float> row(BufferView view, int64_t i) {
        std::vector<float> values;
        dispatch_dtype(view.type, [&]<class T>(T) {
            for (int64_t j = 0; j < view.width; ++j)
                values.push_back(to_float(view.as<T>()[i * view.width + j]));
        });
        return values;
    }
};

/// Keys of `layers` layers of `slots` routed experts, all different.
inline std::vector<std::vector<WeightKey>> distinct_keys(int layers, int slots) {
    std::vector<std::vector<WeightKey>> keys(static_cast<std::size_t>(layers));
    for (int layer = 0; layer < layers; ++layer)
        for (int s = 0; s < slots; ++s)
            keys[static_cast<std::size_t>(layer)].push_back(
                {WeightKey::Role::routed, layer, 10 + s});
    return keys;
}

}  // namespace epsim::test
