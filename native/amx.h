// Products by the tiles of AMX: 16 rows of 32 bfloat16 values times 32 rows of 16
// columns in one instruction, with float sums.
//
// Packed weights are laid out as these instructions read them: a row of a tile of
// weights has 16 operands, each a pair of values that follow each other in k.
//
// The registers are those of the processor, or those of emulated_tiles.h where a test
// asks for them; all that computes with them is the same code.
#pragma once
#include "tiles.h"
#if defined(__AMX_BF16__)
#include <immintrin.h>
#else
#include "emulated_tiles.h"
#endif

namespace KISSIPO_ISA {
namespace {

constexpr int BLOCK_ROWS = 16;                       // rows of a tile, at most
constexpr int ROWS_TILE = TILE_VECTORS;              // the tile of rows of operands
constexpr int WEIGHTS_TILE = TILE_VECTORS + 1;       // the tiles before hold the sums

// The layout of LDTILECFG.
struct TileConfig {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

#if defined(__AMX_BF16__)
// The instructions name their tiles as constants of the text. GCC does not know that
// they read and write memory; the fences say so.
#define KISSIPO_FENCE __asm__ volatile("" ::: "memory")
struct TileRegisters {
    void load_config(const TileConfig* config) {
        KISSIPO_FENCE;
        _tile_loadconfig(config);
    }
    void release() { _tile_release(); }
    template <int T>
    void load(const float* from, int64_t stride) {
        static_assert(T >= 0 && T < 6, "such a tile is not used");
        KISSIPO_FENCE;
        if constexpr (T == 0) _tile_loadd(0, from, stride);
        if constexpr (T == 1) _tile_loadd(1, from, stride);
        if constexpr (T == 2) _tile_loadd(2, from, stride);
        if constexpr (T == 3) _tile_loadd(3, from, stride);
        if constexpr (T == 4) _tile_loadd(4, from, stride);
        if constexpr (T == 5) _tile_loadd(5, from, stride);
    }
    template <int T>
    void store(float* to, int64_t stride) {
        static_assert(T >= 0 && T < 4, "only sums are stored");
        if constexpr (T == 0) _tile_stored(0, to, stride);
        if constexpr (T == 1) _tile_stored(1, to, stride);
        if constexpr (T == 2) _tile_stored(2, to, stride);
        if constexpr (T == 3) _tile_stored(3, to, stride);
        KISSIPO_FENCE;
    }
    template <int T>
    void multiply() {
        static_assert(ROWS_TILE == 4 && WEIGHTS_TILE == 5, "these are the names below");
        if constexpr (T == 0) _tile_dpbf16ps(0, 4, 5);
        if constexpr (T == 1) _tile_dpbf16ps(1, 4, 5);
        if constexpr (T == 2) _tile_dpbf16ps(2, 4, 5);
        if constexpr (T == 3) _tile_dpbf16ps(3, 4, 5);
    }
};
#else
class TileRegisters {
    EmulatedTiles tiles;
    static void require(bool fine) {
        if (!fine) __builtin_trap();
    }

  public:
    void load_config(const TileConfig* config) { require(tiles.load_config(config)); }
    void release() { tiles.release(); }
    template <int T>
    void load(const float* from, int64_t stride) {
        require(tiles.load(T, from, stride));
    }
    template <int T>
    void store(float* to, int64_t stride) {
        require(tiles.store(T, to, stride));
    }
    template <int T>
    void multiply() {
        require(tiles.multiply(T, ROWS_TILE, WEIGHTS_TILE));
    }
};
#endif

// Sums of up to 16 rows and four vectors, computed in tiles. They begin and end in
// memory, where their values are read and written.
class TileSums {
    TileRegisters registers;
    int64_t rows = 0;

    static constexpr int64_t STRIDE = TILE_VECTORS * LANES * 4;  // bytes

  public:
    Vec value[BLOCK_ROWS][TILE_VECTORS];

    TileSums() {}
    TileSums(const TileSums&) = delete;
    ~TileSums() {
        if (rows) registers.release();
    }
    // Brings the sums of so many rows and vectors into tiles.
    template <int VECTORS>
    void begin(int64_t count) {
        if (count != rows) {
            TileConfig config = {};
            config.palette = 1;
            for (int tile = 0; tile <= WEIGHTS_TILE; tile++) {
                config.row_bytes[tile] = LANES * 4;
                config.rows[tile] = tile == WEIGHTS_TILE ? BLOCK_ROWS : count;
            }
            registers.load_config(&config);
            rows = count;
        }
        static_for<VECTORS>([&](auto v) {
            registers.template load<v>(reinterpret_cast<const float*>(value[0] + v), STRIDE);
        });
    }
    // sums[row][OFFSET + vector] += a[row][k] * w[k][vector], where k counts packed
    // operands and `count` is a multiple of OPERAND_BLOCK. The rows of a are equally
    // far from each other, those of w are `w_stride` floats apart.
    template <int VECTORS, int OFFSET>
    void add_products(const float* const* a, int64_t count, const float* w,
                      int64_t w_stride = VECTORS * LANES) {
        const int64_t a_stride = rows > 1 ? (a[1] - a[0]) * 4 : 0;
        for (int64_t k = 0; k < count; k += OPERAND_BLOCK) {
            registers.template load<ROWS_TILE>(a[0] + k, a_stride);
            static_for<VECTORS>([&](auto v) {
                registers.template load<WEIGHTS_TILE>(w + k * w_stride + v * LANES, w_stride * 4);
                registers.template multiply<OFFSET + v>();
            });
        }
    }
    // Brings the sums back into memory.
    template <int VECTORS>
    void end() {
        static_for<VECTORS>([&](auto v) {
            registers.template store<v>(reinterpret_cast<float*>(value[0] + v), STRIDE);
        });
    }
};

// Calls f(row, rows) for blocks of at most 16 rows, which are about equally high:
// another height costs a new configuration.
template <class F>
void for_each_block(int64_t count, const F& f) {
    const int64_t height = ceil_div(count, max(1, ceil_div(count, BLOCK_ROWS)));
    for (int64_t row = 0; row < count; row += height) f(row, min(height, count - row));
}

}  // namespace
}  // namespace KISSIPO_ISA
