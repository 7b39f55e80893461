#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epsim {

/// An array of numbers within a file's bytes: little endian, C order. Element types u1 u2 u4 u8 i1
/// i2 i4 i8 f2 f4 f8, and b2 = bfloat16. What a header says of it must agree with the bytes that
/// there are, so that nothing is allocated by it.
class TypedArray {
public:
    enum class Kind { integer, real };

    static bool knows(std::string_view type);

    /// \param name for messages. \param owner keeps the bytes alive
    /// \throws InputError if the type is unknown or the shape needs other than bytes.size() bytes
    TypedArray(std::string name, std::string type, std::vector<int64_t> shape,
               std::span<std::byte const> bytes, std::shared_ptr<void const> owner);

    std::string const& name() const noexcept { return name_; }
    Kind kind() const noexcept {
        return type_[0] == 'f' || type_[0] == 'b' ? Kind::real : Kind::integer;
    }
    std::vector<int64_t> const& shape() const noexcept { return shape_; }
    int64_t size() const noexcept { return size_; }  ///< elements

    /// Elements [first, first + n) in C order; 2^63 and more becomes 2^63 - 1.
    /// \throws Error if they don't exist, or are reals
    std::vector<int64_t> integers(int64_t first, int64_t n) const;
    /// Elements of either kind. \throws Error if they don't exist
    std::vector<double> reals(int64_t first, int64_t n) const;

    /// Row `at` of the first axis. \throws Error if it does not exist
    TypedArray slice(int64_t at) const;

private:
    int64_t element_bytes() const noexcept { return type_[1] - '0'; }
    template <class Out>
    std::vector<Out> elements(int64_t first, int64_t n) const;

    std::string name_, type_;  // "u2", "f4" ..
    std::vector<int64_t> shape_;
    std::span<std::byte const> bytes_;
    std::shared_ptr<void const> owner_;
    int64_t size_ = 1;
};

}  // namespace epsim
