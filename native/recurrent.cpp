// Recurrent layers, forward and backward, with the whole loop over time inside. Compiled once for each instruction set.
//
// Threads share the rows of the batch: each takes its rows through all time steps, so nobody waits for anybody within a step.
// A tile of a few rows times four vectors stays in registers while the products run over k; the gates are applied there.
// Gates lie in planes (row, plane, unit), units filled up to whole vectors. Planes: RNN h; LSTM i f g o; GRU n r z hn, where
// n is the candidate and hn the part of it that comes from the state, so that input parts are planes 0-2 and state parts 1-3.
//
// Products run over words: a word is a number, or, in the set with bfloat16, two of half the bits. There weights, inputs and states are
// rounded where a product takes them, gates and their gradients where they are kept; sums, cells and all that is given away stay float.
#include "words.h"

namespace KISSIPO_ISA {
namespace {

constexpr int64_t GRADIENT_ROWS = 128, GRADIENT_FLOATS = 128 * 1024;  // at a time; that a core keeps near

struct RnnTanh {
    static constexpr int planes = 1, x_planes = 1, h_planes = 1, h_first = 0;
};
struct RnnRelu : RnnTanh {};
struct Lstm {
    static constexpr int planes = 4, x_planes = 4, h_planes = 4, h_first = 0;
};
struct Gru {
    static constexpr int planes = 4, x_planes = 3, h_planes = 3, h_first = 1;
};

// Which of torch's blocks of weight rows a plane comes from (torch's GRU: r z n).
template <class C>
int64_t torch_gate(int plane) {
    if constexpr (std::is_same_v<C, Gru>) return plane == 0 || plane == 3 ? 2 : plane - 1;
    return plane;
}

// ---- products ---------------------------------------------------------------------------------------------------------

// sums[row][at + vector] += a[row][k] * w[k][vector], k counts words
template <int R, int NV, int AT, int WIDE>
inline INLINE void add(const float* const* a, int64_t count, const float* w, Vec (&sums)[R][WIDE]) {
    const float* rows[R];
    each<R>([&](auto r) INLINE { rows[r] = a[r]; });
    for (int64_t k = 0; k < count; k++, w += NV * LANES) {
        Vec weight[NV];
        each<NV>([&](auto v) INLINE { weight[v] = load(w + v * LANES); });
        each<R>([&](auto r) INLINE {
            const Vec value = all(rows[r][k]);
            each<NV>([&](auto v) INLINE { sums[r][AT + v] = plus_product(sums[r][AT + v], value, weight[v]); });
        });
    }
}

// ---- packed weights ---------------------------------------------------------------------------------------------------

// Forward, gated cells: for each block of units: bias (plane), W_ih (feature, x plane), W_hh (unit, h plane), each a vector.
// Forward, RNN: for each four blocks of units: bias (block), W_ih (feature, block), W_hh (unit, block). Features and units: words.
template <class C>
int64_t panel_floats(int64_t features, int64_t units) {
    if (C::planes == 1) return BLOCKS * LANES * (1 + words(features) + words(units));
    return LANES * (C::planes + C::x_planes * words(features) + C::h_planes * words(units));
}

template <class C>
int64_t forward_floats(int64_t features, int64_t units) {
    int64_t blocks = padded(units) / LANES;
    return panel_floats<C>(features, units) * (C::planes == 1 ? ceil_div(blocks, BLOCKS) : blocks);
}

// Backward: W_hh and then W_ih, transposed: for each four blocks of the k wanted: (plane, word of units, block).
template <class C>
int64_t state_floats(int64_t units) {
    return C::h_planes * words(padded(units)) * padded(units);
}

template <class C>
int64_t backward_floats(int64_t features, int64_t units) {
    return state_floats<C>(units) + C::x_planes * words(padded(units)) * padded(features);
}

template <class C>
float bias_of(const Direction& w, int plane, int64_t unit, int64_t units) {
    const int64_t at = torch_gate<C>(plane) * units + unit;
    bool from_x = plane < C::x_planes, from_h = plane >= C::h_first;
    return (from_x && w.b_ih ? w.b_ih[at] : 0.0f) + (from_h && w.b_hh ? w.b_hh[at] : 0.0f);
}

// to[word of k][vector][lane] = from[the row of vector and lane][k]; rows that are not there (null) give zeros.
template <int VECTORS>
void interleave(const float* const (&rows)[BLOCKS][LANES], int64_t count, float* to) {
    int64_t k = 0;
    for (; k + LANES <= count; k += LANES)
        for (int v = 0; v < VECTORS; v++) {
            Vec square[LANES];
            for (int lane = 0; lane < LANES; lane++) square[lane] = rows[v][lane] ? load(rows[v][lane] + k) : Vec{};
            transpose(square);
            for (int lane = 0; lane < LANES; lane += WORD)
                store(to + ((k + lane) / WORD * VECTORS + v) * LANES, word(square[lane], square[lane + WORD - 1]));
        }
    for (; k < count; k += WORD)
        for (int v = 0; v < VECTORS; v++) {
            Vec of[WORD] = {};
            for (int64_t one = 0; one < least(WORD, count - k); one++)
                for (int lane = 0; lane < LANES; lane++) of[one][lane] = rows[v][lane] ? rows[v][lane][k + one] : 0.0f;
            store(to + (k / WORD * VECTORS + v) * LANES, word(of[0], of[WORD - 1]));
        }
}

template <class C>
void pack_panel(const Layer& layer, const Direction& w, int64_t block, float* to) {
    constexpr bool gated = C::planes > 1;
    const int64_t units = layer.units;
    const int vectors = gated ? C::planes : least(BLOCKS, padded(units) / LANES - block);
    auto unit_of = [&](int v, int lane) { return (block + (gated ? 0 : v)) * LANES + lane; };
    for (int v = 0; v < vectors; v++)
        for (int lane = 0; lane < LANES; lane++) {
            const int64_t unit = unit_of(v, lane);
            to[v * LANES + lane] = unit < units ? bias_of<C>(w, gated ? v : 0, unit, units) : 0.0f;
        }
    to += vectors * LANES;
    auto part = [&](const float* from, int64_t count, int first, int planes) {
        const int here = gated ? planes : vectors;
        const float* rows[BLOCKS][LANES] = {};
        for (int v = 0; v < here; v++)
            for (int lane = 0; lane < LANES; lane++)
                if (unit_of(v, lane) < units)
                    rows[v][lane] = from + (torch_gate<C>(gated ? first + v : 0) * units + unit_of(v, lane)) * count;
        with_blocks(here, [&](auto blocks) { interleave<decltype(blocks)::value>(rows, count, to); });
        to += words(count) * here * LANES;
    };
    part(w.w_ih, layer.features, 0, C::x_planes);
    part(w.w_hh, units, C::h_first, C::h_planes);
}

// Four blocks of columns of `from` for all rows: (plane, word of units, block).
template <class C>
void transpose_panel(int64_t units, const float* from, int64_t wanted, int64_t column, int first, int planes, float* to) {
    const int64_t columns = least(BLOCKS * LANES, padded(wanted) - column), there = least(columns, wanted - column);
    for (int plane = first; plane < first + planes; plane++) {
        const float* rows = from + torch_gate<C>(plane) * units * wanted + column;
        auto part = [&](int64_t unit, int64_t at) { return unit < units ? load(rows + unit * wanted + at, there - at) : Vec{}; };
        for (int64_t unit = 0; unit < padded(units); unit += WORD, to += columns)
            for (int64_t at = 0; at < columns; at += LANES) store(to + at, word(part(unit, at), part(unit + WORD - 1, at)));
    }
}

template <class F>
void share(const Layer& layer, int64_t jobs, const F& job) {
    share(layer.threads, layer.parallel_for, jobs, job);
}

// Every panel of every direction a job, where there is enough to do.
template <class F>
void share_panels(const Layer& layer, int64_t panels, const F& job) {
    const bool worth = layer.units * (layer.units + layer.features) >= 65536;
    share(worth ? layer.threads : 1, layer.parallel_for, panels * layer.directions,
          [&](int64_t each) { job(each / panels, each % panels); });
}

template <class C>
void pack_forward(const Layer& layer, Array<float> (&to)[2]) {
    const int64_t step = C::planes == 1 ? BLOCKS : 1, size = panel_floats<C>(layer.features, layer.units);
    for (int64_t which = 0; which < layer.directions; which++) to[which].room(forward_floats<C>(layer.features, layer.units));
    share_panels(layer, ceil_div(padded(layer.units) / LANES, step), [&](int64_t which, int64_t panel) {
        pack_panel<C>(layer, layer.direction[which], panel * step, to[which].data + panel * size);
    });
}

template <class C>
void pack_backward(const Layer& layer, Array<float> (&to)[2]) {
    const int64_t units = layer.units, wide = padded(units), apart = BLOCKS * LANES, states = ceil_div(wide, apart);
    for (int64_t which = 0; which < layer.directions; which++) to[which].room(backward_floats<C>(layer.features, units));
    share_panels(layer, states + ceil_div(padded(layer.features), apart), [&](int64_t which, int64_t panel) {
        const Direction& w = layer.direction[which];
        const int64_t column = (panel < states ? panel : panel - states) * apart;
        if (panel < states)
            transpose_panel<C>(units, w.w_hh, units, column, C::h_first, C::h_planes, to[which].data + column * C::h_planes * words(wide));
        else if (w.dx)
            transpose_panel<C>(units, w.w_ih, layer.features, column, 0, C::x_planes,
                               to[which].data + state_floats<C>(units) + column * C::x_planes * words(wide));
    });
}

// ---- where rows are ---------------------------------------------------------------------------------------------------

struct Rows {
    const Layer& layer;
    const Direction& direction;

    int64_t active(int64_t t) const { return layer.offsets[t + 1] - layer.offsets[t]; }
    int64_t time(int64_t step) const { return direction.reverse ? layer.steps - 1 - step : step; }
    int64_t row(int64_t t, int64_t sequence) const { return layer.offsets[t] + sequence; }
    int64_t place(int64_t t, int64_t sequence) const {
        return layer.first ? layer.first[sequence] + t * layer.apart : row(t, sequence);
    }
    bool begins(int64_t t, int64_t sequence) const {  // in the order of this direction
        return direction.reverse ? t + 1 == layer.steps || sequence >= active(t + 1) : t == 0;
    }
    bool ends(int64_t t, int64_t sequence) const {
        return direction.reverse ? t == 0 : t + 1 == layer.steps || sequence >= active(t + 1);
    }
    int64_t before(int64_t t) const { return direction.reverse ? t + 1 : t - 1; }
};

// Where the rows of one step are in an array: `width` numbers each, in packed order or by their place in the tensors. A step on,
// all rows stand equally far on.
template <class T>
struct Track {
    T* base;
    int64_t width;
    bool placed;
    Array<T*> at;

    Track(T* base, int64_t width, bool placed, int64_t rows) : base(base), width(width), placed(placed), at(rows) {}

    int64_t distance(const Rows& rows, int64_t from, int64_t to) const {
        const bool evenly = placed && rows.layer.first;
        return (evenly ? (to - from) * rows.layer.apart : rows.layer.offsets[to] - rows.layer.offsets[from]) * width;
    }
    // From the step before, where `old` rows were, to step t with `count` rows.
    void move(const Rows& rows, int64_t from, int64_t t, int64_t first, int64_t old, int64_t count) {
        if (!base) return;
        const int64_t along = old ? distance(rows, from, t) : 0;
        for (int64_t each = 0; each < least(old, count); each++) at[each] += along;
        for (int64_t each = old; each < count; each++)
            at[each] = base + (placed ? rows.place(t, first + each) : rows.row(t, first + each)) * width;
    }
};

// Cuts the sequences into parts of about equal work.
void cut(const Layer& layer, int64_t parts, Array<int64_t>& ends) {
    Array<int64_t> length(layer.batch);
    ends.resize(parts + 1);
    for (int64_t t = 0; t < layer.steps; t++) {
        const int64_t active = layer.offsets[t + 1] - layer.offsets[t];
        if (active > 0) length[active - 1]++;
    }
    for (int64_t r = layer.batch - 2; r >= 0; r--) length[r] += length[r + 1];
    int64_t done = 0, sequence = 0;
    for (int64_t part = 1; part <= parts; part++) {
        const int64_t until = layer.rows * part / parts;
        while (sequence < layer.batch && (part == parts || done + length[sequence] / 2 < until)) done += length[sequence++];
        ends[part] = sequence;
    }
}

// ---- forward ----------------------------------------------------------------------------------------------------------

struct Tile {  // pointers of the rows of a step
    const float* const* x_words;
    const float* const* h_words;
    const float* const* h;
    const float* const* pre;
    float* const* y;
    const float* const* before;
    float* const* cell;
    Kept* const* gates;
};

template <class C, int R>
inline INLINE void start(const Layer& layer, const Tile& tile, int64_t at, const float* panel, int64_t unit,
                         Vec (&sums)[R][BLOCKS], int wide) {
    const int64_t apart = C::planes == 1 ? LANES : padded(layer.units);
    if (tile.pre)
        each<R>([&](auto r) INLINE {
            const float* pre = tile.pre[at + r] + unit;
            each<BLOCKS>([&](auto v) INLINE { sums[r][v] = v < wide ? load(pre + v * apart) : Vec{}; });
        });
    else
        each<R>([&](auto r) INLINE {
            each<BLOCKS>([&](auto v) INLINE { sums[r][v] = v < wide ? load(panel + v * LANES) : Vec{}; });
        });
}

// Input and state parts of one tile; given to the gates through memory, which keeps the sums of the products in registers.
template <class C, int R>
__attribute__((noinline)) void gated_sums(const Layer& layer, const Tile& tile, int64_t at, const float* panel, int64_t unit,
                                          Vec* to) {
    Vec sums[R][BLOCKS];
    start<C, R>(layer, tile, at, panel, unit, sums, BLOCKS);
    panel += C::planes * LANES;
    if (!tile.pre) add<R, C::x_planes, 0>(tile.x_words + at, words(layer.features), panel, sums);
    panel += words(layer.features) * C::x_planes * LANES;
    add<R, C::h_planes, C::h_first>(tile.h_words + at, words(layer.units), panel, sums);
    each<R>([&](auto r) INLINE { each<BLOCKS>([&](auto v) INLINE { to[r * BLOCKS + v] = sums[r][v]; }); });
}

template <class C, int R>
void forward_gated(const Layer& layer, const Tile& tile, int64_t at, const float* panel, int64_t unit) {
    const int64_t wide = padded(layer.units), left = layer.units - unit;
    Vec sums[R * BLOCKS], outer[R];
    gated_sums<C, R>(layer, tile, at, panel, unit, sums);
    if constexpr (std::is_same_v<C, Lstm>) {
#pragma GCC unroll 1
        for (int r = 0; r < R; r++) {
            Vec* gate = sums + r * BLOCKS;
            Vec each[4] = {-gate[0], -gate[1], gate[2] + gate[2], -gate[3]};
            exp_less_one(each);
            for (int v = 0; v < 4; v++) gate[v] = quotient(v == 2 ? each[v] : all(1.0f), each[v] + 2.0f);
            outer[r] = gate[1] * load(tile.before[at + r] + unit) + gate[0] * gate[2];
            store(tile.cell[at + r] + unit, outer[r]);
        }
        tanhs(outer);
        for (int r = 0; r < R; r++) store(tile.y[at + r] + unit, sums[r * BLOCKS + 3] * outer[r], left);
    } else {
#pragma GCC unroll 1
        for (int r = 0; r < R; r++) {
            Vec* gate = sums + r * BLOCKS;
            Vec each[2] = {gate[1], gate[2]};
            sigmoids(each);
            gate[1] = each[0];
            gate[2] = each[1];
            outer[r] = gate[0] + gate[1] * gate[3];
        }
        tanhs(outer);
        for (int r = 0; r < R; r++) {
            const Vec n = sums[r * BLOCKS] = outer[r];
            store(tile.y[at + r] + unit, n + sums[r * BLOCKS + 2] * (load(tile.h[at + r] + unit, left) - n), left);
        }
    }
    if (tile.gates)
        for (int r = 0; r < R; r++)
            for (int v = 0; v < BLOCKS; v++) store(tile.gates[at + r] + v * wide + unit, sums[r * BLOCKS + v]);
}

template <class C, int R, int WIDE>
void forward_rnn(const Layer& layer, const Tile& tile, int64_t at, const float* panel, int64_t unit) {
    Vec sums[R][BLOCKS];
    start<C, R>(layer, tile, at, panel, unit, sums, WIDE);
    panel += WIDE * LANES;
    if (!tile.pre) add<R, WIDE, 0>(tile.x_words + at, words(layer.features), panel, sums);
    add<R, WIDE, 0>(tile.h_words + at, words(layer.units), panel + words(layer.features) * WIDE * LANES, sums);
    for (int r = 0; r < R; r++) {
        Vec h[WIDE];
        for (int v = 0; v < WIDE; v++) h[v] = sums[r][v];
        if constexpr (std::is_same_v<C, RnnTanh>)
            tanhs(h);
        else
            for (int v = 0; v < WIDE; v++) h[v] = h[v] < Vec{} ? Vec{} : h[v];
        for (int v = 0; v < WIDE; v++)
            store(tile.y[at + r] + unit + v * LANES, h[v], layer.units - unit - v * LANES);
    }
}

template <class C>
void forward_steps(const Layer& layer, const Direction& direction, const float* packed, const float* inputs, int64_t first,
                   int64_t last) {
    if (first >= last) return;
    const Rows rows{layer, direction};
    const int64_t units = layer.units, wide = padded(units), size = panel_floats<C>(layer.features, units);
    constexpr bool lstm = std::is_same_v<C, Lstm>;
    const Array<float> zeros(wide), memory(lstm ? (last - first) * wide : 0);
    for (int64_t sequence = first; lstm && direction.c0 && sequence < last; sequence++)
        copy(direction.c0 + sequence * units, units, memory.data + (sequence - first) * wide);
    const int64_t most_rows = last - first;
    Track<const float> x(inputs ? nullptr : layer.x, layer.features, true, most_rows);
    Track<const float> pre(layer.ids ? nullptr : inputs, C::planes * wide, false, most_rows);
    Track<float> y(direction.y, layer.stride, true, most_rows);
    Track<Kept> gates(static_cast<Kept*>(direction.gates), C::planes * wide, false, most_rows);
    Track<float> cell(lstm ? direction.cells : nullptr, wide, false, most_rows);
    Array<const float*> h(most_rows), before(most_rows);
    if (lstm && !cell.base)
        for (int64_t at = 0; at < most_rows; at++) cell.at[at] = memory.data + at * wide;
    const Words x_words(most_rows, x.base ? layer.features : 0), h_words(most_rows, units);
    const Tile tile{x_words.at(x.at), h_words.at(h), h.data,       inputs ? pre.at.data : nullptr,
                    y.at.data,        before.data,   cell.at.data, direction.gates ? gates.at.data : nullptr};
    int64_t old = 0;
    for (int64_t step = 0; step < layer.steps; step++) {
        const int64_t t = rows.time(step), count = least(last, rows.active(t)) - first;
        if (count <= 0) {
            if (direction.reverse) continue;
            break;
        }
        for (int64_t at = 0; at < old; at++) h[at] = y.at[at], before[at] = cell.at[at];
        for (int64_t at = old; at < count; at++) {
            h[at] = direction.h0 ? direction.h0 + (first + at) * units : zeros.data;
            before[at] = memory.data + at * wide;
        }
        const int64_t from = rows.before(t);
        x.move(rows, from, t, first, old, count);
        pre.move(rows, from, t, first, old, count);
        y.move(rows, from, t, first, old, count);
        gates.move(rows, from, t, first, old, count);
        cell.move(rows, from, t, first, old, count);
        for (int64_t at = 0; layer.ids && at < count; at++)
            pre.at[at] = inputs + layer.ids[rows.place(t, first + at)] * C::planes * wide;
        if (x.base) x_words.round(x.at, count);
        h_words.round(h, count);
        old = count;
        const float* panel = packed;
        for (int64_t unit = 0; unit < wide; unit += (C::planes == 1 ? BLOCKS : 1) * LANES, panel += size)
            for (int64_t at = 0; at < count; at += TILE)
                with_rows(least(TILE, count - at), [&](auto rows_here) {
                    constexpr int R = decltype(rows_here)::value;
                    if constexpr (C::planes == 1)
                        with_blocks((wide - unit) / LANES, [&](auto blocks) {
                            forward_rnn<C, R, decltype(blocks)::value>(layer, tile, at, panel, unit);
                        });
                    else
                        forward_gated<C, R>(layer, tile, at, panel, unit);
                });
        for (int64_t at = 0; at < count; at++)
            if (rows.ends(t, first + at)) {
                if (direction.hn) copy(y.at[at], units, direction.hn + (first + at) * units);
                if (lstm && direction.cn) copy(cell.at[at], units, direction.cn + (first + at) * units);
            }
    }
}

// Planes of one block of units: VECTORS of them have weights, the others (hn of the GRU) only a bias.
template <class C, int R, int VECTORS, int GIVEN>
void input_tile(const Layer& layer, const float* const* x, const float* panel, float* to, int64_t apart) {
    Vec sums[R][BLOCKS];
    for (int r = 0; r < R; r++)
        for (int v = 0; v < BLOCKS; v++) sums[r][v] = v < GIVEN ? load(panel + v * LANES) : Vec{};
    add<R, VECTORS, 0>(x, words(layer.features), panel + GIVEN * LANES, sums);
    for (int r = 0; r < R; r++)
        for (int v = 0; v < GIVEN; v++) store(to + r * C::planes * padded(layer.units) + v * apart, sums[r][v]);
}

template <class C>
void input_rows(const Layer& layer, const float* panel, const float* const* x_words, float* to, int64_t first, int64_t last) {
    const int64_t wide = padded(layer.units), size = panel_floats<C>(layer.features, layer.units);
    for (int64_t unit = 0; unit < wide; unit += (C::planes == 1 ? BLOCKS : 1) * LANES, panel += size)
        for (int64_t row = first; row < last; row += TILE) {
            float* cell = to + row * C::planes * wide + unit;
            with_rows(last - row, [&](auto rows_here) {
                constexpr int R = decltype(rows_here)::value;
                if constexpr (C::planes == 1)
                    with_blocks((wide - unit) / LANES, [&](auto blocks) {
                        constexpr int NV = decltype(blocks)::value;
                        input_tile<C, R, NV, NV>(layer, x_words + row, panel, cell, LANES);
                    });
                else
                    input_tile<C, R, C::x_planes, C::planes>(layer, x_words + row, panel, cell, wide);
            });
        }
}

// The input parts of all rows at once: (row, plane, unit).
template <class C>
void all_inputs(const Layer& layer, const float* packed, float* to) {
    const Rows rows{layer, layer.direction[0]};
    Array<const float*> x_rows(layer.rows);
    for (int64_t t = 0; t < layer.steps; t++)
        for (int64_t sequence = 0; sequence < rows.active(t); sequence++)
            x_rows[rows.row(t, sequence)] = layer.x + rows.place(t, sequence) * layer.features;
    const Words x_words(layer.rows, layer.features);
    x_words.round(x_rows, layer.rows);
    const int64_t tiles = ceil_div(layer.rows, TILE), parts = least(layer.threads, tiles);
    share(layer, parts, [&](int64_t part) {
        input_rows<C>(layer, packed, x_words.at(x_rows), to, least(layer.rows, tiles * part / parts * TILE),
                      least(layer.rows, tiles * (part + 1) / parts * TILE));
    });
}

// The input parts of all tokens from the table: (token, plane, unit), biases of the state parts included.
template <class C>
void token_inputs(const Layer& layer, const Direction& direction, float* to) {
    const int64_t units = layer.units, wide = padded(units), gates = C::x_planes;
    for (int64_t token = 0; token < layer.tokens; token++)
        for (int plane = 0; plane < C::planes; plane++, to += wide) {
            const float* from = direction.w_ih + (token * gates + torch_gate<C>(plane)) * units;
            for (int64_t unit = 0; unit < units; unit++)
                to[unit] = (plane < gates ? from[unit] : 0.0f) + bias_of<C>(direction, plane, unit, units);
        }
}

int64_t parts_of(const Layer& layer) { return least(layer.batch, most(1, layer.threads / layer.directions)); }

template <class C>
void forward(const Layer& layer) {
    const int64_t parts = parts_of(layer);
    Array<float> packed[2], inputs[2];
    pack_forward<C>(layer, packed);
    const float* ready[2] = {};
    for (int64_t which = 0; layer.ids && which < layer.directions; which++) {
        inputs[which].resize(layer.tokens * C::planes * padded(layer.units));
        token_inputs<C>(layer, layer.direction[which], inputs[which].data);
        ready[which] = inputs[which].data;
    }
    // Few rows a step: the input parts of all steps together make better use of the weights than step by step.
    if (!layer.ids && layer.batch < 4 * parts && layer.steps > 1)
        for (int64_t which = 0; which < layer.directions; which++) {
            float* to = static_cast<float*>(layer.direction[which].gates);
            if (!to || WORD > 1) {
                inputs[which].room(layer.rows * C::planes * padded(layer.units));
                to = inputs[which].data;
            }
            all_inputs<C>(layer, packed[which].data, to);
            ready[which] = to;
        }
    Array<int64_t> ends;
    cut(layer, parts, ends);
    share(layer, parts * layer.directions, [&](int64_t job) {
        const int64_t which = job / parts, part = job % parts;
        forward_steps<C>(layer, layer.direction[which], packed[which].data, ready[which], ends[part], ends[part + 1]);
    });
}

// ---- backward ---------------------------------------------------------------------------------------------------------

// A half has lost as much of the gate as may bring a quotient by it beyond 1.
inline Vec within_one(Vec value) { return WORD > 1 ? within(1.0f, value) : value; }

template <class C>
inline void backward_row(const Layer& layer, const float* dy, float* dh, float* dc, const float* y, const float* h,
                         const float* before, Kept* gates) {
    const int64_t units = layer.units, wide = padded(units);
    for (int64_t unit = 0; unit < wide; unit += LANES) {
        Vec d = load(dh + unit);
        if (dy) d += load(dy + unit, units - unit);
        if constexpr (C::planes == 1) {
            const Vec h = load(y + unit, units - unit);
            store(gates + unit, std::is_same_v<C, RnnRelu> ? (h > Vec{} ? d : Vec{}) : d * (1.0f - h * h));
            store(dh + unit, Vec{});
        } else if constexpr (std::is_same_v<C, Lstm>) {
            const Vec i = load(gates + unit), f = load(gates + wide + unit), g = load(gates + 2 * wide + unit),
                      o = load(gates + 3 * wide + unit), t = within_one(quotient(load(y + unit, units - unit), o));  // tanh(c); o is never 0
            const Vec c = load(dc + unit) + d * o * (1.0f - t * t);
            store(gates + unit, c * g * i * (1.0f - i));
            store(gates + wide + unit, c * load(before + unit) * f * (1.0f - f));
            store(gates + 2 * wide + unit, c * i * (1.0f - g * g));
            store(gates + 3 * wide + unit, d * t * o * (1.0f - o));
            store(dc + unit, c * f);
            store(dh + unit, Vec{});
        } else {
            const Vec n = load(gates + unit), r = load(gates + wide + unit), z = load(gates + 2 * wide + unit),
                      hn = load(gates + 3 * wide + unit);
            const Vec dn = d * (1.0f - z) * (1.0f - n * n);
            store(gates + unit, dn);
            store(gates + wide + unit, dn * hn * r * (1.0f - r));
            store(gates + 2 * wide + unit, d * (load(h + unit, units - unit) - n) * z * (1.0f - z));
            store(gates + 3 * wide + unit, dn * r);
            store(dh + unit, d * z);
        }
    }
}

// to[row] (+)= a[row] W for all rows of `count` words, `wanted` numbers each.
template <int R, int NV>
void multiply_tile(const float* const* a, int64_t count, const float* panel, float* const* to, int64_t from, int64_t wanted,
                   bool onto) {
    Vec sums[R][NV];
    each<R>([&](auto r) INLINE {
        each<NV>([&](auto v) INLINE { sums[r][v] = onto ? load(to[r] + from + v * LANES) : Vec{}; });
    });
    add<R, NV, 0>(a, count, panel, sums);
    each<R>([&](auto r) INLINE {
        each<NV>([&](auto v) INLINE { store(to[r] + from + v * LANES, sums[r][v], wanted - from - v * LANES); });
    });
}

inline void multiply(const float* const* a, int64_t rows, int64_t count, const float* weights, float* const* to, int64_t wanted,
                     bool onto) {
    for (int64_t from = 0; from < wanted; from += BLOCKS * LANES)
        with_blocks(ceil_div(wanted - from, LANES), [&](auto blocks) {
            for (int64_t at = 0; at < rows; at += TILE)
                with_rows(rows - at, [&](auto rows_here) {
                    multiply_tile<decltype(rows_here)::value, decltype(blocks)::value>(a + at, count, weights + from * count,
                                                                                     to + at, from, wanted, onto);
                });
        });
}

template <class C>
void backward_steps(const Layer& layer, const Direction& direction, const float* packed, int64_t first, int64_t last) {
    if (first >= last) return;
    const Rows rows{layer, direction};
    const int64_t units = layer.units, wide = padded(units), count = last - first;
    constexpr bool lstm = std::is_same_v<C, Lstm>;
    const Array<float> zeros(wide), carry(count * wide), memory(lstm ? count * wide : 0), start(lstm ? count * wide : 0);
    for (int64_t at = 0; at < count; at++) {
        if (direction.dhn) copy(direction.dhn + (first + at) * units, units, carry.data + at * wide);
        if (lstm && direction.dcn) copy(direction.dcn + (first + at) * units, units, memory.data + at * wide);
        if (lstm && direction.c0) copy(direction.c0 + (first + at) * units, units, start.data + at * wide);
    }
    Track<const float> dy(direction.dy, layer.stride, true, count);
    Track<float> y(direction.y, layer.stride, true, count), dx(direction.dx, layer.features, true, count);
    Track<float> cell(direction.cells, wide, false, count);
    Track<Kept> gates(static_cast<Kept*>(direction.gates), C::planes * wide, false, count);
    Array<const float*> for_input(count), for_state(count);
    Array<float*> dh(count);
    for (int64_t at = 0; at < count; at++) dh[at] = carry.data + at * wide;
    int64_t old = 0, from = 0;
    for (int64_t step = layer.steps - 1; step >= 0; step--) {
        const int64_t t = rows.time(step), here = least(last, rows.active(t)) - first;
        if (here <= 0) {
            if (direction.reverse) break;
            continue;
        }
        dy.move(rows, from, t, first, old, here);
        y.move(rows, from, t, first, old, here);
        dx.move(rows, from, t, first, old, here);
        gates.move(rows, from, t, first, old, here);
        if (lstm) cell.move(rows, from, t, first, old, here);
        old = here;
        from = t;
        const int64_t before = rows.before(t);
        const bool none = before < 0 || before >= layer.steps;  // no row has a step before this one
        const int64_t y_along = none ? 0 : y.distance(rows, t, before), cell_along = none || !lstm ? 0 : cell.distance(rows, t, before);
        for (int64_t at = 0; at < here; at++) {
            const bool begins = none || rows.begins(t, first + at);
            const float* h0 = direction.h0 ? direction.h0 + (first + at) * units : zeros.data;
            backward_row<C>(layer, dy.base ? dy.at[at] : nullptr, dh[at], memory.data + at * wide, y.at[at],
                            begins ? h0 : y.at[at] + y_along, begins ? start.data + at * wide : cell.at[at] + cell_along,
                            gates.at[at]);
            for_input[at] = reinterpret_cast<const float*>(gates.at[at]);
            for_state[at] = for_input[at] + C::h_first * words(wide);
        }
        multiply(for_state.data, here, C::h_planes * words(wide), packed, dh.data, wide, std::is_same_v<C, Gru>);
        if (direction.dx)
            multiply(for_input.data, here, C::x_planes * words(wide), packed + state_floats<C>(units), dx.at.data, layer.features, false);
    }
    for (int64_t at = 0; at < count; at++) {
        if (direction.dh0) copy(carry.data + at * wide, units, direction.dh0 + (first + at) * units);
        if (lstm && direction.dc0) copy(memory.data + at * wide, units, direction.dc0 + (first + at) * units);
    }
}

// ---- gradients of the weights -----------------------------------------------------------------------------------------

// One tile of a product of columns: sums[k][column] += a[row][k] * gradient[row][column] over a block of rows.
struct GradientTile {
    enum Kind { INPUT, STATE, BIAS } kind;
    int64_t k, rows, column, blocks;  // rows: how many k
};

constexpr int64_t TILE_FLOATS = TILE * BLOCKS * LANES;

template <class C>
void cut_gradient(const Layer& layer, const Direction& direction, Array<GradientTile>& tiles) {
    const int64_t wide = padded(layer.units);
    auto cut = [&](GradientTile::Kind kind, int64_t count, int first, int planes) {
        for (int64_t column = first * wide; column < (first + planes) * wide; column += BLOCKS * LANES)
            for (int64_t k = 0; k < count; k += TILE)
                tiles.append({kind, k, least(TILE, count - k), column, least(BLOCKS, ((first + planes) * wide - column) / LANES)});
    };
    if (direction.dw_ih && !layer.ids) cut(GradientTile::INPUT, layer.features, 0, C::x_planes);
    if (direction.dw_hh) cut(GradientTile::STATE, layer.units, C::h_first, C::h_planes);
    if (direction.db_ih || direction.db_hh) cut(GradientTile::BIAS, 1, 0, C::planes);
}

// What the gradients are made of, row after row of the sequences first .. last - 1, some rows at a time.
template <class C>
struct GradientRows {
    const Rows rows;
    const int64_t first, last;
    const float* const zeros;
    int64_t t = 0, sequence;
    const Kept* gates[GRADIENT_ROWS];
    const float* factors[3][GRADIENT_ROWS];  // by kind

    GradientRows(const Rows& rows, int64_t first, int64_t last, const float* zeros)
        : rows(rows), first(first), last(last), zeros(zeros), sequence(first) {
        static const float one = 1.0f;
        for (auto& each : factors[GradientTile::BIAS]) each = &one;
    }

    int64_t next() {
        const Layer& layer = rows.layer;
        const Direction& direction = rows.direction;
        int64_t count = 0;
        for (; t < layer.steps; t++, sequence = first) {
            const int64_t end = least(last, rows.active(t));
            for (; sequence < end; sequence++, count++) {
                if (count == GRADIENT_ROWS) return count;
                gates[count] = static_cast<const Kept*>(direction.gates) + rows.row(t, sequence) * C::planes * padded(layer.units);
                factors[GradientTile::INPUT][count] = layer.x + rows.place(t, sequence) * layer.features;
                factors[GradientTile::STATE][count] =
                    !rows.begins(t, sequence) ? direction.y + rows.place(rows.before(t), sequence) * layer.stride
                    : direction.h0            ? direction.h0 + sequence * layer.units
                                              : zeros;
            }
        }
        return count;
    }
};

// Over words of rows.
template <int R, int NV>
void gradient_block(const GradientTile& tile, const float* const* a, const float* const* gates, int64_t count, float* kept) {
    Vec sums[R][NV];
    each<R>([&](auto r) INLINE { each<NV>([&](auto v) INLINE { sums[r][v] = load(kept + (r * NV + v) * LANES); }); });
    for (int64_t row = 0; row < count; row++) {
        const float *gradient = gates[row] + tile.column, *factors = a[row] + tile.k;
        Vec d[NV];
        each<NV>([&](auto v) INLINE { d[v] = load(gradient + v * LANES); });
        each<R>([&](auto r) INLINE {
            const Vec factor = all(factors[r]);
            each<NV>([&](auto v) INLINE { sums[r][v] = plus_product(sums[r][v], factor, d[v]); });
        });
    }
    each<R>([&](auto r) INLINE { each<NV>([&](auto v) INLINE { store(kept + (r * NV + v) * LANES, sums[r][v]); }); });
}

// Some tiles over all these rows.
template <class C>
void sum_tiles(const GradientTile* tiles, int64_t count, GradientRows<C> rows, float* kept) {
    const Layer& layer = rows.rows.layer;
    const RowWords gates(GRADIENT_ROWS, C::planes * padded(layer.units));
    const RowWords factors[] = {{GRADIENT_ROWS, layer.features}, {GRADIENT_ROWS, layer.units}, {GRADIENT_ROWS, 1}};  // by kind
    while (const int64_t here = rows.next()) {
        gates.pair(rows.gates, here);
        for (int kind = 0; kind < 3; kind++) factors[kind].pair(rows.factors[kind], here);
        for (int64_t at = 0; at < count; at++)
            with_rows(tiles[at].rows, [&](auto rows_here) {
                with_blocks(tiles[at].blocks, [&](auto blocks) {
                    gradient_block<decltype(rows_here)::value, decltype(blocks)::value>(
                        tiles[at], factors[tiles[at].kind].at(rows.factors[tiles[at].kind]), gates.at(rows.gates), words(here),
                        kept + at * TILE_FLOATS);
                });
            });
    }
}

template <class C>
void write_gradient(const Layer& layer, const Direction& direction, const GradientTile& tile, const float* kept) {
    const int64_t units = layer.units, wide = padded(units), columns = tile.blocks * LANES;
    int64_t plane = tile.column / wide, unit = tile.column % wide;
    for (int64_t c = 0; c < columns; c++, unit++) {
        if (unit == wide) plane++, unit = 0;
        if (unit >= units) continue;
        const int64_t row = torch_gate<C>(plane) * units + unit;
        if (tile.kind == GradientTile::BIAS) {
            if (direction.db_ih && plane < C::x_planes) direction.db_ih[row] = kept[c];
            if (direction.db_hh && plane >= C::h_first) direction.db_hh[row] = kept[c];
            continue;
        }
        const bool input = tile.kind == GradientTile::INPUT;
        float* to = (input ? direction.dw_ih + row * layer.features : direction.dw_hh + row * units) + tile.k;
        for (int64_t k = 0; k < tile.rows; k++) to[k] = kept[k * columns + c];
    }
}

// Of each token the sum of the gradients of its rows; threads share the columns, so that the sums are the same for any number of them.
template <class C>
void table_gradient(const Layer& layer, const Direction& direction) {
    const Rows rows{layer, direction};
    const int64_t units = layer.units, wide = padded(units), width = C::x_planes * wide, blocks = width / LANES;
    const int64_t shares = least(layer.threads, blocks);
    const Array<float> sums(layer.tokens * width);
    share(layer, shares, [&](int64_t part) {
        const int64_t first = blocks * part / shares * LANES, last = blocks * (part + 1) / shares * LANES;
        for (int64_t t = 0; t < layer.steps; t++)
            for (int64_t sequence = 0; sequence < rows.active(t); sequence++) {
                const Kept* gates = static_cast<const Kept*>(direction.gates) + rows.row(t, sequence) * C::planes * wide;
                float* to = sums.data + layer.ids[rows.place(t, sequence)] * width;
                for (int64_t at = first; at < last; at += LANES) store(to + at, load(to + at) + load(gates + at));
            }
    });
    for (int64_t token = 0; token < layer.tokens; token++)
        for (int plane = 0; plane < C::x_planes; plane++)
            copy(sums.data + token * width + plane * wide, units, direction.dw_ih + (token * C::x_planes + torch_gate<C>(plane)) * units);
}

// Few weights: each part of the batch sums over its own rows right after its way back, from its core's cache; then the sums of the
// parts are added. Many weights: the tiles are shared out, each over all rows.
template <class C>
void backward(const Layer& layer) {
    const int64_t parts = parts_of(layer), jobs = parts * layer.directions;
    const Array<float> zeros(padded(layer.units));
    Array<float> packed[2];
    Array<GradientTile> tiles[2];
    Array<int64_t> ends;
    cut(layer, parts, ends);
    pack_backward<C>(layer, packed);
    for (int64_t which = 0; which < layer.directions; which++) cut_gradient<C>(layer, layer.direction[which], tiles[which]);
    const int64_t size = most(tiles[0].size, tiles[1].size) * TILE_FLOATS;
    const bool apart = size <= GRADIENT_FLOATS && jobs >= layer.threads;
    Array<float> kept(apart ? jobs * size : 0);
    share(layer, jobs, [&](int64_t job) {
        const int64_t which = job / parts, first = ends[job % parts], last = ends[job % parts + 1];
        const Direction& direction = layer.direction[which];
        backward_steps<C>(layer, direction, packed[which].data, first, last);
        if (apart)
            sum_tiles(tiles[which].data, tiles[which].size, GradientRows<C>({layer, direction}, first, last, zeros.data),
                      kept.data + job * size);
    });
    for (int64_t which = 0; which < layer.directions; which++) {
        const Direction& direction = layer.direction[which];
        const Array<GradientTile>& here = tiles[which];
        if (layer.ids && direction.dw_ih) table_gradient<C>(layer, direction);
        if (apart) {
            float* sums = kept.data + which * parts * size;
            for (int64_t part = 1; part < parts; part++)
                for (int64_t at = 0; at < size; at += LANES) store(sums + at, load(sums + at) + load(sums + part * size + at));
            for (int64_t at = 0; at < here.size; at++) write_gradient<C>(layer, direction, here[at], sums + at * TILE_FLOATS);
        } else if (here.size) {
            const int64_t shares = least(layer.threads, here.size);
            share(layer, shares, [&](int64_t part) {
                const int64_t first = here.size * part / shares, last = here.size * (part + 1) / shares;
                const Array<float> sums((last - first) * TILE_FLOATS);
                sum_tiles(here.data + first, last - first, GradientRows<C>({layer, direction}, 0, layer.batch, zeros.data), sums.data);
                for (int64_t at = first; at < last; at++)
                    write_gradient<C>(layer, direction, here[at], sums.data + (at - first) * TILE_FLOATS);
            });
        }
    }
}

// ---- by cell ----------------------------------------------------------------------------------------------------------

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

void recurrent_backward(const Layer* layer) {
    with_cell(layer->cell, [&](auto c) { backward<decltype(c)>(*layer); });
}

}  // namespace KISSIPO_ISA
