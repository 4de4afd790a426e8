// A vector of floats as wide as the machine's registers, by the vector extension of GCC and Clang: the same source serves
// AVX-512 (16 lanes), AVX2 (8) and NEON or SSE (4). What the extension lacks, loads and stores of a part, stands here too.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
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

// The smaller and the larger of two; the second where it is not a number.
#if defined(__AVX512F__)
inline Vec least(Vec a, Vec b) { return (Vec)_mm512_min_ps((__m512)a, (__m512)b); }
inline Vec most(Vec a, Vec b) { return (Vec)_mm512_max_ps((__m512)a, (__m512)b); }
#elif defined(__AVX2__)
inline Vec least(Vec a, Vec b) { return (Vec)_mm256_min_ps((__m256)a, (__m256)b); }
inline Vec most(Vec a, Vec b) { return (Vec)_mm256_max_ps((__m256)a, (__m256)b); }
#else
inline Vec least(Vec a, Vec b) { return a < b ? a : b; }
inline Vec most(Vec a, Vec b) { return a > b ? a : b; }
#endif

inline Vec within(float far, Vec value) { return least(all(far), most(all(-far), value)); }

// a / b; in the set with bfloat16 to 14 bits, which are more than such a number keeps.
#if defined(__AVX512BF16__)
inline Vec quotient(Vec a, Vec b) { return a * (Vec)_mm512_rcp14_ps((__m512)b); }
#else
inline Vec quotient(Vec a, Vec b) { return a / b; }
#endif

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

// a[0] b[0] a[1] b[1] ... of the lower or the upper halves.
template <bool UPPER, int... I>
inline Vec zipped(std::integer_sequence<int, I...>, Vec a, Vec b) {
    return __builtin_shufflevector(a, b, (I / 2 + I % 2 * LANES + (UPPER ? LANES / 2 : 0))...);
}

// Rows become columns. A round zips the upper rows into the lower ones; seen as binary digits, row and column then stand one digit
// further round, and after all digits of a row they have changed places.
inline void transpose(Vec (&rows)[LANES]) {
    constexpr std::make_integer_sequence<int, LANES> lanes;
    for (int round = 1; round < LANES; round *= 2) {
        Vec next[LANES];
        for (int i = 0; i < LANES / 2; i++) {
            next[2 * i] = zipped<false>(lanes, rows[i], rows[i + LANES / 2]);
            next[2 * i + 1] = zipped<true>(lanes, rows[i], rows[i + LANES / 2]);
        }
        for (int i = 0; i < LANES; i++) rows[i] = next[i];
    }
}

// e^x - 1 for several vectors, step by step beside each other: the steps of one depend on each other, and a processor sees only a
// few dozen instructions ahead. x = n ln 2 + r, |r| <= ln 2 / 2 (Cody and Waite); e^r - 1 by a polynomial: p with e^x = 2^n (1 + p).
// Between -86 and 86; NaN stays NaN: it is carried by r into p, whatever n is.
template <int N>
inline __attribute__((always_inline)) void exp_less_one(Vec (&x)[N]) {
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number in the low bits
    Vec n[N], p[N];
    for (int v = 0; v < N; v++) x[v] = within(86.0f, x[v]);
    for (int v = 0; v < N; v++) n[v] = x[v] * 1.44269504088896341f + magic;
    for (int v = 0; v < N; v++) x[v] = x[v] - (n[v] - magic) * 0.693145751953125f;
    for (int v = 0; v < N; v++) x[v] = x[v] - (n[v] - magic) * 1.42860682030941723e-6f;
    for (int v = 0; v < N; v++) p[v] = x[v] * 1.9875691500e-4f + 1.3981999507e-3f;
    for (int v = 0; v < N; v++) p[v] = p[v] * x[v] + 8.3334519073e-3f;
    for (int v = 0; v < N; v++) p[v] = p[v] * x[v] + 4.1665795894e-2f;
    for (int v = 0; v < N; v++) p[v] = p[v] * x[v] + 1.6666665459e-1f;
    for (int v = 0; v < N; v++) p[v] = p[v] * x[v] + 5.0000001201e-1f;
    for (int v = 0; v < N; v++) p[v] = p[v] * (x[v] * x[v]) + x[v];
    for (int v = 0; v < N; v++) {
        IntVec power;
        std::memcpy(&power, &n[v], sizeof power);
        power = (power + (127 - 0x4B400000)) << 23;
        std::memcpy(&n[v], &power, sizeof power);
    }
    for (int v = 0; v < N; v++) x[v] = n[v] * p[v] + (n[v] - 1.0f);
}

// 1 / (1 + e^-x) = 1 / (2 + (e^-x - 1)).
template <int N>
inline __attribute__((always_inline)) void sigmoids(Vec (&x)[N]) {
    for (int v = 0; v < N; v++) x[v] = -x[v];
    exp_less_one(x);
    for (int v = 0; v < N; v++) x[v] = quotient(all(1.0f), x[v] + 2.0f);
}

// e / (e + 2) with e = e^2x - 1: as exact near 0 as far from it.
template <int N>
inline __attribute__((always_inline)) void tanhs(Vec (&x)[N]) {
    for (int v = 0; v < N; v++) x[v] = x[v] + x[v];
    exp_less_one(x);
    for (int v = 0; v < N; v++) x[v] = quotient(x[v], x[v] + 2.0f);
}

}  // namespace KISSIPO_ISA
