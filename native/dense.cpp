// Linear layers with relu and dropout, forward and backward: no operator of its own for each small thing.
//
// Forward multiplies rows by rows, y = x W^T, both along the features: a tile of ROWS x UNITS sums, each a vector over the features.
// The two ways back need no transposing either: dx = dz W and dW = dz^T x run over rows of W and of x.
#include "tools.h"

namespace KISSIPO_ISA {
namespace {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int ROWS = 4, UNITS = 6;
#else
constexpr int ROWS = 3, UNITS = 3;
#endif

template <int R, int U>
void forward_tile(const DenseLayer& layer, const float* x, int64_t row, int64_t unit) {
    const int64_t features = layer.features;
    const float *from = x + row * features, *w = layer.w + unit * features;
    Vec sums[R][U] = {};
    int64_t k = 0;
    auto add = [&](auto whole) INLINE {
        auto part = [&](const float* at) INLINE { return whole ? load(at) : load(at, features - k); };
        Vec value[R];
        each<R>([&](auto r) INLINE { value[r] = part(from + r * features + k); });
        each<U>([&](auto u) INLINE {
            const Vec weight = part(w + u * features + k);
            each<R>([&](auto r) INLINE { sums[r][u] += value[r] * weight; });
        });
    };
    for (; k + LANES <= features; k += LANES) add(std::true_type());
    if (k < features) add(std::false_type());
    const float least_value = layer.relu ? 0.0f : -__builtin_inff();
    for (int r = 0; r < R; r++) {
        float* y = layer.y + (row + r) * layer.units + unit;
        const float* mask = layer.mask ? layer.mask + (row + r) * layer.units + unit : nullptr;
        for (int u = 0; u < U; u++) {
            const float value = total(sums[r][u]) + (layer.b ? layer.b[unit + u] : 0.0f);
            y[u] = (value < least_value ? least_value : value) * (mask ? mask[u] : 1.0f);
        }
    }
}

// The n-th of the numbers below 2^32 that a key gives, without those before it.
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

void draw(const DenseLayer& layer, int64_t count, uint64_t first, uint64_t key) {
    const float kept = 4294967296.0f / (float)layer.keep;
    for (int64_t at = 0; at < count; at++)
        layer.mask[at] = squares(first + at, key) < (uint64_t)layer.keep ? kept : 0.0f;
}

// The largest tile that is left, of at most R rows and U units.
template <class F, int R = ROWS>
inline void with_tile_rows(int64_t rows, const F& f) {
    if constexpr (R > 1) {
        if (rows < R) return with_tile_rows<F, R - 1>(rows, f);
    }
    f(std::integral_constant<int, R>());
}

template <class F, int U = UNITS>
inline void with_units(int64_t units, const F& f) {
    if constexpr (U > 1) {
        if (units < U) return with_units<F, U - 1>(units, f);
    }
    f(std::integral_constant<int, U>());
}

void forward(const Dense& dense, const DenseLayer& layer, const float* x) {
    share(dense.threads, dense.parallel_for, ceil_div(layer.units, UNITS), [&](int64_t job) {
        const int64_t unit = job * UNITS;
        with_units(layer.units - unit, [&](auto units) {
            for (int64_t row = 0; row < dense.rows; row += ROWS)
                with_tile_rows(dense.rows - row, [&](auto rows) {
                    forward_tile<decltype(rows)::value, decltype(units)::value>(layer, x, row, unit);
                });
        });
    });
}

// dz, the gradient in front of dropout and relu: where y is 0 by relu or by dropout, nothing comes through.
void through(const Dense& dense, const DenseLayer& layer, const float* dy, float* dz) {
    const int64_t count = dense.rows * layer.units;
    for (int64_t at = 0; at < count; at += LANES) {
        const int64_t left = count - at;
        Vec d = load(dy + at, left);
        if (layer.mask) d *= load(layer.mask + at, left);
        if (layer.relu) d = load(layer.y + at, left) > Vec{} ? d : Vec{};
        store(dz + at, d, left);
    }
}

// to[r][...] = sum over k of a[r * row_apart + k * k_apart] * b[k][...], columns apart between the rows of b and of to.
template <int R, int NV, bool WHOLE>
void product_tile(const float* a, int64_t row_apart, int64_t k_apart, int64_t count, const float* b, int64_t columns, int64_t left,
                  float* to) {
    Vec sums[R][NV] = {};
    for (int64_t k = 0; k < count; k++, a += k_apart, b += columns) {
        Vec value[NV];
        each<NV>([&](auto v) INLINE { value[v] = WHOLE ? load(b + v * LANES) : load(b + v * LANES, left - v * LANES); });
        each<R>([&](auto r) INLINE {
            const Vec factor = all(a[r * row_apart]);
            each<NV>([&](auto v) INLINE { sums[r][v] += factor * value[v]; });
        });
    }
    each<R>([&](auto r) INLINE {
        each<NV>([&](auto v) INLINE { store(to + r * columns + v * LANES, sums[r][v], left - v * LANES); });
    });
}

// to (rows, columns) = A (rows, count) B (count, columns), A by its two strides.
void product(const Dense& dense, const float* a, int64_t row_apart, int64_t k_apart, int64_t rows, int64_t count, const float* b,
             int64_t columns, float* to) {
    share(dense.threads, dense.parallel_for, ceil_div(columns, BLOCKS * LANES), [&](int64_t job) {
        const int64_t column = job * BLOCKS * LANES, left = columns - column;
        with_blocks(ceil_div(left, LANES), [&](auto blocks) {
            for (int64_t row = 0; row < rows; row += TILE)
                with_rows(rows - row, [&](auto here) {
                    constexpr int R = decltype(here)::value, NV = decltype(blocks)::value;
                    const auto tile = left >= NV * LANES ? product_tile<R, NV, true> : product_tile<R, NV, false>;
                    tile(a + row * row_apart, row_apart, k_apart, count, b + column, columns, left, to + row * columns + column);
                });
        });
    });
}

}  // namespace

void dense_forward(const Dense* dense) {
    const float* x = dense->x;
    uint64_t drawn = 0;
    for (int64_t at = 0; at < dense->layers; at++) {
        const DenseLayer& layer = dense->layer()[at];
        if (layer.keep) {
            draw(layer, dense->rows * layer.units, drawn, dense->key);
            drawn += dense->rows * layer.units;
        }
        forward(*dense, layer, x);
        x = layer.y;
    }
}

void dense_backward(const Dense* dense) {
    static const float one = 1.0f;
    const int64_t rows = dense->rows;
    int64_t widest = 0;
    for (int64_t at = 0; at < dense->layers; at++) widest = most(widest, dense->layer()[at].units);
    const float* dy = dense->dy;
    float *here = dense->room, *other = dense->room + rows * widest;  // dy is outside or in `here`
    for (int64_t at = dense->layers - 1; at >= 0; at--) {
        const DenseLayer& layer = dense->layer()[at];
        const float* x = at ? dense->layer()[at - 1].y : dense->x;
        if (layer.mask || layer.relu) {
            through(*dense, layer, dy, here);
            dy = here;
        }
        if (layer.dw) product(*dense, dy, 1, layer.units, layer.units, rows, x, layer.features, layer.dw);
        if (layer.db) product(*dense, &one, 0, 0, 1, rows, dy, layer.units, layer.db);
        if (!at) return;
        product(*dense, dy, layer.units, 1, rows, layer.units, layer.w, layer.features, other);
        float* const used = here;
        dy = here = other;
        other = used;
    }
}

}  // namespace KISSIPO_ISA
