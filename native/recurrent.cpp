// Recurrent layers, forward and backward, with the loop over time inside.
//
// RNN   h' = act(x W_ih^T + b_ih + h W_hh^T + b_hh), act = tanh or relu
// LSTM  i, f, o = sigmoid(...), g = tanh(...);  c' = f c + i g,  h' = o tanh(c')
// GRU   r, z = sigmoid(...), n = tanh(x part + r * h part);  h' = (1 - z) n + z h
//
// The sequences of a batch are divided among the threads: each takes its own through
// all time steps, so that no thread waits for another within a step. With few sequences
// and many weights the threads share the units instead, and each step is a round that
// all of them end. A tile of a few rows times four vectors stays in registers while
// products sum over k; the activations are applied there.
//
// Gates are saved as (row, gate, unit), with padded units: RNN h; LSTM i f g o; GRU n r
// z hn. There n is the candidate, and hn the part of it that comes from the state and
// counts as a gate of its own, so that input parts are gates 0-2 and state parts gates
// 1-3.
//
// Products take packed operands: floats, or pairs of bfloat16. With bfloat16, weights,
// inputs and states are rounded where a product takes them, gates and their gradients
// where they are saved; sums, cells and all results stay float.
//
// With AMX, the sums of up to 16 rows are computed in tiles and then read from memory;
// what is done with them is the same.
#include "amx.h"
#include "operands.h"

namespace KISSIPO_ISA {
namespace {

constexpr int64_t COLUMNS = TILE_VECTORS * LANES;   // of a block of a product
constexpr int ROW_PANELS = 2;                       // that a single row takes at a time
constexpr int64_t GRADIENT_ROWS = 128;              // rows that are summed at a time
constexpr int64_t CACHED_ROWS = 128;                // rows that stay in the cache of a core
constexpr int64_t SHARED_WEIGHTS = 32 * 1024;       // of states: then threads share the units
constexpr int64_t LARGE_WEIGHTS = 1024 * 1024;      // of inputs: no step should read them
constexpr int64_t INPUT_FLOATS = 16 * 1024 * 1024;  // of input parts that such a layer keeps
constexpr int64_t GRADIENT_FLOATS = 128 * 1024;     // sums that fit into the cache of a core

struct RnnTanh {
    static constexpr int gates = 1, x_gates = 1, h_gates = 1, first_h_gate = 0;
};
struct RnnRelu : RnnTanh {};
struct Lstm {
    static constexpr int gates = 4, x_gates = 4, h_gates = 4, first_h_gate = 0;
};
struct Gru {
    static constexpr int gates = 4, x_gates = 3, h_gates = 3, first_h_gate = 1;
};

// The block of torch's weight rows that belongs to a gate (torch's GRU: r z n).
template <class C>
int64_t torch_gate(int gate) {
    if constexpr (std::is_same_v<C, Gru>) return gate == 0 || gate == 3 ? 2 : gate - 1;
    return gate;
}

// ---- products -----------------------------------------------------------------------

// sums[row][OFFSET + vector] += a[row][k] * w[k][vector], where k counts packed
// operands.
template <int ROWS, int VECTORS, int OFFSET, int WIDTH>
inline INLINE void add_products(const float* const* a, int64_t count, const float* w,
                                Vec (&sums)[ROWS][WIDTH]) {
    const float* rows[ROWS];
    static_for<ROWS>([&](auto r) INLINE { rows[r] = a[r]; });
    for (int64_t k = 0; k < count; k++, w += VECTORS * LANES) {
        Vec weight[VECTORS];
        static_for<VECTORS>([&](auto v) INLINE { weight[v] = load(w + v * LANES); });
        static_for<ROWS>([&](auto r) INLINE {
            const Vec value = broadcast(rows[r][k]);
            static_for<VECTORS>([&](auto v) INLINE {
                sums[r][OFFSET + v] = multiply_add(sums[r][OFFSET + v], value, weight[v]);
            });
        });
    }
}

// The same for one row and PANELS panels of weights, `distance` floats apart.
template <int PANELS, int VECTORS, int OFFSET, int WIDTH>
inline INLINE void add_row_products(const float* a, int64_t count, const float* w,
                                    int64_t distance, Vec (&sums)[PANELS][WIDTH]) {
    for (int64_t k = 0; k < count; k++, w += VECTORS * LANES) {
        const Vec value = broadcast(a[k]);
        static_for<PANELS>([&](auto p) INLINE {
            static_for<VECTORS>([&](auto v) INLINE {
                sums[p][OFFSET + v] =
                    multiply_add(sums[p][OFFSET + v], value, load(w + p * distance + v * LANES));
            });
        });
    }
}

// ---- packed weights -----------------------------------------------------------------

// The units of one panel of weights for forward: one vector of a gated cell, four of an
// RNN.
template <class C>
constexpr int64_t PANEL_UNITS = (C::gates == 1 ? TILE_VECTORS : 1) * LANES;

// The floats of one panel of weights for forward. Features and units are packed.
// Gated cells, per vector: bias (gate), W_ih (feature, gate), W_hh (unit, gate).
// RNN, per four vectors: bias (vector), W_ih (feature, vector), W_hh (unit, vector).
template <class C>
int64_t panel_floats(int64_t features, int64_t units) {
    if (C::gates == 1) return COLUMNS * (1 + packed(features) + packed(units));
    return LANES * (C::gates + C::x_gates * packed(features) + C::h_gates * packed(units));
}

// The floats of all panels of weights for forward.
template <class C>
int64_t forward_floats(int64_t features, int64_t units) {
    return panel_floats<C>(features, units) * ceil_div(padded(units), PANEL_UNITS<C>);
}

// The floats of W_hh for backward, transposed: for each four vectors of states, (gate,
// packed unit, vector). W_ih follows it in the same way.
template <class C>
int64_t state_floats(int64_t units) {
    return C::h_gates * packed(padded(units)) * padded(units);
}

// The floats of all transposed weights for backward.
template <class C>
int64_t backward_floats(int64_t features, int64_t units) {
    return state_floats<C>(units) + C::x_gates * packed(padded(units)) * padded(features);
}

// The sum of the biases that belong to a gate.
template <class C>
float bias_of(const Direction& w, int gate, int64_t unit, int64_t units) {
    const int64_t index = torch_gate<C>(gate) * units + unit;
    bool from_x = gate < C::x_gates, from_h = gate >= C::first_h_gate;
    return (from_x && w.b_ih ? w.b_ih[index] : 0.0f) + (from_h && w.b_hh ? w.b_hh[index] : 0.0f);
}

// to[packed k][vector][lane] = rows[vector][lane][k]; a row that is null gives zeros.
template <int VECTORS>
void interleave(const float* const (&rows)[TILE_VECTORS][LANES], int64_t count, float* to) {
    int64_t k = 0;
    for (; k + LANES <= count; k += LANES)
        for (int v = 0; v < VECTORS; v++) {
            Vec square[LANES];
            for (int lane = 0; lane < LANES; lane++)
                square[lane] = rows[v][lane] ? load(rows[v][lane] + k) : Vec{};
            transpose(square);
            for (int lane = 0; lane < LANES; lane += PACKED_VALUES)
                store(to + ((k + lane) / PACKED_VALUES * VECTORS + v) * LANES,
                      packed_pair(square[lane], square[lane + PACKED_VALUES - 1]));
        }
    for (; k < count; k += PACKED_VALUES)
        for (int v = 0; v < VECTORS; v++) {
            Vec values[PACKED_VALUES] = {};
            for (int64_t i = 0; i < min(PACKED_VALUES, count - k); i++)
                for (int lane = 0; lane < LANES; lane++)
                    values[i][lane] = rows[v][lane] ? rows[v][lane][k + i] : 0.0f;
            store(to + (k / PACKED_VALUES * VECTORS + v) * LANES,
                  packed_pair(values[0], values[PACKED_VALUES - 1]));
        }
    for (k = ceil_div(count, PACKED_VALUES); k < packed(count); k++)
        for (int v = 0; v < VECTORS; v++) store(to + (k * VECTORS + v) * LANES, Vec{});
}

// Writes the panel that begins at a vector of units; see panel_floats.
template <class C>
void pack_panel(const Layer& layer, const Direction& w, int64_t vector, float* to) {
    constexpr bool gated = C::gates > 1;
    const int64_t units = layer.units;
    const int vectors = gated ? C::gates : min(TILE_VECTORS, padded(units) / LANES - vector);
    auto unit_of = [&](int v, int lane) { return (vector + (gated ? 0 : v)) * LANES + lane; };
    for (int v = 0; v < vectors; v++)
        for (int lane = 0; lane < LANES; lane++) {
            const int64_t unit = unit_of(v, lane);
            to[v * LANES + lane] = unit < units ? bias_of<C>(w, gated ? v : 0, unit, units) : 0.0f;
        }
    to += vectors * LANES;
    auto pack_weights = [&](const float* weights, int64_t count, int first_gate, int gates) {
        const int width = gated ? gates : vectors;
        const float* rows[TILE_VECTORS][LANES] = {};
        for (int v = 0; v < width; v++)
            for (int lane = 0; lane < LANES; lane++)
                if (unit_of(v, lane) < units) {
                    const int64_t gate = torch_gate<C>(gated ? first_gate + v : 0);
                    rows[v][lane] = weights + (gate * units + unit_of(v, lane)) * count;
                }
        static_dispatch<TILE_VECTORS>(width, [&](auto v) { interleave<v>(rows, count, to); });
        to += packed(count) * width * LANES;
    };
    pack_weights(w.w_ih, layer.features, 0, C::x_gates);
    pack_weights(w.w_hh, units, C::first_h_gate, C::h_gates);
}

// Writes four vectors of columns of all weight rows: (gate, packed unit, vector).
template <class C>
void transpose_panel(int64_t units, const float* weights, int64_t width, int64_t first_column,
                     int first_gate, int gates, float* to) {
    const int64_t columns = min(COLUMNS, padded(width) - first_column);
    const int64_t left = min(columns, width - first_column);
    for (int gate = first_gate; gate < first_gate + gates; gate++) {
        const float* rows = weights + torch_gate<C>(gate) * units * width + first_column;
        auto part = [&](int64_t unit, int64_t column) {
            return unit < units ? load(rows + unit * width + column, left - column) : Vec{};
        };
        for (int64_t unit = 0; unit < padded(units); unit += PACKED_VALUES, to += columns)
            for (int64_t column = 0; column < columns; column += LANES) {
                const Vec last = part(unit + PACKED_VALUES - 1, column);
                store(to + column, packed_pair(part(unit, column), last));
            }
    }
}

// Calls the jobs on the threads of the layer.
template <class F>
void run_jobs(const Layer& layer, int64_t jobs, const F& job) {
    run_jobs(layer.threads, layer.parallel_for, jobs, job);
}

// Calls job(direction, panel) for every panel, on one thread where the weights are few.
template <class F>
void for_each_panel(const Layer& layer, int64_t panels, const F& job) {
    const bool many_weights = layer.units * (layer.units + layer.features) >= 65536;
    run_jobs(many_weights ? layer.threads : 1, layer.parallel_for, panels * layer.directions,
             [&](int64_t i) { job(i / panels, i % panels); });
}

// Packs the weights of each direction for forward, with the biases.
template <class C>
void pack_forward(const Layer& layer, float* const (&to)[2]) {
    const int64_t size = panel_floats<C>(layer.features, layer.units);
    const int64_t panels = ceil_div(padded(layer.units), PANEL_UNITS<C>);
    for_each_panel(layer, panels, [&](int64_t d, int64_t panel) {
        const int64_t vector = panel * PANEL_UNITS<C> / LANES;
        pack_panel<C>(layer, layer.direction[d], vector, to[d] + panel * size);
    });
}

// Packs the transposed weights of each direction for backward; W_ih only where dx is
// needed.
template <class C>
void pack_backward(const Layer& layer, Array<float> (&to)[2]) {
    const int64_t units = layer.units, padded_units = padded(units);
    const int64_t width = COLUMNS, h_panels = ceil_div(padded_units, width);
    for (int64_t d = 0; d < layer.directions; d++)
        to[d].resize_uninitialized(backward_floats<C>(layer.features, units));
    const int64_t panels = h_panels + ceil_div(padded(layer.features), width);
    for_each_panel(layer, panels, [&](int64_t d, int64_t panel) {
        const Direction& w = layer.direction[d];
        const int64_t column = (panel < h_panels ? panel : panel - h_panels) * width;
        if (panel < h_panels) {
            float* h_panel = to[d].data + column * C::h_gates * packed(padded_units);
            transpose_panel<C>(units, w.w_hh, units, column, C::first_h_gate, C::h_gates, h_panel);
        } else if (w.dx) {
            float* x_panel = to[d].data + state_floats<C>(units) +
                             column * C::x_gates * packed(padded_units);
            transpose_panel<C>(units, w.w_ih, layer.features, column, 0, C::x_gates, x_panel);
        }
    });
}

// ---- where rows are -----------------------------------------------------------------

// Time steps in the order of a direction, and the rows of each step.
struct RowIndex {
    const Layer& layer;
    const Direction& direction;

    int64_t active(int64_t t) const { return layer.offsets[t + 1] - layer.offsets[t]; }
    int64_t time(int64_t step) const { return direction.reverse ? layer.steps - 1 - step : step; }
    int64_t packed_row(int64_t t, int64_t sequence) const { return layer.offsets[t] + sequence; }
    int64_t tensor_row(int64_t t, int64_t sequence) const {
        return layer.starts ? layer.starts[sequence] + t * layer.time_stride
                            : packed_row(t, sequence);
    }
    bool is_first(int64_t t, int64_t sequence) const {
        return direction.reverse ? t + 1 == layer.steps || sequence >= active(t + 1) : t == 0;
    }
    bool is_last(int64_t t, int64_t sequence) const {
        return direction.reverse ? t == 0 : t + 1 == layer.steps || sequence >= active(t + 1);
    }
    int64_t previous(int64_t t) const { return direction.reverse ? t + 1 : t - 1; }
};

// Pointers to the rows of one step in an array of `width` values per row. The array is
// in packed order, or it is a tensor with the layer's own layout. From one step to the
// next, all rows move by the same distance.
template <class T>
struct RowPointers {
    T* base;
    int64_t width;
    bool is_tensor;
    Array<T*> rows;

    RowPointers(T* base, int64_t width, bool is_tensor, int64_t count)
        : base(base), width(width), is_tensor(is_tensor), rows(count) {}

    int64_t distance(const RowIndex& index, int64_t from, int64_t to) const {
        const Layer& layer = index.layer;
        const bool strided = is_tensor && layer.starts;
        return (strided ? (to - from) * layer.time_stride
                        : layer.offsets[to] - layer.offsets[from]) * width;
    }
    // Moves `old` rows from step `from` to step t, which has `count` rows, and adds the
    // others.
    void move(const RowIndex& index, int64_t from, int64_t t, int64_t first, int64_t old,
              int64_t count) {
        if (!base) return;
        const int64_t offset = old ? distance(index, from, t) : 0;
        for (int64_t i = 0; i < min(old, count); i++) rows[i] += offset;
        for (int64_t i = old; i < count; i++) {
            const int64_t sequence = first + i;
            rows[i] = base + (is_tensor ? index.tensor_row(t, sequence)
                                        : index.packed_row(t, sequence)) * width;
        }
    }
};

// Divides the sequences into parts of about equal work: part p ends before sequence
// ends[p + 1].
void partition(const Layer& layer, int64_t parts, Array<int64_t>& ends) {
    Array<int64_t> length(layer.batch);
    ends.resize(parts + 1);
    for (int64_t t = 0; t < layer.steps; t++) {
        const int64_t active = layer.offsets[t + 1] - layer.offsets[t];
        if (active > 0) length[active - 1]++;
    }
    for (int64_t r = layer.batch - 2; r >= 0; r--) length[r] += length[r + 1];
    int64_t done = 0, sequence = 0;
    for (int64_t part = 1; part <= parts; part++) {
        const int64_t target = layer.rows * part / parts;
        while (sequence < layer.batch && (part == parts || done + length[sequence] / 2 < target))
            done += length[sequence++];
        ends[part] = sequence;
    }
}

// to (sequence, padded unit) = from (sequence, unit), where that is not null.
inline void copy_padded(const float* from, const Layer& layer, float* to) {
    for (int64_t row = 0; from && row < layer.batch; row++)
        copy(from + row * layer.units, layer.units, to + row * padded(layer.units));
}

// How the threads of a direction divide its work: each takes a part of the sequences,
// or, where steps have few rows and there are many weights, a share of the units of
// all. A share has whole blocks of units.
struct Division {
    bool all_at_once;  // whether input parts are computed for all steps at once
    int64_t parts, workers;

    int64_t jobs() const { return parts * workers; }

    template <class C>
    static Division of(const Layer& layer, int64_t block) {
        const int64_t units = layer.units, threads = max(1, layer.threads / layer.directions);
        const int64_t parts = min(layer.batch, threads);
        const int64_t workers = min(threads, ceil_div(padded(units), block));
        const int64_t state_weights = C::h_gates * units * units;
        const int64_t weights = state_weights + C::x_gates * units * layer.features;
        const bool has_few_rows = layer.batch < 6 * parts;
        const bool has_many_weights =
            state_weights >= SHARED_WEIGHTS || weights >= 4 * SHARED_WEIGHTS;
        const bool has_large_inputs = weights - state_weights >= LARGE_WEIGHTS &&
                                      layer.rows * C::gates * padded(units) <= INPUT_FLOATS;
        const bool at_once = (has_few_rows || has_large_inputs) && layer.steps > 1;
        if (has_few_rows && has_many_weights && workers >= parts) return {at_once, 1, workers};
        return {at_once, parts, 1};
    }
};

// ---- forward ------------------------------------------------------------------------

// Pointers to the rows of one step.
struct StepRows {
    const float* const* packed_x;
    const float* const* packed_h;
    const float* const* h;
    int64_t h_operands;  // of a row; 0 where all states are 0
    const float* const* input_sums;  // x W_ih^T and biases, where they are computed before
    float* const* y;
    const float* const* previous_cell;
    float* const* cell;
    SavedGate* const* gates;
};

// The sums begin with the biases, or with the input parts where these are computed
// before.
template <class C, int ROWS>
inline INLINE void init_sums(const Layer& layer, const StepRows& step, int64_t row,
                             const float* panel, int64_t unit, Vec (&sums)[ROWS][TILE_VECTORS],
                             int width) {
    const int64_t stride = C::gates == 1 ? LANES : padded(layer.units);
    if (step.input_sums)
        static_for<ROWS>([&](auto r) INLINE {
            const float* from = step.input_sums[row + r] + unit;
            static_for<TILE_VECTORS>([&](auto v) INLINE {
                sums[r][v] = v < width ? load(from + v * stride) : Vec{};
            });
        });
    else
        static_for<ROWS>([&](auto r) INLINE {
            static_for<TILE_VECTORS>([&](auto v) INLINE {
                sums[r][v] = v < width ? load(panel + v * LANES) : Vec{};
            });
        });
}

// The sums of all gates of one tile. They are returned through memory, which lets the
// compiler keep them in registers during the products.
template <class C, int ROWS>
__attribute__((noinline)) void gated_sums(const Layer& layer, const StepRows& step, int64_t row,
                                          const float* panel, int64_t unit, Vec* to) {
    Vec sums[ROWS][TILE_VECTORS];
    init_sums<C, ROWS>(layer, step, row, panel, unit, sums, TILE_VECTORS);
    panel += C::gates * LANES;
    if (!step.input_sums)
        add_products<ROWS, C::x_gates, 0>(step.packed_x + row, packed(layer.features), panel, sums);
    panel += packed(layer.features) * C::x_gates * LANES;
    add_products<ROWS, C::h_gates, C::first_h_gate>(step.packed_h + row, step.h_operands, panel,
                                                    sums);
    static_for<ROWS>([&](auto r) INLINE {
        static_for<TILE_VECTORS>([&](auto v) INLINE { to[r * TILE_VECTORS + v] = sums[r][v]; });
    });
}

// The sums of all gates of the only row, for PANELS panels that follow each other: with
// those of a single panel, each product would wait for the one before.
template <class C, int PANELS>
__attribute__((noinline)) void gated_row_sums(const Layer& layer, const StepRows& step,
                                              const float* panel, int64_t unit, Vec* to) {
    const int64_t distance = panel_floats<C>(layer.features, layer.units);
    Vec sums[PANELS][TILE_VECTORS];
    static_for<PANELS>([&](auto p) INLINE {
        auto& of_panel = reinterpret_cast<Vec(&)[1][TILE_VECTORS]>(sums[p]);
        init_sums<C, 1>(layer, step, 0, panel + p * distance, unit + p * LANES, of_panel,
                        TILE_VECTORS);
    });
    panel += C::gates * LANES;
    if (!step.input_sums)
        add_row_products<PANELS, C::x_gates, 0>(step.packed_x[0], packed(layer.features), panel,
                                                distance, sums);
    panel += packed(layer.features) * C::x_gates * LANES;
    add_row_products<PANELS, C::h_gates, C::first_h_gate>(step.packed_h[0], step.h_operands,
                                                          panel, distance, sums);
    static_for<PANELS>([&](auto p) INLINE {
        static_for<TILE_VECTORS>([&](auto v) INLINE { to[p * TILE_VECTORS + v] = sums[p][v]; });
    });
}

// The activations of LSTM or GRU for sums (row, panel, gate), which they replace.
template <class C, int ROWS, int PANELS = 1>
inline INLINE void activate_gated(const Layer& layer, const StepRows& step, int64_t first_row,
                                  int64_t first_unit, Vec* sums) {
    constexpr int COUNT = ROWS * PANELS;
    const int64_t padded_units = padded(layer.units);
    const auto row = [&](int i) INLINE { return first_row + i / PANELS; };
    const auto unit = [&](int i) INLINE { return first_unit + i % PANELS * LANES; };
    Vec outer[COUNT];
    if constexpr (std::is_same_v<C, Lstm>) {
#pragma GCC unroll 1
        for (int i = 0; i < COUNT; i++) {
            Vec* gate = sums + i * TILE_VECTORS;
            Vec e[4] = {-gate[0], -gate[1], gate[2] + gate[2], -gate[3]};
            expm1_inplace(e);
            for (int v = 0; v < 4; v++)  // tanh for g, sigmoid for i, f, o
                gate[v] = divide(v == 2 ? e[v] : broadcast(1.0f), e[v] + 2.0f);
            outer[i] = gate[1] * load(step.previous_cell[row(i)] + unit(i)) + gate[0] * gate[2];
            store(step.cell[row(i)] + unit(i), outer[i]);
        }
        tanh_inplace(outer);
        for (int i = 0; i < COUNT; i++)
            store(step.y[row(i)] + unit(i), sums[i * TILE_VECTORS + 3] * outer[i],
                  layer.units - unit(i));
    } else {
#pragma GCC unroll 1
        for (int i = 0; i < COUNT; i++) {
            Vec* gate = sums + i * TILE_VECTORS;
            Vec r_and_z[2] = {gate[1], gate[2]};
            sigmoid_inplace(r_and_z);
            gate[1] = r_and_z[0];
            gate[2] = r_and_z[1];
            outer[i] = gate[0] + gate[1] * gate[3];
        }
        tanh_inplace(outer);
        for (int i = 0; i < COUNT; i++) {
            const int64_t left = layer.units - unit(i);
            const Vec n = sums[i * TILE_VECTORS] = outer[i], z = sums[i * TILE_VECTORS + 2];
            store(step.y[row(i)] + unit(i), n + z * (load(step.h[row(i)] + unit(i), left) - n),
                  left);
        }
    }
    if (step.gates)
        for (int i = 0; i < COUNT; i++)
            for (int v = 0; v < TILE_VECTORS; v++)
                store(step.gates[row(i)] + v * padded_units + unit(i), sums[i * TILE_VECTORS + v]);
}

// One step of LSTM or GRU for a tile: ROWS rows and one vector of units.
template <class C, int ROWS>
void forward_gated(const Layer& layer, const StepRows& step, int64_t row, const float* panel,
                   int64_t unit) {
    Vec sums[ROWS * TILE_VECTORS];
    gated_sums<C, ROWS>(layer, step, row, panel, unit, sums);
    activate_gated<C, ROWS>(layer, step, row, unit, sums);
}

// One step of LSTM or GRU for one row and PANELS vectors of units.
template <class C, int PANELS>
void forward_gated_row(const Layer& layer, const StepRows& step, const float* panel,
                       int64_t unit) {
    Vec sums[PANELS * TILE_VECTORS];
    gated_row_sums<C, PANELS>(layer, step, panel, unit, sums);
    activate_gated<C, 1, PANELS>(layer, step, 0, unit, sums);
}

// The activations of an RNN for a tile of sums (row, vector).
template <class C, int ROWS, int VECTORS>
inline INLINE void activate_rnn(const Layer& layer, const StepRows& step, int64_t row, int64_t unit,
                                const Vec (&sums)[ROWS][TILE_VECTORS]) {
    for (int r = 0; r < ROWS; r++) {
        Vec h[VECTORS];
        for (int v = 0; v < VECTORS; v++) h[v] = sums[r][v];
        if constexpr (std::is_same_v<C, RnnTanh>)
            tanh_inplace(h);
        else
            for (int v = 0; v < VECTORS; v++) h[v] = h[v] < Vec{} ? Vec{} : h[v];
        for (int v = 0; v < VECTORS; v++)
            store(step.y[row + r] + unit + v * LANES, h[v], layer.units - unit - v * LANES);
    }
}

// One step of an RNN for a tile: ROWS rows and VECTORS vectors of units.
template <class C, int ROWS, int VECTORS>
void forward_rnn(const Layer& layer, const StepRows& step, int64_t row, const float* panel,
                 int64_t unit) {
    Vec sums[ROWS][TILE_VECTORS];
    init_sums<C, ROWS>(layer, step, row, panel, unit, sums, VECTORS);
    panel += VECTORS * LANES;
    if (!step.input_sums)
        add_products<ROWS, VECTORS, 0>(step.packed_x + row, packed(layer.features), panel, sums);
    add_products<ROWS, VECTORS, 0>(step.packed_h + row, step.h_operands,
                                   panel + packed(layer.features) * VECTORS * LANES, sums);
    activate_rnn<C, ROWS, VECTORS>(layer, step, row, unit, sums);
}

// The sums of a block of rows for VECTORS vectors of a panel, by AMX.
template <class C, int VECTORS>
void block_sums(const Layer& layer, const StepRows& step, int64_t row, int64_t rows,
                const float* panel, int64_t unit, TileSums& sums) {
    constexpr bool gated = C::gates > 1;
    constexpr int x_width = gated ? C::x_gates : VECTORS, h_width = gated ? C::h_gates : VECTORS;
    const int64_t stride = gated ? padded(layer.units) : LANES;
    for (int64_t r = 0; r < rows; r++)
        for (int v = 0; v < VECTORS; v++)
            sums.value[r][v] = load(step.input_sums ? step.input_sums[row + r] + unit + v * stride
                                                    : panel + v * LANES);
    panel += VECTORS * LANES;
    sums.begin<VECTORS>(rows);
    if (!step.input_sums)
        sums.add_products<x_width, 0>(step.packed_x + row, packed(layer.features), panel);
    panel += packed(layer.features) * x_width * LANES;
    sums.add_products<h_width, C::first_h_gate>(step.packed_h + row, packed(layer.units), panel);
    sums.end<VECTORS>();
}

// One step of a block of rows for VECTORS vectors of a panel, by AMX.
template <class C, int VECTORS>
void forward_block(const Layer& layer, const StepRows& step, int64_t row, int64_t rows,
                   const float* panel, int64_t unit, TileSums& sums) {
    block_sums<C, VECTORS>(layer, step, row, rows, panel, unit, sums);
    for (int64_t r = 0; r < rows; r += TILE_ROWS)
        static_dispatch<TILE_ROWS>(rows - r, [&](auto tile_rows) {
            constexpr int ROWS = tile_rows;
            if constexpr (C::gates == 1) {
                const auto& tile = reinterpret_cast<Vec(&)[ROWS][TILE_VECTORS]>(sums.value[r]);
                activate_rnn<C, ROWS, VECTORS>(layer, step, row + r, unit, tile);
            } else {
                activate_gated<C, ROWS>(layer, step, row + r, unit, sums.value[r]);
            }
        });
}

// Calls f(vectors) with the number of vectors of the panel that begins at a unit.
template <class C, class F>
inline void with_panel_vectors(const Layer& layer, int64_t unit, const F& f) {
    if constexpr (C::gates > 1)
        f(std::integral_constant<int, C::gates>());
    else
        static_dispatch<TILE_VECTORS>((padded(layer.units) - unit) / LANES, f);
}

// One step for ROWS rows and the units of one panel.
template <class C, int ROWS>
inline INLINE void forward_tile(const Layer& layer, const StepRows& step, int64_t row,
                                const float* panel, int64_t unit) {
    if constexpr (C::gates == 1)
        static_dispatch<TILE_VECTORS>((padded(layer.units) - unit) / LANES, [&](auto vectors) {
            forward_rnn<C, ROWS, vectors>(layer, step, row, panel, unit);
        });
    else
        forward_gated<C, ROWS>(layer, step, row, panel, unit);
}

// One step for `count` rows and all units. In every second step the panels are taken
// downward: those that are read last are read again first, while the cache has them.
template <class C>
inline void forward_step(const Layer& layer, Rounds::Worker& worker, const StepRows& step,
                         const float* weights, int64_t count, bool downward) {
    const int64_t size = panel_floats<C>(layer.features, layer.units);
    const int64_t panels = ceil_div(padded(layer.units), PANEL_UNITS<C>);
    worker.divide(panels, [&](int64_t first, int64_t last) {
        if constexpr (C::gates > 1 && !USES_AMX)
            if (count == 1) {
                for (int64_t i = first; i < last; i += ROW_PANELS)
                    static_dispatch<ROW_PANELS>(last - i, [&](auto taken) {
                        const int64_t place = downward ? first + last - taken - i : i;
                        forward_gated_row<C, taken>(layer, step, weights + place * size,
                                                    place * LANES);
                    });
                return;
            }
        for (int64_t i = first; i < last; i++) {
            const int64_t place = downward ? first + last - 1 - i : i;
            const float* panel = weights + place * size;
            const int64_t unit = place * PANEL_UNITS<C>;
            if constexpr (USES_AMX) {
                TileSums sums;
                with_panel_vectors<C>(layer, unit, [&](auto vectors) {
                    for_each_block(count, [&](int64_t row, int64_t rows) {
                        forward_block<C, vectors>(layer, step, row, rows, panel, unit, sums);
                    });
                });
            } else {
                for (int64_t row = 0; row < count; row += TILE_ROWS)
                    static_dispatch<TILE_ROWS>(min(TILE_ROWS, count - row), [&](auto rows) {
                        forward_tile<C, rows>(layer, step, row, panel, unit);
                    });
            }
        }
    });
}

// All steps of the sequences first .. last - 1. input_sums is null, or it has the input
// parts: (row, gate, unit) in packed order, or (token, gate, unit) where the layer has
// ids. c0 has the first cells of an LSTM: (sequence, unit); where cells are not saved,
// the later ones replace them.
template <class C>
void forward_steps(const Layer& layer, Rounds::Worker& worker, const Direction& direction,
                   const float* weights, const float* input_sums, float* c0, int64_t first,
                   int64_t last) {
    if (first >= last) return;
    const RowIndex index{layer, direction};
    const int64_t units = layer.units, padded_units = padded(units), max_rows = last - first;
    constexpr bool lstm = std::is_same_v<C, Lstm>;
    const Array<float> zeros(padded_units);
    RowPointers<const float> x(input_sums ? nullptr : layer.x, layer.features, true, max_rows);
    RowPointers<const float> sums(layer.ids ? nullptr : input_sums, C::gates * padded_units, false,
                                  max_rows);
    RowPointers<float> y(direction.y, layer.y_stride, true, max_rows);
    RowPointers<SavedGate> gates(static_cast<SavedGate*>(direction.gates), C::gates * padded_units,
                                 false, max_rows);
    RowPointers<float> cell(lstm ? direction.cells : nullptr, padded_units, false, max_rows);
    Array<const float*> h(max_rows), previous_cell(max_rows);
    if (lstm && !cell.base)
        for (int64_t row = 0; row < max_rows; row++)
            cell.rows[row] = c0 + (first + row) * padded_units;
    const PackedRows packed_x(max_rows, x.base ? layer.features : 0), packed_h(max_rows, units);
    StepRows step_rows{packed_x.operands(x.rows),
                       packed_h.operands(h),
                       h.data,
                       0,
                       input_sums ? sums.rows.data : nullptr,
                       y.rows.data,
                       previous_cell.data,
                       cell.rows.data,
                       direction.gates ? gates.rows.data : nullptr};
    int64_t old = 0;
    for (int64_t step = 0; step < layer.steps; step++) {
        const int64_t t = index.time(step), count = min(last, index.active(t)) - first;
        if (count <= 0) {
            if (direction.reverse) continue;
            break;
        }
        for (int64_t row = 0; row < old; row++) {
            h[row] = y.rows[row];
            previous_cell[row] = cell.rows[row];
        }
        for (int64_t row = old; row < count; row++) {
            h[row] = direction.h0 ? direction.h0 + (first + row) * units : zeros.data;
            previous_cell[row] = c0 + (first + row) * padded_units;
        }
        const int64_t from = index.previous(t);
        x.move(index, from, t, first, old, count);
        sums.move(index, from, t, first, old, count);
        y.move(index, from, t, first, old, count);
        gates.move(index, from, t, first, old, count);
        cell.move(index, from, t, first, old, count);
        for (int64_t row = 0; layer.ids && row < count; row++) {
            const int64_t token = layer.ids[index.tensor_row(t, first + row)];
            sums.rows[row] = input_sums + token * C::gates * padded_units;
        }
        if (x.base) packed_x.pack(x.rows, count);
        packed_h.pack(h, count);
        step_rows.h_operands = old || direction.h0 ? packed(units) : 0;
        old = count;
        forward_step<C>(layer, worker, step_rows, weights, count, step % 2);
        for (int64_t row = 0; row < count && worker.is_first(); row++)
            if (index.is_last(t, first + row)) {
                const int64_t offset = (first + row) * units;
                if (direction.hn) copy(y.rows[row], units, direction.hn + offset);
                if (lstm && direction.cn) copy(cell.rows[row], units, direction.cn + offset);
            }
    }
}

// Input parts of ROWS rows for one panel: WEIGHTED of its VECTORS vectors have weights,
// the others (hn of the GRU) only a bias.
template <class C, int ROWS, int WEIGHTED, int VECTORS>
void write_input_sums(const Layer& layer, const float* const* x, const float* panel,
                      float* const* to, int64_t unit, int64_t stride) {
    Vec sums[ROWS][TILE_VECTORS];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < TILE_VECTORS; v++)
            sums[r][v] = v < VECTORS ? load(panel + v * LANES) : Vec{};
    add_products<ROWS, WEIGHTED, 0>(x, packed(layer.features), panel + VECTORS * LANES, sums);
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < VECTORS; v++) store(to[r] + unit + v * stride, sums[r][v]);
}

// Input parts of ROWS rows for the panel that begins at a unit.
template <class C, int ROWS>
inline INLINE void input_tile(const Layer& layer, const float* const* x, const float* panel,
                              float* const* to, int64_t unit) {
    const int64_t padded_units = padded(layer.units);
    if constexpr (C::gates == 1)
        static_dispatch<TILE_VECTORS>((padded_units - unit) / LANES, [&](auto vectors) {
            write_input_sums<C, ROWS, vectors, vectors>(layer, x, panel, to, unit, LANES);
        });
    else
        write_input_sums<C, ROWS, C::x_gates, C::gates>(layer, x, panel, to, unit, padded_units);
}

// Input parts of a block of rows for VECTORS vectors of a panel, by AMX.
template <class C, int VECTORS>
void input_block(const Layer& layer, const float* const* x, int64_t rows, const float* panel,
                 float* const* to, int64_t unit, TileSums& sums) {
    constexpr bool gated = C::gates > 1;
    const int64_t stride = gated ? padded(layer.units) : LANES;
    for (int64_t r = 0; r < rows; r++)
        for (int v = 0; v < VECTORS; v++) sums.value[r][v] = load(panel + v * LANES);
    sums.begin<VECTORS>(rows);
    sums.add_products<gated ? C::x_gates : VECTORS, 0>(x, packed(layer.features),
                                                       panel + VECTORS * LANES);
    sums.end<VECTORS>();
    for (int64_t r = 0; r < rows; r++)
        for (int v = 0; v < VECTORS; v++) store(to[r] + unit + v * stride, sums.value[r][v]);
}

// Input parts of `count` rows for the panel that begins at a unit.
template <class C>
void input_panel(const Layer& layer, const float* const* x, int64_t count, const float* panel,
                 float* const* to, int64_t unit) {
    if constexpr (USES_AMX) {
        TileSums sums;
        with_panel_vectors<C>(layer, unit, [&](auto vectors) {
            for_each_block(count, [&](int64_t row, int64_t rows) {
                input_block<C, vectors>(layer, x + row, rows, panel, to + row, unit, sums);
            });
        });
    } else {
        for (int64_t row = 0; row < count; row += TILE_ROWS)
            static_dispatch<TILE_ROWS>(count - row, [&](auto rows) {
                input_tile<C, rows>(layer, x + row, panel, to + row, unit);
            });
    }
}

// The input parts of all steps of the sequences first .. last - 1: (row, gate, unit) in
// packed order. Each worker computes the units whose states it computes later, so that
// they are in the cache of its core.
template <class C>
void all_inputs(const Layer& layer, Rounds::Worker& worker, const Direction& direction,
                const float* weights, float* to, int64_t first, int64_t last) {
    const RowIndex index{layer, direction};
    const int64_t size = panel_floats<C>(layer.features, layer.units);
    Array<const float*> x_rows(layer.rows);
    Array<float*> to_rows(layer.rows);
    int64_t count = 0;
    for (int64_t t = 0; t < layer.steps; t++)
        for (int64_t sequence = first; sequence < min(last, index.active(t)); sequence++, count++) {
            x_rows[count] = layer.x + index.tensor_row(t, sequence) * layer.features;
            to_rows[count] = to + index.packed_row(t, sequence) * C::gates * padded(layer.units);
        }
    const PackedRows packed_x(count, layer.features);
    packed_x.pack(x_rows, count);
    const float* const* x = packed_x.operands(x_rows);
    const int64_t panels = ceil_div(padded(layer.units), PANEL_UNITS<C>);
    worker.divide(panels, [&](int64_t begin, int64_t end) {
        for (int64_t row = 0; row < count; row += CACHED_ROWS)
            for (int64_t i = begin; i < end; i++)
                input_panel<C>(layer, x + row, min(CACHED_ROWS, count - row), weights + i * size,
                               to_rows.data + row, i * PANEL_UNITS<C>);
    });
}

// The input parts of all tokens from the table: (token, gate, unit), with the biases of
// the state parts.
template <class C>
void token_inputs(const Layer& layer, const Direction& direction, float* to) {
    const int64_t units = layer.units, padded_units = padded(units), gates = C::x_gates;
    for (int64_t token = 0; token < layer.tokens; token++)
        for (int gate = 0; gate < C::gates; gate++, to += padded_units) {
            const float* from = direction.w_ih + (token * gates + torch_gate<C>(gate)) * units;
            for (int64_t unit = 0; unit < units; unit++)
                to[unit] = (gate < gates ? from[unit] : 0.0f) +
                           bias_of<C>(direction, gate, unit, units);
        }
}

// The whole layer with packed weights: each part of the batch goes through its steps.
// Where a step has few rows, or the inputs very many weights, the input parts are
// computed for all steps before, which reads the weights less often.
template <class C>
void forward_packed(const Layer& layer, const float* const (&weights)[2]) {
    const Division division = Division::of<C>(layer, PANEL_UNITS<C>);
    const int64_t units = layer.units, row_floats = C::gates * padded(units);
    const bool inputs_first = division.all_at_once && !layer.ids;
    Array<float> memory[2], c0[2];
    Array<int64_t> ends;
    float* input_sums[2] = {};
    partition(layer, division.parts, ends);
    for (int64_t d = 0; d < layer.directions; d++) {
        const Direction& direction = layer.direction[d];
        if (std::is_same_v<C, Lstm>) {
            c0[d].resize(layer.batch * padded(units));
            copy_padded(direction.c0, layer, c0[d].data);
        }
        if (layer.ids) {
            memory[d].resize(layer.tokens * row_floats);
            token_inputs<C>(layer, direction, memory[d].data);
            input_sums[d] = memory[d].data;
        } else if (inputs_first) {
            input_sums[d] = static_cast<float*>(direction.gates);
            if (input_sums[d] && PACKED_VALUES == 1) continue;
            memory[d].resize_uninitialized(layer.rows * row_floats);
            input_sums[d] = memory[d].data;
        }
    }
    const Rounds rounds[] = {Rounds(division.workers), Rounds(division.workers)};
    run_jobs(layer, division.jobs() * layer.directions, [&](int64_t job) {
        const int64_t d = job / division.jobs(), part = job / division.workers % division.parts;
        const int64_t first = ends[part], last = ends[part + 1];
        const Direction& direction = layer.direction[d];
        Rounds::Worker worker(rounds[d], job % division.workers);
        if (inputs_first)
            all_inputs<C>(layer, worker, direction, weights[d], input_sums[d], first, last);
        forward_steps<C>(layer, worker, direction, weights[d], input_sums[d], c0[d].data, first,
                         last);
    });
}

// The whole layer: weights are packed anew.
template <class C>
void forward(const Layer& layer) {
    Array<float> memory[2];
    for (int64_t d = 0; d < layer.directions; d++)
        memory[d].resize_uninitialized(forward_floats<C>(layer.features, layer.units));
    float* const weights[2] = {memory[0].data, memory[1].data};
    pack_forward<C>(layer, weights);
    forward_packed<C>(layer, {weights[0], weights[1]});
}

// ---- inference with kept weights ----------------------------------------------------

// A number of 32 bits for each of 128 places: all bits of the weights at that place of
// every 128, mixed by additions, rotations and products. If one weight changes, its
// number does; changes of many weights would have to cancel at each place that they
// touch.
struct Signature {
    static constexpr int VECTORS = (SIGNATURE_NUMBERS - 1) / LANES;
    IntVec numbers[VECTORS] = {};

    void add(const float* weights, int64_t count) {
        if (!weights) return;
        for (; count >= VECTORS * LANES; count -= VECTORS * LANES, weights += VECTORS * LANES)
            static_for<VECTORS>([&](auto v) INLINE { mix(v, load(weights + v * LANES)); });
        for (int v = 0; count > 0; v++, count -= LANES, weights += LANES)
            mix(v, load(weights, count));
    }
    void mix(int v, Vec weights) {
        typedef uint32_t Bits __attribute__((vector_size(LANES * 4), aligned(LANES * 4)));
        Bits bits, sum;
        std::memcpy(&bits, &weights, sizeof bits);
        std::memcpy(&sum, &numbers[v], sizeof sum);
        sum += bits + 0x9E3779B9u;
        sum = ((sum << 7) | (sum >> 25)) * 0x85EBCA6Bu;  // so that no later bits undo it
        std::memcpy(&numbers[v], &sum, sizeof sum);
    }
};

// Packs the weights again where they are not those that were packed before.
template <class C>
void refresh_packed(const PackedLayer& current) {
    const Layer& layer = current.layer;
    const int64_t rows = C::x_gates * layer.units;
    bool are_same = true;
    for (int64_t d = 0; d < layer.directions; d++) {
        const Direction& w = layer.direction[d];
        Signature signature;
        signature.add(w.w_ih, rows * layer.features);
        signature.add(w.w_hh, rows * layer.units);
        signature.add(w.b_ih, rows);
        signature.add(w.b_hh, rows);
        uint32_t* before = current.signature[d];
        const bool is_packed = before[SIGNATURE_NUMBERS - 1];
        const int64_t size = sizeof signature.numbers;
        if (is_packed && !std::memcmp(before, signature.numbers, size)) continue;
        std::memcpy(before, signature.numbers, sizeof signature.numbers);
        before[SIGNATURE_NUMBERS - 1] = 1;
        are_same = false;
    }
    if (!are_same) pack_forward<C>(layer, {current.packed[0], current.packed[1]});
}

template <class C>
void infer(const PackedLayer& current) {
    refresh_packed<C>(current);
    forward_packed<C>(current.layer, {current.packed[0], current.packed[1]});
}

// ---- backward -----------------------------------------------------------------------

// A gate in bfloat16 is so rounded that a quotient by it may be larger than 1.
inline Vec clamp_rounded(Vec value) { return PACKED_VALUES > 1 ? clamp_abs(1.0f, value) : value; }

// One step of one row, for the units begin .. end - 1: replaces the gates by their
// gradients, dh and dc by those parts of the gradients at the previous state that do
// not go through W_hh.
template <class C>
inline void backward_row(const Layer& layer, int64_t begin, int64_t end, const float* dy,
                         float* dh, float* dc, const float* y, const float* h,
                         const float* previous_cell, SavedGate* gates) {
    const int64_t units = layer.units, padded_units = padded(units);
    for (int64_t unit = begin; unit < end; unit += LANES) {
        Vec d = load(dh + unit);
        if (dy) d += load(dy + unit, units - unit);
        if constexpr (C::gates == 1) {
            const Vec h = load(y + unit, units - unit);
            store(gates + unit,
                  std::is_same_v<C, RnnRelu> ? (h > Vec{} ? d : Vec{}) : d * (1.0f - h * h));
            store(dh + unit, Vec{});
        } else if constexpr (std::is_same_v<C, Lstm>) {
            const Vec i = load(gates + unit), f = load(gates + padded_units + unit);
            const Vec g = load(gates + 2 * padded_units + unit);
            const Vec o = load(gates + 3 * padded_units + unit);  // is never 0
            const Vec tanh_c = clamp_rounded(divide(load(y + unit, units - unit), o));
            const Vec c = load(dc + unit) + d * o * (1.0f - tanh_c * tanh_c);
            store(gates + unit, c * g * i * (1.0f - i));
            store(gates + padded_units + unit, c * load(previous_cell + unit) * f * (1.0f - f));
            store(gates + 2 * padded_units + unit, c * i * (1.0f - g * g));
            store(gates + 3 * padded_units + unit, d * tanh_c * o * (1.0f - o));
            store(dc + unit, c * f);
            store(dh + unit, Vec{});
        } else {
            const Vec n = load(gates + unit), r = load(gates + padded_units + unit);
            const Vec z = load(gates + 2 * padded_units + unit);
            const Vec hn = load(gates + 3 * padded_units + unit);
            const Vec dn = d * (1.0f - z) * (1.0f - n * n);
            store(gates + unit, dn);
            store(gates + padded_units + unit, dn * hn * r * (1.0f - r));
            store(gates + 2 * padded_units + unit,
                  d * (load(h + unit, units - unit) - n) * z * (1.0f - z));
            store(gates + 3 * padded_units + unit, dn * r);
            store(dh + unit, d * z);
        }
    }
}

// to[row] = a[row] W, or += it, for ROWS rows and VECTORS vectors from column `first`
// on; a has `count` packed operands, and `width` values of a row are stored.
template <int ROWS, int VECTORS>
void multiply_tile(const float* const* a, int64_t count, const float* panel, float* const* to,
                   int64_t first, int64_t width, bool accumulate) {
    Vec sums[ROWS][VECTORS];
    static_for<ROWS>([&](auto r) INLINE {
        static_for<VECTORS>([&](auto v) INLINE {
            sums[r][v] = accumulate ? load(to[r] + first + v * LANES) : Vec{};
        });
    });
    add_products<ROWS, VECTORS, 0>(a, count, panel, sums);
    static_for<ROWS>([&](auto r) INLINE {
        static_for<VECTORS>([&](auto v) INLINE {
            store(to[r] + first + v * LANES, sums[r][v], width - first - v * LANES);
        });
    });
}

// The same for a block of rows, by AMX.
template <int VECTORS>
void multiply_block(const float* const* a, int64_t rows, int64_t count, const float* panel,
                    float* const* to, int64_t first, int64_t width, bool accumulate,
                    TileSums& sums) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t v = 0, left = width - first; v < VECTORS; v++, left -= LANES)
            sums.value[r][v] = accumulate ? load(to[r] + first + v * LANES, left) : Vec{};
    sums.begin<VECTORS>(rows);
    sums.add_products<VECTORS, 0>(a, count, panel);
    sums.end<VECTORS>();
    for (int64_t r = 0; r < rows; r++)
        for (int64_t v = 0, left = width - first; v < VECTORS; v++, left -= LANES)
            store(to[r] + first + v * LANES, sums.value[r][v], left);
}

// The same for all rows and the columns begin .. end - 1 of `width`, by AMX.
inline void multiply_by_amx(const float* const* a, int64_t rows, int64_t count,
                            const float* weights, float* const* to, int64_t begin, int64_t end,
                            int64_t width, bool accumulate) {
    TileSums sums;
    for (int64_t first = begin; first < end; first += COLUMNS)
        static_dispatch<TILE_VECTORS>((padded(width) - first) / LANES, [&](auto vectors) {
            for_each_block(rows, [&](int64_t row, int64_t height) {
                multiply_block<vectors>(a + row, height, count, weights + first * count, to + row,
                                        first, width, accumulate, sums);
            });
        });
}

// to[row] = a[row] W, or += it, for all rows and the columns begin .. end - 1 of
// `width`, where begin is a multiple of COLUMNS.
inline void multiply(const float* const* a, int64_t rows, int64_t count, const float* weights,
                     float* const* to, int64_t begin, int64_t end, int64_t width,
                     bool accumulate) {
    if constexpr (USES_AMX)
        return multiply_by_amx(a, rows, count, weights, to, begin, end, width, accumulate);
    for (int64_t first = begin; first < end; first += COLUMNS)
        static_dispatch<TILE_VECTORS>(ceil_div(width - first, LANES), [&](auto vectors) {
            constexpr int VECTORS = vectors;
            const float* panel = weights + first * count;
            for (int64_t row = 0; row < rows; row += TILE_ROWS)
                static_dispatch<TILE_ROWS>(rows - row, [&](auto tile_rows) {
                    multiply_tile<tile_rows, VECTORS>(a + row, count, panel, to + row, first, width,
                                                      accumulate);
                });
        });
}

// What the workers of a direction share: gradients at the states, which each step
// replaces by those of the step before, and the first cells.
struct StateGradients {
    Array<float> dh, dc, c0;  // (sequence, padded unit)
    Array<float> zeros;       // (padded unit)

    void begin(const Layer& layer, const Direction& direction) {
        const int64_t size = layer.batch * padded(layer.units);
        zeros.resize(padded(layer.units));
        dh.resize(size);
        copy_padded(direction.dhn, layer, dh.data);
        if (layer.cell != LSTM) return;
        dc.resize(size), c0.resize(size);
        copy_padded(direction.dcn, layer, dc.data);
        copy_padded(direction.c0, layer, c0.data);
    }
};

// All steps of the sequences first .. last - 1, from the last step to the first. In a
// round, a worker computes dh of its units from the gradients of the gates of the step
// after, and then the gradients of their gates in this step.
template <class C>
void backward_steps(const Layer& layer, Rounds::Worker& worker, const Direction& direction,
                    const StateGradients& states, const float* weights, int64_t first,
                    int64_t last, bool dx_at_each_step) {
    if (first >= last) return;
    const RowIndex index{layer, direction};
    const int64_t units = layer.units, padded_units = padded(units), max_rows = last - first;
    constexpr bool lstm = std::is_same_v<C, Lstm>;
    RowPointers<const float> dy(direction.dy, layer.y_stride, true, max_rows);
    RowPointers<float> y(direction.y, layer.y_stride, true, max_rows);
    RowPointers<float> dx(direction.dx, layer.features, true, max_rows);
    RowPointers<float> cell(direction.cells, padded_units, false, max_rows);
    RowPointers<SavedGate> gates(static_cast<SavedGate*>(direction.gates), C::gates * padded_units,
                                 false, max_rows);
    Array<const float*> x_gates(max_rows), h_gates(max_rows);
    Array<float*> dh(max_rows);
    for (int64_t row = 0; row < max_rows; row++)
        dh[row] = states.dh.data + (first + row) * padded_units;
    const int64_t gate_operands = packed(padded_units), blocks = ceil_div(padded_units, COLUMNS);
    int64_t old = 0, from = 0;
    auto add_state_part = [&](int64_t begin, int64_t end) {
        if (old) multiply(h_gates.data, old, C::h_gates * gate_operands, weights, dh.data, begin,
                          end, padded_units, std::is_same_v<C, Gru>);
    };
    for (int64_t step = layer.steps - 1; step >= 0; step--) {
        const int64_t t = index.time(step), count = min(last, index.active(t)) - first;
        if (count <= 0) {
            if (direction.reverse) break;
            continue;
        }
        dy.move(index, from, t, first, old, count);
        y.move(index, from, t, first, old, count);
        dx.move(index, from, t, first, old, count);
        gates.move(index, from, t, first, old, count);
        if (lstm) cell.move(index, from, t, first, old, count);
        const int64_t previous = index.previous(t);
        const bool is_start = previous < 0 || previous >= layer.steps;  // of every sequence
        const int64_t y_offset = is_start ? 0 : y.distance(index, t, previous);
        const int64_t cell_offset = is_start || !lstm ? 0 : cell.distance(index, t, previous);
        worker.divide(blocks, [&](int64_t block, int64_t end_block) {
            const int64_t begin = block * COLUMNS, end = min(end_block * COLUMNS, padded_units);
            add_state_part(begin, end);
            for (int64_t row = 0; row < count; row++) {
                const int64_t sequence = first + row, own = sequence * padded_units;
                const bool is_first = is_start || index.is_first(t, sequence);
                const float* h0 = direction.h0 ? direction.h0 + sequence * units : nullptr;
                backward_row<C>(layer, begin, end, dy.base ? dy.rows[row] : nullptr, dh[row],
                                states.dc.data + own, y.rows[row],
                                !is_first ? y.rows[row] + y_offset : h0 ? h0 : states.zeros.data,
                                is_first ? states.c0.data + own : cell.rows[row] + cell_offset,
                                gates.rows[row]);
            }
        });
        for (int64_t row = 0; row < count; row++) {
            x_gates[row] = reinterpret_cast<const float*>(gates.rows[row]);
            h_gates[row] = x_gates[row] + C::first_h_gate * gate_operands;
        }
        old = count;
        from = t;
        if (direction.dx && dx_at_each_step)
            multiply(x_gates.data, count, C::x_gates * gate_operands,
                     weights + state_floats<C>(units), dx.rows.data, 0, layer.features,
                     layer.features, false);
    }
    if (direction.dh0)
        worker.divide(blocks, [&](int64_t block, int64_t end_block) {
            add_state_part(block * COLUMNS, min(end_block * COLUMNS, padded_units));
        });
    for (int64_t row = 0; row < max_rows && worker.is_first(); row++) {
        const int64_t from = (first + row) * padded_units, to = (first + row) * units;
        if (direction.dh0) copy(states.dh.data + from, units, direction.dh0 + to);
        if (lstm && direction.dc0) copy(states.dc.data + from, units, direction.dc0 + to);
    }
}

// dx of all rows at once, which reads the weights less often than at each step.
template <class C>
void input_gradient(const Layer& layer, Rounds::Worker& worker, const Direction& direction,
                    const float* weights) {
    const RowIndex index{layer, direction};
    Array<const float*> gates(layer.rows);
    Array<float*> dx(layer.rows);
    for (int64_t t = 0; t < layer.steps; t++)
        for (int64_t sequence = 0; sequence < index.active(t); sequence++) {
            const int64_t row = index.packed_row(t, sequence);
            gates[row] = reinterpret_cast<const float*>(static_cast<SavedGate*>(direction.gates) +
                                                        row * C::gates * padded(layer.units));
            dx[row] = direction.dx + index.tensor_row(t, sequence) * layer.features;
        }
    worker.divide(layer.rows, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row += CACHED_ROWS)
            multiply(gates.data + row, min(CACHED_ROWS, end - row),
                     C::x_gates * packed(padded(layer.units)),
                     weights + state_floats<C>(layer.units), dx.data + row, 0, layer.features,
                     layer.features, false);
    });
}

// ---- gradients of the weights -------------------------------------------------------

// A tile of a weight gradient: sums[k][column] += a[row][k] * gradient[row][column],
// where a is x, h or 1, and gradient is that of the gates.
struct GradientTile {
    enum Kind { INPUT, STATE, BIAS } kind;
    int64_t k, k_count, column, vectors;
};

constexpr int GRADIENT_TILE_ROWS = USES_AMX ? BLOCK_ROWS : TILE_ROWS;
constexpr int64_t TILE_FLOATS = GRADIENT_TILE_ROWS * COLUMNS;

// Lists the tiles of all gradients that are needed, those of the same columns together.
template <class C>
void list_tiles(const Layer& layer, const Direction& direction, Array<GradientTile>& tiles) {
    const int64_t padded_units = padded(layer.units);
    for (int64_t column = 0; column < C::gates * padded_units; column += LANES) {
        auto append = [&](GradientTile::Kind kind, int64_t count, int first_gate, int gates) {
            const int64_t begin = first_gate * padded_units, end = begin + gates * padded_units;
            if (column < begin || column >= end || (column - begin) % COLUMNS) return;
            for (int64_t k = 0; k < count; k += GRADIENT_TILE_ROWS)
                tiles.append({kind, k, min(GRADIENT_TILE_ROWS, count - k), column,
                              min(TILE_VECTORS, (end - column) / LANES)});
        };
        if (direction.dw_ih && !layer.ids)
            append(GradientTile::INPUT, layer.features, 0, C::x_gates);
        if (direction.dw_hh) append(GradientTile::STATE, layer.units, C::first_h_gate, C::h_gates);
        if (direction.db_ih || direction.db_hh) append(GradientTile::BIAS, 1, 0, C::gates);
    }
}

// Reads the factors of the weight gradients, row after row of the sequences first ..
// last - 1, GRADIENT_ROWS rows at a time.
template <class C>
struct GradientRows {
    const RowIndex index;
    const int64_t first, last;
    const float* const zeros;
    int64_t t = 0, sequence;
    const SavedGate* gates[GRADIENT_ROWS];
    const float* factors[3][GRADIENT_ROWS];  // by kind

    GradientRows(const RowIndex& index, int64_t first, int64_t last, const float* zeros)
        : index(index), first(first), last(last), zeros(zeros), sequence(first) {
        static const float one = 1.0f;
        for (auto& factor : factors[GradientTile::BIAS]) factor = &one;
    }

    // Returns the number of rows, 0 at the end.
    int64_t read() {
        const Layer& layer = index.layer;
        const Direction& direction = index.direction;
        const SavedGate* all_gates = static_cast<const SavedGate*>(direction.gates);
        int64_t count = 0;
        for (; t < layer.steps; t++, sequence = first) {
            const int64_t end = min(last, index.active(t));
            for (; sequence < end; sequence++, count++) {
                if (count == GRADIENT_ROWS) return count;
                const int64_t row = index.packed_row(t, sequence);
                gates[count] = all_gates + row * C::gates * padded(layer.units);
                factors[GradientTile::INPUT][count] =
                    layer.x + index.tensor_row(t, sequence) * layer.features;
                factors[GradientTile::STATE][count] = previous_h(t, sequence);
            }
        }
        return count;
    }

    // h of the step before: a row of y, of h0, or zeros.
    const float* previous_h(int64_t t, int64_t sequence) const {
        const Layer& layer = index.layer;
        const Direction& direction = index.direction;
        if (!index.is_first(t, sequence))
            return direction.y + index.tensor_row(index.previous(t), sequence) * layer.y_stride;
        return direction.h0 ? direction.h0 + sequence * layer.units : zeros;
    }
};

// The columns of some rows, packed one row after the other: rows of gates lie a power
// of two apart where the units are one, and a cache keeps few lines at such distances.
class GradientColumns {
    Array<float> memory;
    int64_t column = -1, vectors = 0;

  public:
    GradientColumns() {
        memory.resize_uninitialized(USES_AMX ? 0 : packed(GRADIENT_ROWS) * COLUMNS);
    }
    void forget() { column = -1; }

    // Packs the columns of a tile, if they are not those that were packed before.
    const float* of(const GradientTile& tile, const SavedGate* const* rows, int64_t count) {
        if (tile.column == column && tile.vectors == vectors) return memory.data;
        column = tile.column, vectors = tile.vectors;
        float* to = memory.data;
        for (int64_t row = 0; row < count; row += PACKED_VALUES)
            for (int64_t v = 0; v < vectors; v++, to += LANES) {
                const int64_t next = row + PACKED_VALUES - 1;
                const Vec value = load(rows[row] + column + v * LANES);
                store(to, packed_pair(value, next < count ? load(rows[next] + column + v * LANES)
                                                          : Vec{}));
            }
        return memory.data;
    }
};

// Adds the products of `count` packed rows to the sums of one tile.
template <int ROWS, int VECTORS>
void add_to_tile(const GradientTile& tile, const float* const* a, const float* gradient,
                 int64_t count, float* memory) {
    Vec sums[ROWS][VECTORS];
    static_for<ROWS>([&](auto r) INLINE {
        static_for<VECTORS>([&](auto v) INLINE {
            sums[r][v] = load(memory + (r * VECTORS + v) * LANES);
        });
    });
    for (int64_t row = 0; row < count; row++, gradient += VECTORS * LANES) {
        const float* factors = a[row] + tile.k;
        Vec d[VECTORS];
        static_for<VECTORS>([&](auto v) INLINE { d[v] = load(gradient + v * LANES); });
        static_for<ROWS>([&](auto r) INLINE {
            const Vec factor = broadcast(factors[r]);
            static_for<VECTORS>([&](auto v) INLINE {
                sums[r][v] = multiply_add(sums[r][v], factor, d[v]);
            });
        });
    }
    static_for<ROWS>([&](auto r) INLINE {
        static_for<VECTORS>([&](auto v) INLINE {
            store(memory + (r * VECTORS + v) * LANES, sums[r][v]);
        });
    });
}

// The same by AMX, where the factors are transposed.
template <int VECTORS>
void add_to_tile_by_amx(const GradientTile& tile, const TransposedPairs& factors,
                        const float* const* gates, int64_t count, float* memory, TileSums& sums) {
    const float* columns[BLOCK_ROWS];
    for (int64_t k = 0; k < tile.k_count; k++) {
        columns[k] = factors.column(tile.k + k);
        for (int v = 0; v < VECTORS; v++)
            sums.value[k][v] = load(memory + (k * VECTORS + v) * LANES);
    }
    sums.begin<VECTORS>(tile.k_count);
    sums.add_products<VECTORS, 0>(columns, count, gates[0] + tile.column, gates[1] - gates[0]);
    sums.end<VECTORS>();
    for (int64_t k = 0; k < tile.k_count; k++)
        for (int v = 0; v < VECTORS; v++)
            store(memory + (k * VECTORS + v) * LANES, sums.value[k][v]);
}

// Sums over rows, for tiles of the weight gradients: some rows at a time are read, and
// their factors become operands.
template <class C>
class GradientSums {
    GradientRows<C> rows;
    int64_t count = 0;  // of the rows that were read
    GradientColumns columns;
    const PackedRowPairs factors[3];  // by kind
    const PackedRowPairs gates;       // these and the transposed ones for AMX alone
    const TransposedPairs transposed[3];

  public:
    GradientSums(const RowIndex& index, int64_t first, int64_t last, const float* zeros)
        : rows(index, first, last, zeros),
          factors{{GRADIENT_ROWS, width(0)}, {GRADIENT_ROWS, width(1)}, {GRADIENT_ROWS, 1}},
          gates(USES_AMX ? GRADIENT_ROWS : 0, C::gates * padded(index.layer.units)),
          transposed{{GRADIENT_ROWS, width(0)}, {GRADIENT_ROWS, width(1)}, {GRADIENT_ROWS, 1}} {}

    // Reads the next rows; returns false at the end.
    bool read() {
        count = rows.read();
        columns.forget();
        if (USES_AMX) gates.pack(rows.gates, count);
        for (int kind = 0; kind < 3; kind++) {
            factors[kind].pack(rows.factors[kind], count);
            if constexpr (USES_AMX)
                transposed[kind].transpose_from(factors[kind].operands(rows.factors[kind]),
                                                width(kind), count);
        }
        return count > 0;
    }

    // Adds the products of the rows that were read to the sums of tiles.
    void add_to(const GradientTile* tiles, int64_t tile_count, float* sums) {
        TileSums amx;
        for (int64_t i = 0; i < tile_count; i++, sums += TILE_FLOATS) {
            const GradientTile& tile = tiles[i];
            static_dispatch<TILE_VECTORS>(tile.vectors, [&](auto vectors) {
                if constexpr (USES_AMX) {
                    add_to_tile_by_amx<vectors>(tile, transposed[tile.kind],
                                                reinterpret_cast<const float* const*>(
                                                    gates.operands(rows.gates)),
                                                packed(count), sums, amx);
                } else {
                    const float* gradient = columns.of(tile, rows.gates, count);
                    static_dispatch<TILE_ROWS>(tile.k_count, [&](auto tile_rows) {
                        constexpr int ROWS = tile_rows;
                        add_to_tile<ROWS, vectors>(
                            tile, factors[tile.kind].operands(rows.factors[tile.kind]), gradient,
                            packed(count), sums);
                    });
                }
            });
        }
    }

  private:
    int64_t width(int kind) const {
        const int64_t widths[] = {rows.index.layer.features, rows.index.layer.units, 1};
        return widths[kind];
    }
};

// Writes the sums of tiles of the same kind and columns to a gradient in torch's
// layout. The first tile may begin anywhere; all but the last have GRADIENT_TILE_ROWS
// rows.
template <class C>
void write_columns(const Layer& layer, const Direction& direction, const GradientTile* tiles,
                   int64_t count, const float* sums) {
    const GradientTile &tile = tiles[0], &last = tiles[count - 1];
    const int64_t units = layer.units, padded_units = padded(units);
    const int64_t k_count = last.k + last.k_count - tile.k;
    const bool is_input = tile.kind == GradientTile::INPUT;
    const int64_t width = is_input ? layer.features : units;
    float* const weights = is_input ? direction.dw_ih : direction.dw_hh;
    for (int64_t v = 0; v < tile.vectors; v++) {
        const int64_t column = tile.column + v * LANES;
        const int64_t gate = column / padded_units, unit = column % padded_units;
        const int64_t row = torch_gate<C>(gate) * units + unit, left = units - unit;
        if (tile.kind == GradientTile::BIAS) {
            const Vec sum = load(sums + v * LANES);
            if (left <= 0) continue;
            if (direction.db_ih && gate < C::x_gates) store(direction.db_ih + row, sum, left);
            if (direction.db_hh && gate >= C::first_h_gate)
                store(direction.db_hh + row, sum, left);
            continue;
        }
        for (int64_t first = 0; first < k_count; first += LANES) {
            Vec square[LANES];
            for (int64_t k = first; k < first + LANES; k++)
                square[k - first] =
                    k >= k_count ? Vec{}
                                 : load(sums + k / GRADIENT_TILE_ROWS * TILE_FLOATS +
                                        (k % GRADIENT_TILE_ROWS * tile.vectors + v) * LANES);
            transpose(square);
            for (int64_t lane = 0; lane < min(LANES, left); lane++)
                store(weights + (row + lane) * width + tile.k + first, square[lane],
                      k_count - first);
        }
    }
}

// Calls f(first, count) for tiles of the same kind and columns, which follow each
// other.
template <class F>
void for_each_column_block(const GradientTile* tiles, int64_t count, const F& f) {
    for (int64_t first = 0, next = 0; first < count; first = next) {
        while (next < count && tiles[next].kind == tiles[first].kind &&
               tiles[next].column == tiles[first].column)
            next++;
        f(first, next - first);
    }
}

// Writes the sums of all tiles.
template <class C>
void write_gradients(const Layer& layer, const Direction& direction, const GradientTile* tiles,
                     int64_t count, const float* sums) {
    for_each_column_block(tiles, count, [&](int64_t first, int64_t tile_count) {
        write_columns<C>(layer, direction, tiles + first, tile_count, sums + first * TILE_FLOATS);
    });
}

// The gradients of tiles over all rows. Those of few rows are written column after
// column, while the cache of a core has the sums.
template <class C>
void sum_and_write(const Layer& layer, const Direction& direction, const GradientTile* tiles,
                   int64_t count, const float* zeros) {
    GradientSums<C> gradients({layer, direction}, 0, layer.batch, zeros);
    if (layer.rows > GRADIENT_ROWS) {
        const Array<float> sums(count * TILE_FLOATS);
        while (gradients.read()) gradients.add_to(tiles, count, sums.data);
        return write_gradients<C>(layer, direction, tiles, count, sums.data);
    }
    const int64_t max_tiles = ceil_div(max(layer.features, layer.units), GRADIENT_TILE_ROWS);
    Array<float> sums;
    sums.resize_uninitialized(max_tiles * TILE_FLOATS);
    gradients.read();
    for_each_column_block(tiles, count, [&](int64_t first, int64_t tile_count) {
        std::memset(sums.data, 0, tile_count * TILE_FLOATS * sizeof(float));
        gradients.add_to(tiles + first, tile_count, sums.data);
        write_columns<C>(layer, direction, tiles + first, tile_count, sums.data);
    });
}

// The gradient of the table: for each token the sum of the gradients of its rows. The
// columns are divided among the threads, so that the sums do not depend on the number
// of threads.
template <class C>
void table_gradient(const Layer& layer, const Direction& direction) {
    const RowIndex index{layer, direction};
    const int64_t units = layer.units, padded_units = padded(units);
    const int64_t width = C::x_gates * padded_units, vectors = width / LANES;
    const int64_t parts = min(layer.threads, vectors);
    const Array<float> sums(layer.tokens * width);
    run_jobs(layer, parts, [&](int64_t part) {
        const int64_t first = vectors * part / parts * LANES;
        const int64_t last = vectors * (part + 1) / parts * LANES;
        for (int64_t t = 0; t < layer.steps; t++)
            for (int64_t sequence = 0; sequence < index.active(t); sequence++) {
                const SavedGate* gates = static_cast<const SavedGate*>(direction.gates) +
                                         index.packed_row(t, sequence) * C::gates * padded_units;
                float* to = sums.data + layer.ids[index.tensor_row(t, sequence)] * width;
                for (int64_t column = first; column < last; column += LANES)
                    store(to + column, load(to + column) + load(gates + column));
            }
    });
    for (int64_t token = 0; token < layer.tokens; token++)
        for (int gate = 0; gate < C::x_gates; gate++)
            copy(sums.data + token * width + gate * padded_units, units,
                 direction.dw_ih + (token * C::x_gates + torch_gate<C>(gate)) * units);
}

// With few weights, each part of the batch sums over its own rows right after its
// backward pass, while they are in the cache of its core, and the sums of the parts are
// added. With many weights, the tiles are divided among the threads, and each tile sums
// over all rows.
template <class C>
void backward(const Layer& layer) {
    const Division division = Division::of<C>(layer, COLUMNS);
    const int64_t parts = division.parts, jobs = division.jobs() * layer.directions;
    const bool dx_at_once = division.workers > 1 || (division.all_at_once && parts == 1);
    Array<float> weights[2];
    Array<GradientTile> tiles[2];
    Array<int64_t> ends;
    StateGradients states[2];
    partition(layer, parts, ends);
    pack_backward<C>(layer, weights);
    for (int64_t d = 0; d < layer.directions; d++) {
        list_tiles<C>(layer, layer.direction[d], tiles[d]);
        states[d].begin(layer, layer.direction[d]);
    }
    const int64_t size = max(tiles[0].size, tiles[1].size) * TILE_FLOATS;
    const bool by_part =
        size <= GRADIENT_FLOATS && division.workers == 1 && jobs >= layer.threads;
    Array<float> part_sums(by_part ? jobs * size : 0);
    const Rounds rounds[] = {Rounds(division.workers), Rounds(division.workers)};
    run_jobs(layer, jobs, [&](int64_t job) {
        const int64_t d = job / division.jobs(), part = job / division.workers % parts;
        const int64_t first = ends[part], last = ends[part + 1];
        const Direction& direction = layer.direction[d];
        Rounds::Worker worker(rounds[d], job % division.workers);
        backward_steps<C>(layer, worker, direction, states[d], weights[d].data, first, last,
                          !dx_at_once);
        if (direction.dx && dx_at_once)
            input_gradient<C>(layer, worker, direction, weights[d].data);
        if (by_part) {
            GradientSums<C> gradients({layer, direction}, first, last, states[d].zeros.data);
            while (gradients.read())
                gradients.add_to(tiles[d].data, tiles[d].size, part_sums.data + job * size);
        }
    });
    for (int64_t d = 0; d < layer.directions; d++) {
        const Direction& direction = layer.direction[d];
        const Array<GradientTile>& own = tiles[d];
        if (layer.ids && direction.dw_ih) table_gradient<C>(layer, direction);
        if (by_part) {
            float* sums = part_sums.data + d * parts * size;
            for (int64_t part = 1; part < parts; part++)
                for (int64_t i = 0; i < size; i += LANES)
                    store(sums + i, load(sums + i) + load(sums + part * size + i));
            write_gradients<C>(layer, direction, own.data, own.size, sums);
        } else if (own.size) {
            const int64_t shares = min(layer.threads, own.size);
            run_jobs(layer, shares, [&](int64_t share) {
                const int64_t first = own.size * share / shares;
                const int64_t last = own.size * (share + 1) / shares;
                sum_and_write<C>(layer, direction, own.data + first, last - first,
                                 states[d].zeros.data);
            });
        }
    }
}

// ---- dispatch on the cell -----------------------------------------------------------

// Calls f with the type of the cell.
template <class F>
auto with_cell(int64_t cell, const F& f) {
    if (cell == RNN_TANH) return f(RnnTanh());
    if (cell == RNN_RELU) return f(RnnRelu());
    if (cell == LSTM) return f(Lstm());
    return f(Gru());
}

}  // namespace

void recurrent_forward(const Layer* layer) {
    with_cell(layer->cell, [&](auto c) { forward<decltype(c)>(*layer); });
}

// Computes all layers. A direction of a layer has its part of hn, cn and y.
void recurrent_infer(const Inference* inference) {
    for (int64_t i = 0; i < inference->layers; i++) {
        PackedLayer current = inference->layer()[i];
        Layer& layer = current.layer;
        const bool is_last = i + 1 == inference->layers;
        if (!i) layer.x = inference->x;
        layer.threads = inference->threads;
        for (int64_t d = 0; d < layer.directions; d++) {
            Direction& direction = layer.direction[d];
            const int64_t offset = (i * layer.directions + d) * layer.batch * layer.units;
            direction.hn = inference->hn + offset;
            if (layer.cell == LSTM) direction.cn = inference->cn + offset;
            if (is_last) direction.y = inference->y + d * layer.units;
        }
        with_cell(layer.cell, [&](auto c) { infer<decltype(c)>(current); });
    }
}

int64_t packed_floats(const Layer* layer) {
    return with_cell(layer->cell, [&](auto c) {
        return forward_floats<decltype(c)>(layer->features, layer->units);
    });
}

void recurrent_backward(const Layer* layer) {
    with_cell(layer->cell, [&](auto c) { backward<decltype(c)>(*layer); });
}

}  // namespace KISSIPO_ISA
