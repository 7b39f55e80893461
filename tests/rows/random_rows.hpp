#pragma once

#include <random>
#include <vector>

#include "device/buffer.hpp"

namespace epsim {

/// Rows of random bytes or, of a type that computes, of random numbers.
struct RandomRows {
    HostBuffer memory;
    BufferView view;

    RandomRows(DType type, int64_t rows, int64_t width, std::mt19937& random)
        : memory(type, width), view(memory.rows(rows)) {
        std::normal_distribution<float> normal;
        if (type == DType::f32 || type == DType::bf16)
            dispatch_dtype(type, [&]<class T>(T) {
                for (int64_t i = 0; i < rows * width; ++i)
                    view.as<T>()[i] = from_float<T>(normal(random));
            });
        else
            for (int64_t i = 0; i < view.bytes(); ++i)
                view.data[i] = static_cast<std::byte>(random());
    }
    float at(int64_t row, int64_t column) const {
        return dispatch_dtype(view.type, [&]<class T>(T) {
            return to_float(view.as<T>()[row * view.width + column]);
        });
    }
    std::vector<std::byte> bytes(int64_t row) const {
        return {view.row(row), view.row(row) + view.row_bytes()};
    }
};

inline float rounded(DType type, float value) {
    return type == DType::f32 ? value : to_float(to_bf16(value));
}

inline std::vector<int32_t> random_indices(std::size_t n, int64_t rows, std::mt19937& random) {
    std::uniform_int_distribution<int32_t> pick(-1, static_cast<int32_t>(rows) - 1);
    std::vector<int32_t> index(n);
    for (auto& i : index) i = pick(random);
    return index;
}

}  // namespace epsim
