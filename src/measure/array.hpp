#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/cast.hpp"
#include "core/error.hpp"

namespace epsim {

/// A dense array of N dimensions in C order.
template <class T, std::size_t N>
class Array {
public:
    using Shape = std::array<int64_t, N>;

    Array() = default;
    explicit Array(Shape shape, T fill = T{}) : shape_(shape) {
        int64_t size = 1;
        for (int64_t const n : shape) size = checked_multiply(size, n, "array size");
        data_.assign(static_cast<std::size_t>(size), fill);
    }

    Shape const& shape() const noexcept { return shape_; }
    int64_t extent(std::size_t axis) const noexcept { return shape_[axis]; }
    bool empty() const noexcept { return data_.empty(); }
    std::span<T> flat() noexcept { return data_; }
    std::span<T const> flat() const noexcept { return data_; }

    template <class... I>
        requires(sizeof...(I) == N)
    T& operator()(I... i) noexcept {
        return data_[offset({static_cast<int64_t>(i)...})];
    }
    template <class... I>
        requires(sizeof...(I) == N)
    T const& operator()(I... i) const noexcept {
        return data_[offset({static_cast<int64_t>(i)...})];
    }

    bool operator==(Array const&) const = default;

private:
    std::size_t offset(Shape const& at) const noexcept {
        int64_t o = 0;
        for (std::size_t axis = 0; axis < N; ++axis) o = o * shape_[axis] + at[axis];
        return static_cast<std::size_t>(o);
    }

    Shape shape_{};
    std::vector<T> data_;
};

}  // namespace epsim
