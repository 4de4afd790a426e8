// The instructions of AVX-512 that the kernels use, in plain C++, from the pseudo-code
// of Intel's manual: the same lanes, the same order of sums, the same rounding. Tests
// put this file before the compiler's file of the same name, so that the code for
// AVX-512 runs on every processor. Two things differ: the reciprocal is exact, where
// the processor's has 14 bits, and a sum that is a denormal does not become zero.
#pragma once
#include <cstdint>
#include <cstring>

typedef float __m512 __attribute__((vector_size(64), may_alias));
typedef int32_t __m512i __attribute__((vector_size(64), may_alias));
typedef uint16_t __m512bh __attribute__((vector_size(64), may_alias));
typedef uint16_t __m256i __attribute__((vector_size(32), may_alias));
typedef uint16_t __m256bh __attribute__((vector_size(32), may_alias));
typedef uint16_t __mmask16;

inline __m512 _mm512_maskz_loadu_ps(__mmask16 mask, const float* from) {
    __m512 value{};
    for (int lane = 0; lane < 16; lane++)
        if (mask >> lane & 1) value[lane] = from[lane];
    return value;
}

inline void _mm512_mask_storeu_ps(float* to, __mmask16 mask, __m512 value) {
    for (int lane = 0; lane < 16; lane++)
        if (mask >> lane & 1) to[lane] = value[lane];
}

inline __m512 _mm512_min_ps(__m512 a, __m512 b) { return a < b ? a : b; }
inline __m512 _mm512_max_ps(__m512 a, __m512 b) { return a > b ? a : b; }
inline __m512 _mm512_rcp14_ps(__m512 value) { return 1.0f / value; }
inline __m512i _mm512_or_si512(__m512i a, __m512i b) { return a | b; }
inline __m512i _mm512_slli_epi32(__m512i value, int bits) { return value << bits; }

inline __m256i _mm256_loadu_si256(const __m256i* from) {
    __m256i value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

inline void _mm256_storeu_si256(__m256i* to, __m256i value) {
    std::memcpy(to, &value, sizeof value);
}

inline __m512i _mm512_cvtepu16_epi32(__m256i value) {
    return __builtin_convertvector(value, __m512i);
}

// bfloat16 is the upper half of a float. A denormal becomes zero.
inline float emulated_from_bfloat16(uint16_t half) {
    const uint32_t bits = static_cast<uint32_t>(half & 0x7f80 ? half : half & 0x8000) << 16;
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

// The nearest value, of two equally near ones the even one. NaN stays NaN.
inline uint16_t emulated_to_bfloat16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    if (value != value) return static_cast<uint16_t>(bits >> 16 | 0x40);
    if (!(bits & 0x7f800000)) return static_cast<uint16_t>(bits >> 16 & 0x8000);
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline __m256bh _mm512_cvtneps_pbh(__m512 value) {
    __m256bh halves;
    for (int lane = 0; lane < 16; lane++) halves[lane] = emulated_to_bfloat16(value[lane]);
    return halves;
}

// The second operand's values come first.
inline __m512bh _mm512_cvtne2ps_pbh(__m512 high, __m512 low) {
    __m512bh halves;
    for (int lane = 0; lane < 16; lane++) {
        halves[lane] = emulated_to_bfloat16(low[lane]);
        halves[lane + 16] = emulated_to_bfloat16(high[lane]);
    }
    return halves;
}

// VDPBF16PS: the second numbers of the pairs are added first, each fused.
inline __m512 _mm512_dpbf16_ps(__m512 sums, __m512bh a, __m512bh b) {
    for (int lane = 0; lane < 16; lane++)
        for (int i : {2 * lane + 1, 2 * lane})
            sums[lane] = __builtin_fmaf(emulated_from_bfloat16(a[i]), emulated_from_bfloat16(b[i]),
                                        sums[lane]);
    return sums;
}
