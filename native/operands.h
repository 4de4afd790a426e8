// Operands of products, of 32 bits each: one float or, where the processor multiplies
// bfloat16, a pair of bfloat16 values that follow each other; sum + a * b then means
// sum + a[0] * b[0] + a[1] * b[1], with exact products and float sums. Gates are saved
// for backward with the bits of such a value.
#pragma once
#include "tiles.h"

namespace KISSIPO_ISA {

#if defined(__AVX512BF16__)
constexpr int PACKED_VALUES = 2;
typedef uint16_t SavedGate;

inline Vec multiply_add(Vec sum, Vec a, Vec b) {
    return (Vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

inline Vec load(const SavedGate* from) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return (Vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16);
}
inline Vec load(const SavedGate* from, int64_t) { return load(from); }  // such rows are padded
inline void store(SavedGate* to, Vec value) {
    const __m256i bits = (__m256i)_mm512_cvtneps_pbh((__m512)value);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bits);
}

// The operands of two vectors: each lane holds both values, rounded.
inline Vec packed_pair(Vec first, Vec second) {
    const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)first));
    const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)second));
    return (Vec)_mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

// Packs a row of values; the last operand is padded with zero.
inline void pack_row(const float* from, int64_t count, float* to) {
    for (; count > 0; count -= 2 * LANES, from += 2 * LANES, to += LANES) {
        const Vec low = load(from, count);
        const Vec high = count > LANES ? load(from + LANES, count - LANES) : Vec{};
        store(to, (Vec)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low), (count + 1) / 2);
    }
}
#else
constexpr int PACKED_VALUES = 1;
typedef float SavedGate;

inline Vec multiply_add(Vec sum, Vec a, Vec b) { return sum + a * b; }
inline Vec packed_pair(Vec value, Vec) { return value; }
inline void pack_row(const float*, int64_t, float*) {}
#endif

namespace {

// The number of operands that so many values take, in whole blocks.
inline int64_t packed(int64_t values) {
    return ceil_div(values, PACKED_VALUES * OPERAND_BLOCK) * OPERAND_BLOCK;
}

// Rows as operands of products along them: where the rows are, or packed into memory of
// its own.
class PackedRows {
    const int64_t width;
    const Array<float> memory;
    const Array<const float*> own;

  public:
    PackedRows(int64_t rows, int64_t width)
        : width(width),
          memory(PACKED_VALUES > 1 ? rows * packed(width) : 0),
          own(PACKED_VALUES > 1 ? rows : 0) {
        for (int64_t row = 0; row < own.size; row++)
            own.data[row] = memory.data + row * packed(width);
    }
    template <class T>
    void pack(const Array<T*>& rows, int64_t count) const {
        for (int64_t row = 0; PACKED_VALUES > 1 && row < count; row++)
            pack_row(rows[row], width, memory.data + row * packed(width));
    }
    template <class T>
    const float* const* operands(const Array<T*>& rows) const {
        return PACKED_VALUES > 1 ? own.data : rows.data;
    }
};

// Rows as operands of products that sum over rows: an operand holds a column's values
// in two rows.
class PackedRowPairs {
    const int64_t width;
    const Array<float> memory;
    const Array<const float*> own;

  public:
    PackedRowPairs(int64_t rows, int64_t width)
        : width(width),
          memory(PACKED_VALUES > 1 ? packed(rows) * padded(width) : 0),
          own(PACKED_VALUES > 1 ? packed(rows) : 0) {
        for (int64_t row = 0; row < own.size; row++)
            own.data[row] = memory.data + row * padded(width);
    }
    template <class T>
    void pack(const T* const* rows, int64_t count) const {
        for (int64_t row = 0; PACKED_VALUES > 1 && row < 2 * packed(count); row += 2)
            for (int64_t column = 0; column < width; column += LANES) {
                const int64_t left = width - column;
                const Vec first = row < count ? load(rows[row] + column, left) : Vec{};
                const Vec second = row + 1 < count ? load(rows[row + 1] + column, left) : Vec{};
                store(memory.data + row / 2 * padded(width) + column, packed_pair(first, second));
            }
    }
    template <class T>
    const float* const* operands(const T* const* rows) const {
        if constexpr (PACKED_VALUES > 1) return own.data;
        else return rows;
    }
};

// The operands of PackedRowPairs with columns as rows, as tiles read them.
class TransposedPairs {
    const int64_t pairs;
    const Array<float> memory;

  public:
    TransposedPairs(int64_t rows, int64_t width)
        : pairs(packed(rows)), memory(USES_AMX ? padded(width) * pairs : 0) {}
    void transpose_from(const float* const* operands, int64_t width, int64_t count) const {
        for (int64_t pair = 0; pair < packed(count); pair += LANES)
            for (int64_t column = 0; column < width; column += LANES) {
                Vec square[LANES];
                for (int i = 0; i < LANES; i++) square[i] = load(operands[pair + i] + column);
                transpose(square);
                for (int i = 0; i < LANES; i++)
                    store(memory.data + (column + i) * pairs + pair, square[i]);
            }
    }
    const float* column(int64_t index) const { return memory.data + index * pairs; }
};

}  // namespace
}  // namespace KISSIPO_ISA
