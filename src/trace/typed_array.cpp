#include "trace/typed_array.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

#include "core/error.hpp"

namespace epsim {
namespace {

static_assert(std::endian::native == std::endian::little);

/// IEEE 754 binary16.
struct half {
    uint16_t bits;
};

double value_of(half h) noexcept {
    int const exponent = h.bits >> 10 & 31;
    int const fraction = h.bits & 1023;
    double const sign = h.bits >> 15 ? -1 : 1;
    if (exponent == 31) return fraction ? std::nan("") : sign * INFINITY;
    if (exponent == 0) return sign * std::ldexp(fraction, -24);
    return sign * std::ldexp(1024 + fraction, exponent - 25);
}
/// The upper half of a float.
struct bfloat {
    uint16_t bits;
};

double value_of(bfloat b) noexcept {
    return std::bit_cast<float>(uint32_t{b.bits} << 16);
}
template <class T>
T value_of(T value) noexcept {
    return value;
}

template <class In, class Out>
void convert(std::byte const* bytes, std::vector<Out>& out) {
    for (auto& element : out) {
        In value;
        std::memcpy(&value, bytes, sizeof value);
        bytes += sizeof value;
        if constexpr (std::is_same_v<In, uint64_t> && std::is_integral_v<Out>)
            value = std::min<uint64_t>(value, INT64_MAX);  // out of every range, and stays so
        element = static_cast<Out>(value_of(value));
    }
}

template <class Out>
struct Type {
    std::string_view name;
    void (*convert)(std::byte const*, std::vector<Out>&);
};

template <class Out>
constexpr std::array types{
    Type<Out>{"u1", convert<uint8_t, Out>},  Type<Out>{"u2", convert<uint16_t, Out>},
    Type<Out>{"u4", convert<uint32_t, Out>}, Type<Out>{"u8", convert<uint64_t, Out>},
    Type<Out>{"i1", convert<int8_t, Out>},   Type<Out>{"i2", convert<int16_t, Out>},
    Type<Out>{"i4", convert<int32_t, Out>},  Type<Out>{"i8", convert<int64_t, Out>},
    Type<Out>{"f2", convert<half, Out>},     Type<Out>{"f4", convert<float, Out>},
    Type<Out>{"f8", convert<double, Out>},   Type<Out>{"b2", convert<bfloat, Out>}};

[[noreturn]] void fail(std::string const& name, std::string const& reason) {
    throw InputError(
        fmt::format("{} is no array that epsim reads ({}). Check the file", name, reason));
}

}  // namespace

bool TypedArray::knows(std::string_view type) {
    return std::ranges::find(types<double>, type, &Type<double>::name) != types<double>.end();
}

TypedArray::TypedArray(std::string name, std::string type, std::vector<int64_t> shape,
                       std::span<std::byte const> bytes, std::shared_ptr<void const> owner)
    : name_(std::move(name)),
      type_(std::move(type)),
      shape_(std::move(shape)),
      bytes_(bytes),
      owner_(std::move(owner)) {
    if (!knows(type_)) fail(name_, fmt::format("its element type '{}' is unknown", type_));
    auto const element = element_bytes();
    auto const held = static_cast<int64_t>(bytes_.size());
    for (auto const n : shape_) {
        if (n < 0) fail(name_, fmt::format("its shape has a {}", n));
        size_ = n == 0 ? 0 : size_;
    }
    for (auto const n : shape_) {
        if (size_ > 0 && size_ > held / element / n)
            fail(name_, "its shape needs more bytes than it has");
        size_ *= n;
    }
    if (size_ * element != held)
        fail(name_, fmt::format("its shape needs {} bytes where it has {}", size_ * element, held));
}

TypedArray TypedArray::slice(int64_t at) const {
    check(!shape_.empty() && at >= 0 && at < shape_[0], "the row exists");
    auto const bytes = bytes_.size() / static_cast<std::size_t>(shape_[0]);
    return {name_,
            type_,
            {shape_.begin() + 1, shape_.end()},
            bytes_.subspan(static_cast<std::size_t>(at) * bytes, bytes),
            owner_};
}

template <class Out>
std::vector<Out> TypedArray::elements(int64_t first, int64_t n) const {
    check(first >= 0 && n >= 0 && first <= size_ - n, "the elements exist");
    auto const type = std::ranges::find(types<Out>, type_, &Type<Out>::name);
    std::vector<Out> out(static_cast<std::size_t>(n));
    if (n > 0)
        type->convert(bytes_.data() + static_cast<std::size_t>(first * element_bytes()), out);
    return out;
}

std::vector<int64_t> TypedArray::integers(int64_t first, int64_t n) const {
    check(kind() == Kind::integer, "the array is of integers");
    return elements<int64_t>(first, n);
}

std::vector<double> TypedArray::reals(int64_t first, int64_t n) const {
    return elements<double>(first, n);
}

}  // namespace epsim
