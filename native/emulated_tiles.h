// The tile instructions of AMX in plain C++, from the pseudo-code of Intel's manual:
// the same tiles, the same order of sums, the same treatment of denormals. Tests
// compute with them on processors without AMX.
#pragma once
#include <cstdint>
#include <cstring>

namespace {

// The registers of one thread. A function returns false where the processor raises an
// exception.
class EmulatedTiles {
    struct Tile {
        int rows, row_bytes;
        unsigned char data[16][64];

        float number(int row, int column) const {
            float value;
            std::memcpy(&value, data[row] + 4 * column, 4);
            return value;
        }
        // bfloat16 is the upper half of a float; a denormal is zero.
        float half(int row, int index) const {
            uint16_t bits;
            std::memcpy(&bits, data[row] + 2 * index, 2);
            const uint32_t wide = static_cast<uint32_t>(bits) << 16;
            float value;
            std::memcpy(&value, &wide, 4);
            return without_denormals(value);
        }
    };
    Tile tiles[8] = {};

    static float without_denormals(float value) {
        uint32_t bits;
        std::memcpy(&bits, &value, 4);
        if ((bits & 0x7f800000) == 0) bits &= 0x80000000;
        std::memcpy(&value, &bits, 4);
        return value;
    }
    bool is_configured(int tile) const { return tile >= 0 && tile < 8 && tiles[tile].rows > 0; }

  public:
    // LDTILECFG: byte 0 is the palette, bytes 16-31 are the bytes of a row of each
    // tile, bytes 48-55 their rows. All tiles become zero. Palette 0 releases them.
    bool load_config(const void* config) {
        unsigned char bytes[64];
        std::memcpy(bytes, config, 64);
        if (bytes[0] > 1) return false;
        std::memset(static_cast<void*>(tiles), 0, sizeof tiles);
        for (int t = 0; bytes[0] == 1 && t < 8; t++) {
            const int row_bytes = bytes[16 + 2 * t] + 256 * bytes[17 + 2 * t];
            const int rows = bytes[48 + t];
            if (rows > 16 || row_bytes > 64 || (rows == 0) != (row_bytes == 0)) return false;
            tiles[t].rows = rows;
            tiles[t].row_bytes = row_bytes;
        }
        return true;
    }
    // TILERELEASE.
    void release() { std::memset(static_cast<void*>(tiles), 0, sizeof tiles); }
    // TILEZERO.
    bool zero(int tile) {
        if (!is_configured(tile)) return false;
        std::memset(tiles[tile].data, 0, sizeof tiles[tile].data);
        return true;
    }
    // TILELOADD: rows that are `stride` bytes apart; the rest of the tile becomes zero.
    bool load(int tile, const void* from, int64_t stride) {
        if (!zero(tile)) return false;
        for (int row = 0; row < tiles[tile].rows; row++)
            std::memcpy(tiles[tile].data[row], static_cast<const char*>(from) + row * stride,
                        tiles[tile].row_bytes);
        return true;
    }
    // TILESTORED.
    bool store(int tile, void* to, int64_t stride) const {
        if (!is_configured(tile)) return false;
        for (int row = 0; row < tiles[tile].rows; row++)
            std::memcpy(static_cast<char*>(to) + row * stride, tiles[tile].data[row],
                        tiles[tile].row_bytes);
        return true;
    }
    // TDPBF16PS: sums (m, n) += a (m, k pairs) * b (k, n pairs). The first and the
    // second numbers of the pairs are summed apart, by fused multiply-adds over k; then
    // both sums are added, and their sum to the one that was there.
    bool multiply(int sums, int a, int b) {
        if (!is_configured(sums) || !is_configured(a) || !is_configured(b)) return false;
        if (sums == a || sums == b || a == b) return false;
        Tile& c = tiles[sums];
        const Tile &left = tiles[a], &right = tiles[b];
        if (c.rows != left.rows || c.row_bytes != right.row_bytes) return false;
        if (left.row_bytes / 4 != right.rows || c.row_bytes % 4 || left.row_bytes % 4) return false;
        for (int m = 0; m < c.rows; m++)
            for (int n = 0; n < c.row_bytes / 4; n++) {
                float part[2] = {0, 0};
                for (int k = 0; k < left.row_bytes / 4; k++)
                    for (int i = 0; i < 2; i++)
                        part[i] = without_denormals(__builtin_fmaf(
                            left.half(m, 2 * k + i), right.half(k, 2 * n + i), part[i]));
                const float pair = without_denormals(part[0] + part[1]);
                const float sum = without_denormals(without_denormals(c.number(m, n)) + pair);
                std::memcpy(c.data[m] + 4 * n, &sum, 4);
            }
        return true;
    }
};

}  // namespace
