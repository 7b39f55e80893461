#include "trace/npy_array.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

#include "core/error.hpp"
#include "trace/npy_header.hpp"

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
    Type<Out>{"f8", convert<double, Out>}};

}  // namespace

NpyArray::NpyArray(std::filesystem::path const& path) : path_(path.string()), file_(path) {
    auto header = parse_npy_header(file_.text(), path_);
    char const order = header.type.empty() ? '?' : header.type[0];
    if (order == '>') fail_npy(path_, fmt::format("'{}' is big endian", header.type));
    type_ = header.type.substr(std::min<std::size_t>(1, header.type.size()));
    bool const known =
        std::ranges::find(types<double>, type_, &Type<double>::name) != types<double>.end();
    int64_t const bytes = known ? type_[1] - '0' : 0;
    if (!known || (order != '<' && !(order == '|' && bytes == 1)))
        fail_npy(path_, fmt::format("its element type '{}' is not an integer of up to 8 bytes or a "
                                    "float of 2, 4 or 8",
                                    header.type));
    if (header.fortran_order) fail_npy(path_, "it is in Fortran order");

    shape_ = std::move(header.shape);
    data_ = header.data;
    auto const held = static_cast<int64_t>(file_.bytes().size() - data_);
    for (auto const n : shape_) {
        if (n == 0) fail_npy(path_, "it is empty");
        if (size_ > held / bytes / n) fail_npy(path_, "its shape needs more bytes than it has");
        size_ *= n;
    }
    if (size_ * bytes != held)
        fail_npy(path_,
                 fmt::format("its shape needs {} bytes where it has {}", size_ * bytes, held));
}

template <class Out>
std::vector<Out> NpyArray::elements(int64_t first, int64_t n) const {
    check(first >= 0 && n >= 0 && first <= size_ - n, "the elements exist");
    auto const type = std::ranges::find(types<Out>, type_, &Type<Out>::name);
    std::vector<Out> out(static_cast<std::size_t>(n));
    auto const at = data_ + static_cast<std::size_t>(first * (type_[1] - '0'));
    type->convert(file_.bytes().data() + at, out);
    return out;
}

std::vector<int64_t> NpyArray::integers(int64_t first, int64_t n) const {
    check(kind() == Kind::integer, "the array is of integers");
    return elements<int64_t>(first, n);
}

std::vector<double> NpyArray::reals(int64_t first, int64_t n) const {
    return elements<double>(first, n);
}

}  // namespace epsim
