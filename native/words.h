// What products run over: words of 32 bits. A word is a float, or, where the processor multiplies bfloat16, two numbers of half the
// bits that stand after each other; their products are exact and summed as floats. What is kept for the way back has as many bits as a
// number of a product.
#pragma once
#include "tools.h"

namespace KISSIPO_ISA {

#if defined(__AVX512BF16__)
constexpr int WORD = 2;  // numbers
typedef uint16_t Kept;

inline Vec plus_product(Vec sum, Vec a, Vec b) { return (Vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b); }

inline Vec load(const Kept* from) {
    return (Vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))), 16);
}
inline Vec load(const Kept* from, int64_t) { return load(from); }  // rows of these are filled up
inline void store(Kept* to, Vec value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh((__m512)value));
}

// Of each lane the first and the second number, rounded.
inline Vec word(Vec first, Vec second) {
    const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)first));
    const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)second));
    return (Vec)_mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

// A row in words; the last is filled up with zero.
inline void round_row(const float* from, int64_t count, float* to) {
    for (; count > 0; count -= 2 * LANES, from += 2 * LANES, to += LANES) {
        const Vec low = load(from, count), high = count > LANES ? load(from + LANES, count - LANES) : Vec{};
        store(to, (Vec)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low), (count + 1) / 2);
    }
}
#else
constexpr int WORD = 1;
typedef float Kept;

inline Vec plus_product(Vec sum, Vec a, Vec b) { return sum + a * b; }
inline Vec word(Vec number, Vec) { return number; }
inline void round_row(const float*, int64_t, float*) {}
#endif

namespace {

inline int64_t words(int64_t numbers) { return ceil_div(numbers, WORD); }

// Rows as products take them: where they are, or rounded into room of their own.
class Words {
    const int64_t width;
    const Array<float> room;
    const Array<const float*> own;

  public:
    Words(int64_t rows, int64_t width) : width(width), room(WORD > 1 ? rows * words(width) : 0), own(WORD > 1 ? rows : 0) {
        for (int64_t row = 0; row < own.size; row++) own.data[row] = room.data + row * words(width);
    }
    template <class T>
    void round(const Array<T*>& rows, int64_t count) const {
        for (int64_t row = 0; WORD > 1 && row < count; row++) round_row(rows[row], width, room.data + row * words(width));
    }
    template <class T>
    const float* const* at(const Array<T*>& rows) const {
        return WORD > 1 ? own.data : rows.data;
    }
};

// The same where products run over rows: of each column the numbers of two rows are a word.
class RowWords {
    const int64_t width;
    const Array<float> room;
    const Array<const float*> own;

  public:
    RowWords(int64_t rows, int64_t width)
        : width(width), room(WORD > 1 ? words(rows) * padded(width) : 0), own(WORD > 1 ? words(rows) : 0) {
        for (int64_t row = 0; row < own.size; row++) own.data[row] = room.data + row * padded(width);
    }
    template <class T>
    void pair(const T* const* rows, int64_t count) const {
        for (int64_t row = 0; WORD > 1 && row < count; row += 2)
            for (int64_t at = 0; at < width; at += LANES) {
                const Vec second = row + 1 < count ? load(rows[row + 1] + at, width - at) : Vec{};
                store(room.data + row / 2 * padded(width) + at, word(load(rows[row] + at, width - at), second));
            }
    }
    template <class T>
    const float* const* at(const T* const* rows) const {
        if constexpr (WORD > 1) return own.data;
        else return rows;
    }
};

}  // namespace
}  // namespace KISSIPO_ISA
