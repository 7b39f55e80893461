#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace epsim {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

/// Philox4x32-10: 128 random bits that are a pure function of (counter, key), so that any element
/// of any random array can be had without the ones before it, on any rank.
/// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3.
/// The words live in 64-bit lanes: a loop over counters then vectorises without shuffles.
constexpr PhiloxCounter philox(PhiloxCounter const& counter, PhiloxKey k) noexcept {
    constexpr uint64_t low = 0xffffffffu;
    std::array<uint64_t, 4> c{counter[0], counter[1], counter[2], counter[3]};
    for (int round = 0; round < 10; ++round) {
        uint64_t const p0 = 0xD2511F53u * (c[0] & low);
        uint64_t const p1 = 0xCD9E8D57u * (c[2] & low);
        c = {(p1 >> 32) ^ c[1] ^ k[0], p1, (p0 >> 32) ^ c[3] ^ k[1], p0};
        k = {k[0] + 0x9E3779B9u, k[1] + 0xBB67AE85u};
    }
    return {static_cast<uint32_t>(c[0]), static_cast<uint32_t>(c[1]), static_cast<uint32_t>(c[2]),
            static_cast<uint32_t>(c[3])};
}

/// What a random stream is for: streams of one seed never overlap.
enum class RngStream : uint32_t {
    weights = 1,
    tokens = 2,
    routing = 3,
    sample = 4,
    identity = 5,
    gate = 6,
    traffic = 7,
    router = 8,
    placement = 9,
    popularity = 16,
    noise = 17,
    fit = 18,
    synthesis = 19
};

/// A random stream: element (a, b, i) is a function of seed, stream and these three numbers only.
class CounterRng {
public:
    constexpr CounterRng(uint64_t seed, RngStream stream) noexcept
        : key_{static_cast<uint32_t>(seed) ^ (static_cast<uint32_t>(stream) * 0x85EBCA6Bu),
               static_cast<uint32_t>(seed >> 32)} {}

    /// Four words. \param i 64-bit index; a and b name the array.
    constexpr PhiloxCounter words(uint32_t a, uint32_t b, uint64_t i) const noexcept {
        return philox({static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32), a, b}, key_);
    }
    /// For those who run philox() themselves.
    constexpr PhiloxKey key() const noexcept { return key_; }

private:
    PhiloxKey key_;
};

/// Uniform in [0, 1), 24 bits: exact in float.
constexpr float uniform01(uint32_t word) noexcept {
    return static_cast<float>(word >> 8) * 0x1p-24f;
}

/// Uniform in (0, 1], 53 bits, from two words.
constexpr double uniform01_open(uint32_t high, uint32_t low) noexcept {
    return (static_cast<double>(((uint64_t{high} << 32) | low) >> 11) + 1.0) * 0x1p-53;
}

/// Standard normal from two words (Box and Muller 1958).
inline float normal(uint32_t w0, uint32_t w1) noexcept {
    double const u = uniform01_open(w0, 0x80000000u);
    double const v = static_cast<double>(w1) * 0x1p-32;
    return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
}

}  // namespace epsim
