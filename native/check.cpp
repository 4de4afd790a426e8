// A check of the kernels without Python: every cell, direction and set of lengths, linear layers and Adam beside the formulas in
// double precision, gradients beside difference quotients. Built with sanitizers, and for other processors; prints what it checked, ends with 1 on a miss.
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

#include "kernels.h"

namespace {

using Numbers = std::vector<double>;

struct Case {
    int64_t cell, features, units;
    std::vector<int64_t> lengths;  // the longest first
    bool reverse, biased, states, ids = false;  // ids: x are columns of ones and zeros, and the kernel is given their ids
};

struct Problem {
    Case is;
    std::vector<int64_t> offsets;
    int64_t gates, steps, batch, rows;
    Numbers x, w_ih, w_hh, b_ih, b_hh, h0, c0, dy, dhn, dcn;

    explicit Problem(const Case& of) : is(of), gates(of.cell == LSTM ? 4 : of.cell == GRU ? 3 : 1) {
        batch = is.lengths.size();
        steps = is.lengths[0];
        offsets.push_back(0);
        for (int64_t t = 0; t < steps; t++) {
            int64_t active = 0;
            for (int64_t length : is.lengths) active += length > t;
            offsets.push_back(offsets.back() + active);
        }
        rows = offsets.back();
        std::mt19937 dice(7);
        auto draw = [&](int64_t count, double scale) {
            std::normal_distribution<double> normal(0, scale);
            Numbers values(count);
            for (double& value : values) value = (float)normal(dice);
            return values;
        };
        x = draw(rows * is.features, 1);
        if (is.ids)
            for (int64_t row = 0; row < rows; row++)
                for (int64_t k = 0; k < is.features; k++) x[row * is.features + k] = k == row * 5 % is.features;
        w_ih = draw(gates * is.units * is.features, 0.5);
        w_hh = draw(gates * is.units * is.units, 0.5);
        b_ih = draw(is.biased ? gates * is.units : 0, 0.5);
        b_hh = draw(is.biased ? gates * is.units : 0, 0.5);
        h0 = draw(is.states ? batch * is.units : 0, 1);
        c0 = draw(is.states ? batch * is.units : 0, 1);
        dy = draw(rows * is.units, 1);
        dhn = draw(batch * is.units, 1);
        dcn = draw(batch * is.units, 1);
    }

    // The formulas; returns the sum of all results, each times its weight (dy, dhn, dcn).
    double run(Numbers* y) const {
        const int64_t units = is.units, features = is.features;
        auto sigmoid = [](double value) { return 1 / (1 + std::exp(-value)); };
        double total = 0;
        for (int64_t r = 0; r < batch; r++) {
            Numbers h(units, 0), c(units, 0);
            for (int64_t u = 0; is.states && u < units; u++) h[u] = h0[r * units + u], c[u] = c0[r * units + u];
            for (int64_t step = 0; step < is.lengths[r]; step++) {
                const int64_t t = is.reverse ? is.lengths[r] - 1 - step : step, row = offsets[t] + r;
                Numbers fresh(gates * units), old(gates * units), next(units);
                for (int64_t g = 0; g < gates * units; g++) {
                    fresh[g] = is.biased ? b_ih[g] : 0;
                    old[g] = is.biased ? b_hh[g] : 0;
                    for (int64_t k = 0; k < features; k++) fresh[g] += w_ih[g * features + k] * x[row * features + k];
                    for (int64_t k = 0; k < units; k++) old[g] += w_hh[g * units + k] * h[k];
                }
                for (int64_t u = 0; u < units; u++) {
                    auto sum = [&](int64_t gate) { return fresh[gate * units + u] + old[gate * units + u]; };
                    if (is.cell == LSTM) {
                        c[u] = sigmoid(sum(1)) * c[u] + sigmoid(sum(0)) * std::tanh(sum(2));
                        next[u] = sigmoid(sum(3)) * std::tanh(c[u]);
                    } else if (is.cell == GRU) {
                        const double z = sigmoid(sum(1)), r_ = sigmoid(sum(0));
                        next[u] = (1 - z) * std::tanh(fresh[2 * units + u] + r_ * old[2 * units + u]) + z * h[u];
                    } else {
                        next[u] = is.cell == RNN_RELU ? std::fmax(0, sum(0)) : std::tanh(sum(0));
                    }
                }
                h = next;
                for (int64_t u = 0; u < units; u++) {
                    total += h[u] * dy[row * units + u];
                    if (y) (*y)[row * units + u] = h[u];
                }
            }
            for (int64_t u = 0; u < units; u++) {
                total += h[u] * dhn[r * units + u];
                if (is.cell == LSTM) total += c[u] * dcn[r * units + u];
            }
        }
        return total;
    }
};

std::vector<float> floats(const Numbers& values) { return {values.begin(), values.end()}; }
const float* data(const std::vector<float>& values) { return values.empty() ? nullptr : values.data(); }

int check(const Kernels* kernels, const Case& of, int64_t* checked) {
    Problem problem(of);
    const int64_t units = of.units, batch = problem.batch, rows = problem.rows;
    const int64_t wide = (units + kernels->lanes - 1) / kernels->lanes * kernels->lanes, planes = of.cell >= LSTM ? 4 : 1;
    auto x = floats(problem.x), w_ih = floats(problem.w_ih), w_hh = floats(problem.w_hh), b_ih = floats(problem.b_ih);
    auto b_hh = floats(problem.b_hh), h0 = floats(problem.h0), c0 = floats(problem.c0), dy = floats(problem.dy);
    auto dhn = floats(problem.dhn), dcn = floats(problem.dcn);
    std::vector<float> y(rows * units), gates(rows * planes * wide / kernels->word), cells(rows * wide), hn(batch * units), cn(batch * units);
    std::vector<float> dx(x.size()), dh0(batch * units), dc0(batch * units), dw_ih(w_ih.size()), dw_hh(w_hh.size());
    std::vector<float> db_ih(problem.gates * units), db_hh(problem.gates * units);
    std::vector<int64_t> ids(rows);
    for (int64_t row = 0; row < rows; row++) ids[row] = row * 5 % of.features;
    auto turned = [&](const std::vector<float>& from, int64_t columns) {
        std::vector<float> to(from.size());
        for (size_t at = 0; at < to.size(); at++) to[at % columns * (from.size() / columns) + at / columns] = from[at];
        return to;
    };
    if (of.ids) w_ih = turned(w_ih, of.features);
    Layer layer{};
    layer.cell = of.cell, layer.features = of.features, layer.units = units, layer.steps = problem.steps;
    layer.batch = batch, layer.rows = rows, layer.offsets = problem.offsets.data(), layer.x = x.data();
    if (of.ids) layer.features = 0, layer.x = nullptr, layer.ids = ids.data(), layer.tokens = of.features;
    layer.stride = units, layer.directions = 1, layer.threads = 1;
    Direction& direction = layer.direction[0];
    direction.reverse = of.reverse, direction.w_ih = w_ih.data(), direction.w_hh = w_hh.data();
    direction.b_ih = data(b_ih), direction.b_hh = data(b_hh), direction.h0 = data(h0), direction.c0 = data(c0);
    direction.hn = hn.data(), direction.cn = cn.data(), direction.y = y.data();
    direction.gates = planes > 1 ? gates.data() : nullptr, direction.cells = cells.data();
    kernels->forward(&layer);
    direction.gates = gates.data(), direction.dy = dy.data(), direction.dhn = dhn.data();
    direction.dcn = dcn.data(), direction.dh0 = dh0.data(), direction.dc0 = dc0.data(), direction.dx = of.ids ? nullptr : dx.data();
    direction.dw_ih = dw_ih.data(), direction.dw_hh = dw_hh.data(), direction.db_ih = db_ih.data(), direction.db_hh = db_hh.data();
    kernels->backward(&layer);
    if (of.ids) dw_ih = turned(dw_ih, problem.gates * units);

    int misses = 0;
    const bool halves = kernels->word > 1;  // which keep 8 bits
    auto compare = [&](const char* what, int64_t at, double found, double expected, double tolerance) {
        ++*checked;
        if (std::fabs(found - expected) <= tolerance * (1 + std::fabs(expected))) return;
        if (++misses < 5)
            std::printf("%s cell %d: %s[%d] is %g, should be %g\n", kernels->name, (int)of.cell, what, (int)at, found, expected);
    };
    Numbers expected(rows * units);
    problem.run(&expected);
    for (int64_t at = 0; at < rows * units; at++) compare("y", at, y[at], expected[at], halves ? 3e-2 : 2e-6);
    auto quotients = [&](const char* what, Numbers& values, const std::vector<float>& found) {
        for (size_t at = 0; at < values.size(); at++) {
            const double value = values[at], step = 1e-5;
            values[at] = value + step;
            const double above = problem.run(nullptr);
            values[at] = value - step;
            const double below = problem.run(nullptr);
            values[at] = value;
            compare(what, at, found[at], (above - below) / (2 * step), halves ? 0.25 : 5e-5);
        }
    };
    if (!of.ids) quotients("dx", problem.x, dx);
    quotients("dw_ih", problem.w_ih, dw_ih);
    quotients("dw_hh", problem.w_hh, dw_hh);
    quotients("db_ih", problem.b_ih, db_ih);
    quotients("db_hh", problem.b_hh, db_hh);
    quotients("dh0", problem.h0, dh0);
    if (of.cell == LSTM) quotients("dc0", problem.c0, dc0);
    return misses;
}

// A layer with relu and dropout below a plain one, and the slopes of sum(y * dy); the masks are those that forward drew.
int check_dense(const Kernels* kernels, int64_t rows, int64_t features, int64_t units, int64_t answers, int64_t* checked) {
    std::mt19937 dice(3);
    std::normal_distribution<double> normal;
    auto draw = [&](int64_t count) {
        Numbers values(count);
        for (double& value : values) value = (float)normal(dice);
        return values;
    };
    Numbers x = draw(rows * features), w1 = draw(units * features), b1 = draw(units), w2 = draw(answers * units), b2 = draw(answers);
    const Numbers dy = draw(rows * answers);
    auto x_ = floats(x), w1_ = floats(w1), b1_ = floats(b1), w2_ = floats(w2), b2_ = floats(b2), dy_ = floats(dy);
    std::vector<float> mask(rows * units), h(rows * units), y(rows * answers), room(2 * rows * (units > answers ? units : answers));
    std::vector<float> dw1(w1.size()), db1(units), dw2(w2.size()), db2(answers);
    struct {
        Dense head;
        DenseLayer layers[2];
    } chain{{rows, 2, x_.data(), dy_.data(), room.data(), 12345678912345677, 1, nullptr},
            {{features, units, 1, 3006477107, w1_.data(), b1_.data(), mask.data(), h.data(), dw1.data(), db1.data()},
             {units, answers, 0, 0, w2_.data(), b2_.data(), nullptr, y.data(), dw2.data(), db2.data()}}};
    kernels->dense_forward(&chain.head);
    kernels->dense_backward(&chain.head);
    auto run = [&](Numbers* out) {
        double total = 0;
        for (int64_t r = 0; r < rows; r++) {
            Numbers hidden(units);
            for (int64_t u = 0; u < units; u++) {
                hidden[u] = b1[u];
                for (int64_t f = 0; f < features; f++) hidden[u] += w1[u * features + f] * x[r * features + f];
                hidden[u] = (hidden[u] > 0 ? hidden[u] : 0) * mask[r * units + u];
            }
            for (int64_t a = 0; a < answers; a++) {
                double value = b2[a];
                for (int64_t u = 0; u < units; u++) value += w2[a * units + u] * hidden[u];
                if (out) (*out)[r * answers + a] = value;
                total += value * dy[r * answers + a];
            }
        }
        return total;
    };
    int misses = 0;
    auto compare = [&](const char* what, double found, double expected, double tolerance) {
        ++*checked;
        if (std::fabs(found - expected) <= tolerance * (1 + std::fabs(expected))) return;
        if (++misses < 5) std::printf("%s dense: %s is %g, should be %g\n", kernels->name, what, found, expected);
    };
    Numbers expected(rows * answers);
    run(&expected);
    for (int64_t at = 0; at < rows * answers; at++) compare("y", y[at], expected[at], 1e-5);
    auto quotients = [&](const char* what, Numbers& values, const std::vector<float>& found) {
        for (size_t at = 0; at < values.size(); at++) {
            const double value = values[at], step = 1e-6;
            values[at] = value + step;
            const double above = run(nullptr);
            values[at] = value - step;
            const double below = run(nullptr);
            values[at] = value;
            compare(what, found[at], (above - below) / (2 * step), 1e-4);
        }
    };
    quotients("dw1", w1, dw1);
    quotients("db1", b1, db1);
    quotients("dw2", w2, dw2);
    quotients("db2", b2, db2);
    return misses;
}

int check_adam(const Kernels* kernels, int64_t count, bool decoupled, int64_t* checked) {
    std::vector<float> w(count, 0.5f), m(count), v(count), g(count);
    double weight = 0.5, mean = 0, square = 0;
    int misses = 0;
    for (int step = 1; step <= 5; step++) {
        const float slope = 0.3f - 0.1f * step;
        for (float& each : g) each = slope;
        struct {
            Adam head;
            AdamPart part;
        } all{{1, decoupled, 0.1, 0.9, 0.999, 1e-8, 0.05, 1 - std::pow(0.9, step), 1 - std::pow(0.999, step), 1, nullptr},
              {count, w.data(), m.data(), v.data(), g.data()}};
        kernels->adam(&all.head);
        if (decoupled) weight *= 1 - 0.1 * 0.05;
        const double pulled = slope + (decoupled ? 0 : 0.05 * weight);
        mean = 0.9 * mean + 0.1 * pulled;
        square = 0.999 * square + 0.001 * pulled * pulled;
        weight -= 0.1 * (mean / (1 - std::pow(0.9, step))) / (std::sqrt(square / (1 - std::pow(0.999, step))) + 1e-8);
        for (float each : w) {
            ++*checked;
            if (std::fabs(each - weight) > 1e-5 && ++misses < 5) std::printf("%s adam: %g, should be %g\n", kernels->name, each, weight);
        }
    }
    return misses;
}

}  // namespace

int main() {
    int misses = 0;
    for (const char* name : {"avx512", "avx512_bf16", "avx2", "neon", "plain"}) {
        const Kernels* kernels = kissipo_kernels(name);
        if (!kernels) continue;
        int64_t checked = 0;
        for (int64_t cell : {RNN_TANH, RNN_RELU, LSTM, GRU})
            for (bool reverse : {false, true})
                for (bool more : {false, true}) {
                    misses += check(kernels, {cell, 3, 5, {4, 4, 2, 1}, reverse, more, more}, &checked);
                    misses += check(kernels, {cell, 1, 19, {3, 2, 2, 2, 2, 2, 1}, reverse, more, !more}, &checked);
                    misses += check(kernels, {cell, 2, 3, {5}, reverse, more, more}, &checked);
                    misses += check(kernels, {cell, 3, 5, {4, 4, 2, 1}, reverse, more, more, true}, &checked);
                }
        misses += check_dense(kernels, 7, 5, 9, 3, &checked) + check_dense(kernels, 4, 33, 19, 1, &checked);
        for (bool decoupled : {false, true}) misses += check_adam(kernels, 45, decoupled, &checked);
        std::printf("%s: %d numbers checked, %d missed\n", kernels->name, (int)checked, misses);
    }
    return misses ? 1 : 0;
}
