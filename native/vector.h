// A vector of floats as wide as the machine's registers, by the vector extension of GCC and Clang: the same source serves
// AVX-512 (16 lanes), AVX2 (8) and NEON or SSE (4). What the extension lacks, loads and stores of a part, stands here too.
#pragma once
#include <cstdint>
#include <cstring>
#include <cmath>
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace KISSIPO_ISA {

constexpr int LANES = KISSIPO_LANES;
typedef float Vec __attribute__((vector_size(LANES * 4), aligned(LANES * 4)));
typedef float LooseVec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t IntVec __attribute__((vector_size(LANES * 4), aligned(LANES * 4)));

inline Vec load(const float* from) { return *reinterpret_cast<const LooseVec*>(from); }
inline void store(float* to, Vec value) { *reinterpret_cast<LooseVec*>(to) = value; }
inline Vec all(float value) { return value - Vec{}; }

// The first `count` lanes, the others zero; `count` may be more than there are lanes.
inline Vec load(const float* from, int64_t count) {
    if (count >= LANES) return load(from);
#if defined(__AVX512F__)
    return (Vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#else
    alignas(64) float part[LANES] = {};
    for (int64_t lane = 0; lane < count; lane++) part[lane] = from[lane];
    return *reinterpret_cast<const Vec*>(part);
#endif
}

inline void store(float* to, Vec value, int64_t count) {
    if (count >= LANES) return store(to, value);
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)value);
#else
    for (int64_t lane = 0; lane < count; lane++) to[lane] = value[lane];
#endif
}

inline Vec square_root(Vec value) {
    Vec root;
    for (int lane = 0; lane < LANES; lane++) root[lane] = std::sqrt(value[lane]);
    return root;
}

// The sum of all lanes: halves onto each other.
template <int WIDTH, class Part>
inline float folded(Part value) {
    if constexpr (WIDTH == 1) {
        return value[0];
    } else {
        typedef float Half __attribute__((vector_size(WIDTH > 2 ? WIDTH * 2 : 8)));
        Half low{}, high{};
        std::memcpy(&low, &value, WIDTH * 2);
        std::memcpy(&high, reinterpret_cast<const char*>(&value) + WIDTH * 2, WIDTH * 2);
        return folded<WIDTH / 2>(low + high);
    }
}

inline float total(Vec value) { return folded<LANES>(value); }

// 2^n and r with x = n ln 2 + r, |r| <= ln 2 / 2 (Cody and Waite); e^r - 1 by a polynomial: p with e^x = 2^n (1 + p).
// NaN stays NaN: it is carried by r into p, whatever n is.
struct Reduced {
    Vec scale, p;
};

inline Reduced reduce(Vec x) {
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number in the low bits
    Vec shifted = x * 1.44269504088896341f + magic;
    Vec n = shifted - magic;
    Vec r = x - n * 0.693145751953125f - n * 1.42860682030941723e-6f;
    Vec q = r * 1.9875691500e-4f + 1.3981999507e-3f;
    q = q * r + 8.3334519073e-3f;
    q = q * r + 4.1665795894e-2f;
    q = q * r + 1.6666665459e-1f;
    q = q * r + 5.0000001201e-1f;
    IntVec power;
    std::memcpy(&power, &shifted, sizeof power);
    power = (power + (127 - 0x4B400000)) << 23;
    Vec scale;
    std::memcpy(&scale, &power, sizeof scale);
    return {scale, q * (r * r) + r};
}

inline Vec clamp(Vec x, float limit) {
    x = x < all(-limit) ? all(-limit) : x;
    return x > all(limit) ? all(limit) : x;
}

inline Vec sigmoid(Vec x) {
    Reduced e = reduce(clamp(-x, 86.0f));
    return all(1.0f) / (e.scale * e.p + e.scale + 1.0f);
}

// e / (e + 2) with e = exp(2 x) - 1: as exact near 0 as far from it.
inline Vec tanh(Vec x) {
    Reduced r = reduce(clamp(x + x, 20.0f));
    Vec e = r.scale * r.p + (r.scale - 1.0f);
    return e / (e + 2.0f);
}

}  // namespace KISSIPO_ISA
