// A check of the kernels without Python, for sanitizers and for other processors.
//
// Outputs of every cell, direction and set of lengths, of linear layers, of Adam and of
// word2vec are compared with the formulas in double precision, gradients with
// difference quotients: df/dv = (f(v + s) - f(v - s)) / 2s. The check prints how many
// values it compared, and ends with 1 where one of them is wrong.
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

#include "check_net.h"
#include "check_threads.h"
#include "kernels.h"

namespace {

struct Case {
    int64_t cell, features, units;
    std::vector<int64_t> lengths;  // the longest first
    bool reverse, biased, states;
    bool ids = false;  // x is one-hot, and the kernel reads the ids instead
};

// A layer with random weights, inputs and gradients, and its formulas.
struct Problem {
    Case setup;
    std::vector<int64_t> offsets;
    int64_t gates, steps, batch, rows;
    Values x, w_ih, w_hh, b_ih, b_hh, h0, c0, dy, dhn, dcn;

    explicit Problem(const Case& setup)
        : setup(setup), gates(setup.cell == LSTM ? 4 : setup.cell == GRU ? 3 : 1) {
        batch = setup.lengths.size();
        steps = setup.lengths[0];
        offsets.push_back(0);
        for (int64_t t = 0; t < steps; t++) {
            int64_t active = 0;
            for (int64_t length : setup.lengths) active += length > t;
            offsets.push_back(offsets.back() + active);
        }
        rows = offsets.back();
        std::mt19937 generator(7);
        auto draw = [&](int64_t count, double scale) {
            std::normal_distribution<double> normal(0, scale);
            Values values(count);
            for (double& value : values) value = (float)normal(generator);
            return values;
        };
        x = draw(rows * setup.features, 1);
        if (setup.ids)
            for (int64_t row = 0; row < rows; row++)
                for (int64_t k = 0; k < setup.features; k++)
                    x[row * setup.features + k] = k == row * 5 % setup.features;
        w_ih = draw(gates * setup.units * setup.features, 0.5);
        w_hh = draw(gates * setup.units * setup.units, 0.5);
        b_ih = draw(setup.biased ? gates * setup.units : 0, 0.5);
        b_hh = draw(setup.biased ? gates * setup.units : 0, 0.5);
        h0 = draw(setup.states ? batch * setup.units : 0, 1);
        c0 = draw(setup.states ? batch * setup.units : 0, 1);
        dy = draw(rows * setup.units, 1);
        dhn = draw(batch * setup.units, 1);
        dcn = draw(batch * setup.units, 1);
    }

    // Computes y by the formulas; returns the sum of y * dy, hn * dhn and cn * dcn.
    double run(Values* y) const {
        const int64_t units = setup.units, features = setup.features;
        auto sigmoid = [](double value) { return 1 / (1 + std::exp(-value)); };
        double total = 0;
        for (int64_t r = 0; r < batch; r++) {
            Values h(units, 0), c(units, 0);
            for (int64_t u = 0; setup.states && u < units; u++) {
                h[u] = h0[r * units + u];
                c[u] = c0[r * units + u];
            }
            for (int64_t step = 0; step < setup.lengths[r]; step++) {
                const int64_t t = setup.reverse ? setup.lengths[r] - 1 - step : step;
                const int64_t row = offsets[t] + r;
                Values x_sum(gates * units), h_sum(gates * units), next(units);
                for (int64_t g = 0; g < gates * units; g++) {
                    x_sum[g] = setup.biased ? b_ih[g] : 0;
                    h_sum[g] = setup.biased ? b_hh[g] : 0;
                    for (int64_t k = 0; k < features; k++)
                        x_sum[g] += w_ih[g * features + k] * x[row * features + k];
                    for (int64_t k = 0; k < units; k++) h_sum[g] += w_hh[g * units + k] * h[k];
                }
                for (int64_t u = 0; u < units; u++) {
                    auto sum = [&](int64_t gate) {
                        return x_sum[gate * units + u] + h_sum[gate * units + u];
                    };
                    if (setup.cell == LSTM) {
                        c[u] = sigmoid(sum(1)) * c[u] + sigmoid(sum(0)) * std::tanh(sum(2));
                        next[u] = sigmoid(sum(3)) * std::tanh(c[u]);
                    } else if (setup.cell == GRU) {
                        const double reset = sigmoid(sum(0)), z = sigmoid(sum(1));
                        const double n = x_sum[2 * units + u] + reset * h_sum[2 * units + u];
                        next[u] = (1 - z) * std::tanh(n) + z * h[u];
                    } else {
                        next[u] = setup.cell == RNN_RELU ? std::fmax(0, sum(0)) : std::tanh(sum(0));
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
                if (setup.cell == LSTM) total += c[u] * dcn[r * units + u];
            }
        }
        return total;
    }
};

std::vector<float> floats(const Values& values) { return {values.begin(), values.end()}; }
const float* data(const std::vector<float>& values) {
    return values.empty() ? nullptr : values.data();
}

// Compares one layer; returns the number of misses.
int check(const Kernels* kernels, const Case& setup, int64_t* checked) {
    Problem problem(setup);
    const int64_t units = setup.units, batch = problem.batch, rows = problem.rows;
    const int64_t block = kernels->unit_block;
    const int64_t padded_units = (units + block - 1) / block * block;
    const int64_t saved_gates = setup.cell >= LSTM ? 4 : 1;
    auto x = floats(problem.x), w_ih = floats(problem.w_ih), w_hh = floats(problem.w_hh);
    auto b_ih = floats(problem.b_ih), b_hh = floats(problem.b_hh);
    auto h0 = floats(problem.h0), c0 = floats(problem.c0), dy = floats(problem.dy);
    auto dhn = floats(problem.dhn), dcn = floats(problem.dcn);
    std::vector<float> y(rows * units), hn(batch * units), cn(batch * units);
    std::vector<float> gates(rows * saved_gates * padded_units / kernels->packed_values);
    std::vector<float> cells(rows * padded_units);
    std::vector<float> dx(x.size()), dh0(batch * units), dc0(batch * units);
    std::vector<float> dw_ih(w_ih.size()), dw_hh(w_hh.size());
    std::vector<float> db_ih(problem.gates * units), db_hh(problem.gates * units);
    std::vector<int64_t> ids(rows);
    for (int64_t row = 0; row < rows; row++) ids[row] = row * 5 % setup.features;
    auto transposed = [&](const std::vector<float>& from, int64_t columns) {
        std::vector<float> to(from.size());
        const size_t to_columns = from.size() / columns;
        for (size_t i = 0; i < to.size(); i++) to[i % columns * to_columns + i / columns] = from[i];
        return to;
    };
    if (setup.ids) w_ih = transposed(w_ih, setup.features);
    Layer layer{};
    layer.cell = setup.cell, layer.features = setup.features, layer.units = units;
    layer.steps = problem.steps, layer.batch = batch, layer.rows = rows;
    layer.offsets = problem.offsets.data(), layer.x = x.data();
    if (setup.ids) {
        layer.features = 0, layer.x = nullptr;
        layer.ids = ids.data(), layer.tokens = setup.features;
    }
    layer.y_stride = units, layer.directions = 1, layer.threads = 1;
    Direction& direction = layer.direction[0];
    direction.reverse = setup.reverse, direction.w_ih = w_ih.data(), direction.w_hh = w_hh.data();
    direction.b_ih = data(b_ih), direction.b_hh = data(b_hh);
    direction.h0 = data(h0), direction.c0 = data(c0);
    direction.hn = hn.data(), direction.cn = cn.data(), direction.y = y.data();
    direction.gates = saved_gates > 1 ? gates.data() : nullptr, direction.cells = cells.data();
    kernels->forward(&layer);
    direction.gates = gates.data(), direction.dy = dy.data(), direction.dhn = dhn.data();
    direction.dcn = dcn.data(), direction.dh0 = dh0.data(), direction.dc0 = dc0.data();
    direction.dx = setup.ids ? nullptr : dx.data();
    direction.dw_ih = dw_ih.data(), direction.dw_hh = dw_hh.data();
    direction.db_ih = db_ih.data(), direction.db_hh = db_hh.data();
    kernels->backward(&layer);
    if (setup.ids) dw_ih = transposed(dw_ih, problem.gates * units);

    int misses = 0;
    const bool is_bfloat16 = kernels->packed_values > 1;  // its significand has 8 bits
    auto compare = [&](const char* what, int64_t index, double actual, double expected,
                       double tolerance) {
        ++*checked;
        if (std::fabs(actual - expected) <= tolerance * (1 + std::fabs(expected))) return;
        if (++misses < 5)
            std::printf("%s cell %d: %s[%d] is %g, should be %g\n", kernels->name, (int)setup.cell,
                        what, (int)index, actual, expected);
    };
    Values expected(rows * units);
    problem.run(&expected);
    for (int64_t i = 0; i < rows * units; i++)
        compare("y", i, y[i], expected[i], is_bfloat16 ? 3e-2 : 2e-6);
    auto compare_gradient = [&](const char* what, Values& values,
                                const std::vector<float>& actual) {
        for (size_t i = 0; i < values.size(); i++) {
            const double value = values[i], step = 1e-5;
            values[i] = value + step;
            const double above = problem.run(nullptr);
            values[i] = value - step;
            const double below = problem.run(nullptr);
            values[i] = value;
            compare(what, i, actual[i], (above - below) / (2 * step), is_bfloat16 ? 0.25 : 5e-5);
        }
    };
    if (!setup.ids) compare_gradient("dx", problem.x, dx);
    compare_gradient("dw_ih", problem.w_ih, dw_ih);
    compare_gradient("dw_hh", problem.w_hh, dw_hh);
    compare_gradient("db_ih", problem.b_ih, db_ih);
    compare_gradient("db_hh", problem.b_hh, db_hh);
    compare_gradient("dh0", problem.h0, dh0);
    if (setup.cell == LSTM) compare_gradient("dc0", problem.c0, dc0);
    return misses;
}

// Compares a layer with relu and dropout below a plain one, and the gradients of sum(y
// * dy); the formulas take the mask that forward drew.
int check_dense(const Kernels* kernels, int64_t rows, int64_t features, int64_t units,
                int64_t outputs, int64_t* checked) {
    std::mt19937 generator(3);
    std::normal_distribution<double> normal;
    auto draw = [&](int64_t count) {
        Values values(count);
        for (double& value : values) value = (float)normal(generator);
        return values;
    };
    const Values x = draw(rows * features);
    Values w1 = draw(units * features), b1 = draw(units);
    Values w2 = draw(outputs * units), b2 = draw(outputs);
    const Values dy = draw(rows * outputs);
    auto x_ = floats(x), dy_ = floats(dy);
    auto w1_ = floats(w1), b1_ = floats(b1), w2_ = floats(w2), b2_ = floats(b2);
    const int64_t widest = units > outputs ? units : outputs;
    std::vector<float> mask(rows * units), h(rows * units), y(rows * outputs);
    std::vector<float> workspace(2 * rows * widest);
    std::vector<float> dw1(w1.size()), db1(units), dw2(w2.size()), db2(outputs);
    struct {
        Dense head;
        DenseLayer layers[2];
    } chain{{rows, 2, x_.data(), dy_.data(), workspace.data(), 12345678912345677, 1, nullptr},
            {{features, units, 1, 3006477107, w1_.data(), b1_.data(), mask.data(), h.data(),
              dw1.data(), db1.data()},
             {units, outputs, 0, 0, w2_.data(), b2_.data(), nullptr, y.data(), dw2.data(),
              db2.data()}}};
    kernels->dense_forward(&chain.head);
    kernels->dense_backward(&chain.head);
    auto run = [&](Values* out) {
        double total = 0;
        for (int64_t r = 0; r < rows; r++) {
            Values hidden(units);
            for (int64_t u = 0; u < units; u++) {
                hidden[u] = b1[u];
                for (int64_t f = 0; f < features; f++)
                    hidden[u] += w1[u * features + f] * x[r * features + f];
                hidden[u] = (hidden[u] > 0 ? hidden[u] : 0) * mask[r * units + u];
            }
            for (int64_t a = 0; a < outputs; a++) {
                double value = b2[a];
                for (int64_t u = 0; u < units; u++) value += w2[a * units + u] * hidden[u];
                if (out) (*out)[r * outputs + a] = value;
                total += value * dy[r * outputs + a];
            }
        }
        return total;
    };
    int misses = 0;
    auto compare = [&](const char* what, double actual, double expected, double tolerance) {
        ++*checked;
        if (std::fabs(actual - expected) <= tolerance * (1 + std::fabs(expected))) return;
        if (++misses < 5)
            std::printf("%s dense: %s is %g, should be %g\n", kernels->name, what, actual,
                        expected);
    };
    Values expected(rows * outputs);
    run(&expected);
    for (int64_t i = 0; i < rows * outputs; i++) compare("y", y[i], expected[i], 1e-5);
    auto compare_gradient = [&](const char* what, Values& values,
                                const std::vector<float>& actual) {
        for (size_t i = 0; i < values.size(); i++) {
            const double value = values[i], step = 1e-6;
            values[i] = value + step;
            const double above = run(nullptr);
            values[i] = value - step;
            const double below = run(nullptr);
            values[i] = value;
            compare(what, actual[i], (above - below) / (2 * step), 1e-4);
        }
    };
    compare_gradient("dw1", w1, dw1);
    compare_gradient("db1", b1, db1);
    compare_gradient("dw2", w2, dw2);
    compare_gradient("db2", b2, db2);
    return misses;
}

// Compares five steps of Adam or AdamW; returns the number of misses.
int check_adam(const Kernels* kernels, int64_t count, bool decoupled, int64_t* checked) {
    std::vector<float> w(count, 0.5f), m(count), v(count), g(count);
    double weight = 0.5, mean = 0, square = 0;
    int misses = 0;
    for (int step = 1; step <= 5; step++) {
        const float gradient = 0.3f - 0.1f * step;
        for (float& value : g) value = gradient;
        struct {
            Adam head;
            AdamTensor tensor;
        } adam{{1, decoupled, 0.1, 0.9, 0.999, 1e-8, 0.05, 1 - std::pow(0.9, step),
                1 - std::pow(0.999, step), 1, nullptr},
               {count, w.data(), m.data(), v.data(), g.data()}};
        kernels->adam(&adam.head);
        if (decoupled) weight *= 1 - 0.1 * 0.05;
        const double regularized = gradient + (decoupled ? 0 : 0.05 * weight);
        mean = 0.9 * mean + 0.1 * regularized;
        square = 0.999 * square + 0.001 * regularized * regularized;
        const double root = std::sqrt(square / (1 - std::pow(0.999, step)));
        weight -= 0.1 * (mean / (1 - std::pow(0.9, step))) / (root + 1e-8);
        for (float value : w) {
            ++*checked;
            if (std::fabs(value - weight) > 1e-5 && ++misses < 5)
                std::printf("%s adam: %g, should be %g\n", kernels->name, value, weight);
        }
    }
    return misses;
}

// Compares word2vec on a sentence of two words, whose Huffman tree has one inner node;
// returns the number of misses. Here skip-gram and CBOW are the same.
int check_word_vectors(const Kernels* kernels, int64_t dim, bool cbow, int64_t* checked) {
    const float rate = 0.1f;
    std::vector<float> input(2 * dim), output(2 * dim);
    for (int64_t k = 0; k < 2 * dim; k++) {
        input[k] = 0.01f * (k % 7) - 0.03f;
        output[k] = 0.02f * (k % 5) - 0.03f;
    }
    Values x(input.begin(), input.end()), node(output.begin(), output.begin() + dim);
    double loss = 0;
    for (int64_t center = 0; center < 2; center++) {
        double* context = x.data() + (1 - center) * dim;
        double score = 0;
        for (int64_t k = 0; k < dim; k++) score += context[k] * node[k];
        const double label = center == 0 ? 0 : 1, p = 1 / (1 + std::exp(-score));
        loss -= std::log(label == 1 ? p : 1 - p);
        for (int64_t k = 0; k < dim; k++) {
            const double change = rate * (label - p), before = context[k];
            context[k] += change * node[k];
            node[k] += change * before;
        }
    }
    const int64_t offsets[] = {0, 2}, keys[] = {1}, path_offsets[] = {0, 1, 2};
    const int64_t path_nodes[] = {0, 0}, path_codes[] = {1, 0};
    const int32_t tokens[] = {0, 1};
    double losses[2];
    const WordVectors task = {2, dim, input.data(), output.data(), 1, offsets, keys, tokens, 1,
                              cbow, 0, nullptr, nullptr, nullptr, path_offsets, path_nodes,
                              path_codes, losses, rate, 1, nullptr};
    kernels->word_vectors(&task);
    const double tolerance = kernels->packed_values > 1 ? 1e-4 : 1e-6;  // as it divides
    int misses = std::fabs(losses[0] - loss) > 10 * tolerance || losses[1] != 2;
    for (int64_t k = 0; k < 3 * dim; k++) {
        const double actual = k < 2 * dim ? input[k] : output[k - 2 * dim];
        const double wanted = k < 2 * dim ? x[k] : node[k - 2 * dim];
        ++*checked;
        if (std::fabs(actual - wanted) > tolerance && ++misses < 5)
            std::printf("%s word vectors: %g, should be %g\n", kernels->name, actual, wanted);
    }
    return misses;
}

}  // namespace

int main() {
    int misses = 0;
    const char* const names[] = {"avx512", "avx512_bf16", "amx",  "amx_emulated",
                                 "avx2",   "neon",        "plain"};
    for (const char* name : names) {
        const Kernels* kernels = kissipo_built_kernels(name);
        if (!kernels) continue;
        int64_t checked = 0;
        for (int64_t cell : {RNN_TANH, RNN_RELU, LSTM, GRU})
            for (bool reverse : {false, true})
                for (bool full : {false, true}) {
                    const Case cases[] = {
                        {cell, 3, 5, {4, 4, 2, 1}, reverse, full, full},
                        {cell, 1, 19, {3, 2, 2, 2, 2, 2, 1}, reverse, full, !full},
                        {cell, 2, 3, {5}, reverse, full, full},
                        {cell, 3, 5, {4, 4, 2, 1}, reverse, full, full, true},
                    };
                    for (const Case& setup : cases) misses += check(kernels, setup, &checked);
                }
        misses += check_dense(kernels, 7, 5, 9, 3, &checked);
        misses += check_dense(kernels, 4, 33, 19, 1, &checked);
        for (bool decoupled : {false, true}) misses += check_adam(kernels, 45, decoupled, &checked);
        misses += check_rmsprop(kernels, 45, &checked);
        for (int64_t pooling : {POOL_LAST, POOL_MAX, POOL_MEAN})
            for (int64_t units : {5, 21}) misses += check_net(kernels, pooling, units, &checked);
        for (int64_t dim : {3, 16, 37})
            for (bool cbow : {false, true})
                misses += check_word_vectors(kernels, dim, cbow, &checked);
        misses += check_threads(kernels, RNN_TANH, 190, &checked);
        misses += check_threads(kernels, LSTM, 150, &checked);
        misses += check_threads(kernels, GRU, 140, &checked);
        std::printf("%s: %d numbers checked, %d missed\n", kernels->name, (int)checked, misses);
    }
    return misses ? 1 : 0;
}
