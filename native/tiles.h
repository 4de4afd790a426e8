// Tiles of products: sums[row][vector] += a[row][k] * w[k][vector] for a few rows and
// vectors stays in registers. static_for and static_dispatch make their sizes
// constants.
#pragma once
#include <type_traits>
#include <utility>

#include "array.h"
#include "parallel.h"
#include "vector.h"

namespace KISSIPO_ISA {
namespace {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int TILE_ROWS = 6;  // 6 x 4 sums + 4 weights + 1 factor of 32 registers
#else
constexpr int TILE_ROWS = 3;
#endif
constexpr int TILE_VECTORS = 4;

// Whether products are computed by the tiles of AMX; see amx.h.
#if defined(__AMX_BF16__) || defined(KISSIPO_EMULATED_TILES)
constexpr bool USES_AMX = true;
#else
constexpr bool USES_AMX = false;
#endif
constexpr int OPERAND_BLOCK = USES_AMX ? 16 : 1;         // operands that a product takes at once
constexpr int UNIT_BLOCK = USES_AMX ? 2 * LANES : LANES;  // units are padded to its multiples

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The number of units, rounded up to whole blocks.
inline int64_t padded(int64_t units) { return ceil_div(units, UNIT_BLOCK) * UNIT_BLOCK; }

template <int... I, class F>
inline __attribute__((always_inline)) void static_for_sequence(std::integer_sequence<int, I...>,
                                                               const F& f) {
    (f(std::integral_constant<int, I>()), ...);
}

// Calls f(0), f(1) ... f(N - 1), each index a constant: an array with constant indices
// alone stays in registers, also from one loop to the next.
template <int N, class F>
inline __attribute__((always_inline)) void static_for(const F& f) {
    static_for_sequence(std::make_integer_sequence<int, N>(), f);
}
#define INLINE __attribute__((always_inline))

// Calls f with min(count, MAX), which is at least 1, as a constant.
template <int MAX, class F>
inline void static_dispatch(int64_t count, const F& f) {
    if constexpr (MAX > 1) {
        if (count < MAX) return static_dispatch<MAX - 1>(count, f);
    }
    f(std::integral_constant<int, MAX>());
}

}  // namespace
}  // namespace KISSIPO_ISA
