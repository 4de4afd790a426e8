// The mask of dropout from random numbers that depend on a key and a position alone.
#pragma once
#include <cstdint>

namespace KISSIPO_ISA {
namespace {

// The n-th of the 32-bit random numbers of a key; it does not need those before it.
// Widynski, "Squares: a fast counter-based RNG", arXiv 2004.06278.
inline uint32_t squares(uint64_t n, uint64_t key) {
    const uint64_t y = n * key, z = y + key;
    uint64_t x = y * y + y;
    x = x >> 32 | x << 32;
    x = x * x + z;
    x = x >> 32 | x << 32;
    x = x * x + y;
    x = x >> 32 | x << 32;
    return (x * x + z) >> 32;
}

// Draws a mask from the random numbers first .. first + count - 1.
inline void draw_mask(float* mask, int64_t keep_threshold, int64_t count, uint64_t first,
                      uint64_t key) {
    const float scale = 4294967296.0f / (float)keep_threshold;
    for (int64_t i = 0; i < count; i++)
        mask[i] = squares(first + i, key) < (uint64_t)keep_threshold ? scale : 0.0f;
}

}  // namespace
}  // namespace KISSIPO_ISA
