// Chains of linear layers with relu and dropout, forward and backward.
//
// Forward:   y = mask * relu(x W^T + b)
// Backward:  dz = mask * dy where y > 0;  dx = dz W;  dW = dz^T x;  db = sum of dz
//
// No product needs a transposed copy: forward runs along the rows of x and W, with a
// tile of ROWS x UNITS sums, each a vector over features; backward adds up rows of W
// and of x.
#include "dropout.h"
#include "tiles.h"

namespace KISSIPO_ISA {
namespace {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int FORWARD_ROWS = 4, FORWARD_UNITS = 6;
#else
constexpr int FORWARD_ROWS = 3, FORWARD_UNITS = 3;
#endif

// y of ROWS rows and UNITS units.
template <int ROWS, int UNITS>
void forward_tile(const DenseLayer& layer, const float* x, int64_t row, int64_t unit) {
    const int64_t features = layer.features;
    const float *x_rows = x + row * features, *w = layer.w + unit * features;
    Vec sums[ROWS][UNITS] = {};
    int64_t k = 0;
    auto add_products = [&](auto whole) INLINE {
        auto part = [&](const float* from) INLINE {
            return whole ? load(from) : load(from, features - k);
        };
        Vec value[ROWS];
        static_for<ROWS>([&](auto r) INLINE { value[r] = part(x_rows + r * features + k); });
        static_for<UNITS>([&](auto u) INLINE {
            const Vec weight = part(w + u * features + k);
            static_for<ROWS>([&](auto r) INLINE { sums[r][u] += value[r] * weight; });
        });
    };
    for (; k + LANES <= features; k += LANES) add_products(std::true_type());
    if (k < features) add_products(std::false_type());
    const float lower_bound = layer.relu ? 0.0f : -__builtin_inff();
    for (int r = 0; r < ROWS; r++) {
        const int64_t offset = (row + r) * layer.units + unit;
        float* y = layer.y + offset;
        const float* mask = layer.mask ? layer.mask + offset : nullptr;
        for (int u = 0; u < UNITS; u++) {
            const float value = horizontal_sum(sums[r][u]) + (layer.b ? layer.b[unit + u] : 0.0f);
            y[u] = (value < lower_bound ? lower_bound : value) * (mask ? mask[u] : 1.0f);
        }
    }
}

// y of one layer; a job computes all rows of a few units.
void forward(const Dense& dense, const DenseLayer& layer, const float* x) {
    const int64_t jobs = ceil_div(layer.units, FORWARD_UNITS);
    run_jobs(dense.threads, dense.parallel_for, jobs, [&](int64_t job) {
        const int64_t unit = job * FORWARD_UNITS;
        static_dispatch<FORWARD_UNITS>(layer.units - unit, [&](auto units) {
            constexpr int UNITS = units;
            for (int64_t row = 0; row < dense.rows; row += FORWARD_ROWS)
                static_dispatch<FORWARD_ROWS>(dense.rows - row, [&](auto rows) {
                    forward_tile<rows, UNITS>(layer, x, row, unit);
                });
        });
    });
}

// dz, the gradient before relu and dropout; it is 0 where relu or dropout made y 0.
void activation_backward(const Dense& dense, const DenseLayer& layer, const float* dy, float* dz) {
    const int64_t count = dense.rows * layer.units;
    for (int64_t i = 0; i < count; i += LANES) {
        const int64_t left = count - i;
        Vec d = load(dy + i, left);
        if (layer.mask) d *= load(layer.mask + i, left);
        if (layer.relu) d = load(layer.y + i, left) > Vec{} ? d : Vec{};
        store(dz + i, d, left);
    }
}

// A factor of a product, (row, k), with any strides.
struct Matrix {
    const float* data;
    int64_t row_stride, k_stride;
};

// to[r][...] = sum over k of a[r][k] * b[k][...]. Rows of b and of `to` have `columns`
// values; WHOLE: at least VECTORS vectors are left of them.
template <int ROWS, int VECTORS, bool WHOLE>
void product_tile(const float* a, int64_t row_stride, int64_t k_stride, int64_t count,
                  const float* b, int64_t columns, int64_t left, float* to) {
    Vec sums[ROWS][VECTORS] = {};
    for (int64_t k = 0; k < count; k++, a += k_stride, b += columns) {
        Vec value[VECTORS];
        static_for<VECTORS>([&](auto v) INLINE {
            value[v] = WHOLE ? load(b + v * LANES) : load(b + v * LANES, left - v * LANES);
        });
        static_for<ROWS>([&](auto r) INLINE {
            const Vec factor = broadcast(a[r * row_stride]);
            static_for<VECTORS>([&](auto v) INLINE { sums[r][v] += factor * value[v]; });
        });
    }
    static_for<ROWS>([&](auto r) INLINE {
        static_for<VECTORS>([&](auto v) INLINE {
            store(to + r * columns + v * LANES, sums[r][v], left - v * LANES);
        });
    });
}

// to (row, column) = A (row, k) B (k, column), where k counts to `count`.
void product(const Dense& dense, const Matrix& a, int64_t rows, int64_t count, const float* b,
             int64_t columns, float* to) {
    const int64_t width = TILE_VECTORS * LANES;
    run_jobs(dense.threads, dense.parallel_for, ceil_div(columns, width), [&](int64_t job) {
        const int64_t column = job * width, left = columns - column;
        static_dispatch<TILE_VECTORS>(ceil_div(left, LANES), [&](auto vectors) {
            constexpr int VECTORS = vectors;
            const bool whole = left >= VECTORS * LANES;
            for (int64_t row = 0; row < rows; row += TILE_ROWS)
                static_dispatch<TILE_ROWS>(rows - row, [&](auto tile_rows) {
                    const auto tile = whole ? product_tile<tile_rows, VECTORS, true>
                                            : product_tile<tile_rows, VECTORS, false>;
                    tile(a.data + row * a.row_stride, a.row_stride, a.k_stride, count, b + column,
                         columns, left, to + row * columns + column);
                });
        });
    });
}

}  // namespace

// Computes y of every layer; masks are drawn from consecutive random numbers.
void dense_forward(const Dense* dense) {
    const float* x = dense->x;
    uint64_t drawn = 0;
    for (int64_t i = 0; i < dense->layers; i++) {
        const DenseLayer& layer = dense->layer()[i];
        if (layer.keep_threshold) {
            draw_mask(layer.mask, layer.keep_threshold, dense->rows * layer.units, drawn,
                      dense->random_key);
            drawn += dense->rows * layer.units;
        }
        forward(*dense, layer, x);
        x = layer.y;
    }
}

// Computes dw and db of every layer, from the last layer to the first.
void dense_backward(const Dense* dense) {
    static const float one = 1.0f;
    const int64_t rows = dense->rows;
    int64_t widest = 0;
    for (int64_t i = 0; i < dense->layers; i++) widest = max(widest, dense->layer()[i].units);
    const float* dy = dense->dy;
    // After the first layer, dy is in `current`.
    float *current = dense->workspace, *other = dense->workspace + rows * widest;
    for (int64_t i = dense->layers - 1; i >= 0; i--) {
        const DenseLayer& layer = dense->layer()[i];
        const int64_t units = layer.units, features = layer.features;
        const float* x = i ? dense->layer()[i - 1].y : dense->x;
        if (layer.mask || layer.relu) {
            activation_backward(*dense, layer, dy, current);
            dy = current;
        }
        if (layer.dw) product(*dense, {dy, 1, units}, units, rows, x, features, layer.dw);
        if (layer.db) product(*dense, {&one, 0, 0}, 1, rows, dy, units, layer.db);
        if (!i) return;
        product(*dense, {dy, units, 1}, rows, units, layer.w, features, other);
        float* const used = current;
        dy = current = other;
        other = used;
    }
}

}  // namespace KISSIPO_ISA
