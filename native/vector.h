// Vec: a vector of LANES floats, as wide as the machine's registers, and its functions:
// load, store, min, max, sqrt, sum, transpose, expm1, sigmoid, tanh.
//
// Vec is the vector extension of GCC and Clang, so that the same source serves AVX-512
// (16 lanes), AVX2 (8) and NEON or SSE (4).
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
typedef float UnalignedVec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t IntVec __attribute__((vector_size(LANES * 4), aligned(LANES * 4)));

inline Vec load(const float* from) { return *reinterpret_cast<const UnalignedVec*>(from); }
inline void store(float* to, Vec value) { *reinterpret_cast<UnalignedVec*>(to) = value; }
inline Vec broadcast(float value) { return value - Vec{}; }

// The mask of the first `count` lanes, of fewer than all.
#if defined(__AVX512F__)
inline __mmask16 first_lanes(int64_t count) { return count > 0 ? (1u << count) - 1 : 0; }
#elif defined(__AVX2__)
inline __m256i first_lanes(int64_t count) {
    static const int32_t masks[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i*)(masks + LANES - (count > 0 ? count : 0)));
}
#endif

// Loads the first `count` lanes, all where count is larger; the others become zero.
inline Vec load(const float* from, int64_t count) {
    if (count >= LANES) return load(from);
#if defined(__AVX512F__)
    return (Vec)_mm512_maskz_loadu_ps(first_lanes(count), from);
#elif defined(__AVX2__)
    return (Vec)_mm256_maskload_ps(from, first_lanes(count));
#else
    alignas(64) float part[LANES] = {};
    for (int64_t lane = 0; lane < count; lane++) part[lane] = from[lane];
    return *reinterpret_cast<const Vec*>(part);
#endif
}

// Stores the first `count` lanes, all where count is larger. AVX2 stores halves, as
// AMD's processors take dozens of instructions for a masked store.
inline void store(float* to, Vec value, int64_t count) {
    if (count >= LANES) return store(to, value);
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(to, first_lanes(count), (__m512)value);
#elif defined(__AVX2__)
    __m128 half = _mm256_castps256_ps128((__m256)value);
    if (count & 4) {
        _mm_storeu_ps(to, half);
        half = _mm256_extractf128_ps((__m256)value, 1);
        to += 4;
    }
    for (int64_t lane = 0; lane < (count & 3); lane++) to[lane] = ((const float*)&half)[lane];
#else
    for (int64_t lane = 0; lane < count; lane++) to[lane] = value[lane];
#endif
}

// The smaller and the larger of two; the second operand where one of them is NaN.
#if defined(__AVX512F__)
inline Vec min(Vec a, Vec b) { return (Vec)_mm512_min_ps((__m512)a, (__m512)b); }
inline Vec max(Vec a, Vec b) { return (Vec)_mm512_max_ps((__m512)a, (__m512)b); }
#elif defined(__AVX2__)
inline Vec min(Vec a, Vec b) { return (Vec)_mm256_min_ps((__m256)a, (__m256)b); }
inline Vec max(Vec a, Vec b) { return (Vec)_mm256_max_ps((__m256)a, (__m256)b); }
#else
inline Vec min(Vec a, Vec b) { return a < b ? a : b; }
inline Vec max(Vec a, Vec b) { return a > b ? a : b; }
#endif

// The value, limited to -limit .. limit.
inline Vec clamp_abs(float limit, Vec value) {
    return min(broadcast(limit), max(broadcast(-limit), value));
}

// a / b; for bfloat16 it is exact to 14 bits, which are more than such a value has.
#if defined(__AVX512BF16__)
inline Vec divide(Vec a, Vec b) { return a * (Vec)_mm512_rcp14_ps((__m512)b); }
#else
inline Vec divide(Vec a, Vec b) { return a / b; }
#endif

inline Vec square_root(Vec value) {
    Vec root;
    for (int lane = 0; lane < LANES; lane++) root[lane] = std::sqrt(value[lane]);
    return root;
}

// The sum of WIDTH lanes: the upper half is added to the lower one, again and again.
template <int WIDTH, class Part>
inline float sum_of_halves(Part value) {
    if constexpr (WIDTH == 1) {
        return value[0];
    } else {
        typedef float Half __attribute__((vector_size(WIDTH > 2 ? WIDTH * 2 : 8)));
        Half low{}, high{};
        std::memcpy(&low, &value, WIDTH * 2);
        std::memcpy(&high, reinterpret_cast<const char*>(&value) + WIDTH * 2, WIDTH * 2);
        return sum_of_halves<WIDTH / 2>(low + high);
    }
}

// The sum of all lanes.
inline float horizontal_sum(Vec value) { return sum_of_halves<LANES>(value); }

// a[0] b[0] a[1] b[1] ... of the lower or of the upper halves.
template <bool UPPER, int... I>
inline Vec interleave_halves(std::integer_sequence<int, I...>, Vec a, Vec b) {
    return __builtin_shufflevector(a, b, (I / 2 + I % 2 * LANES + (UPPER ? LANES / 2 : 0))...);
}

// Rows become columns. A round interleaves the upper rows with the lower ones: the
// binary digits of (row, column) rotate by one, and after as many rounds as a row
// number has digits, row and column have changed places.
inline void transpose(Vec (&rows)[LANES]) {
    constexpr std::make_integer_sequence<int, LANES> lanes;
    for (int round = 1; round < LANES; round *= 2) {
        Vec next[LANES];
        for (int i = 0; i < LANES / 2; i++) {
            next[2 * i] = interleave_halves<false>(lanes, rows[i], rows[i + LANES / 2]);
            next[2 * i + 1] = interleave_halves<true>(lanes, rows[i], rows[i + LANES / 2]);
        }
        for (int i = 0; i < LANES; i++) rows[i] = next[i];
    }
}

// e^x - 1 of N vectors, for x between -86 and 86: with x = n ln 2 + r, |r| <= ln 2 / 2
// (Cody and Waite), and p = e^r - 1 by a polynomial, it is 2^n (1 + p) - 1. NaN stays
// NaN: r carries it into p, whatever n is. The vectors take each operation together:
// the operations of one depend on each other, and a processor looks only a few dozen
// instructions ahead.
template <int N>
inline __attribute__((always_inline)) void expm1_inplace(Vec (&x)[N]) {
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
    Vec n[N], p[N];
    for (int v = 0; v < N; v++) x[v] = clamp_abs(86.0f, x[v]);
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

// sigmoid(x) = 1 / (1 + e^-x) = 1 / (2 + (e^-x - 1)).
template <int N>
inline __attribute__((always_inline)) void sigmoid_inplace(Vec (&x)[N]) {
    for (int v = 0; v < N; v++) x[v] = -x[v];
    expm1_inplace(x);
    for (int v = 0; v < N; v++) x[v] = divide(broadcast(1.0f), x[v] + 2.0f);
}

// tanh(x) = e / (e + 2) with e = e^2x - 1: its relative error is small near 0 too.
template <int N>
inline __attribute__((always_inline)) void tanh_inplace(Vec (&x)[N]) {
    for (int v = 0; v < N; v++) x[v] = x[v] + x[v];
    expm1_inplace(x);
    for (int v = 0; v < N; v++) x[v] = divide(x[v], x[v] + 2.0f);
}

}  // namespace KISSIPO_ISA
