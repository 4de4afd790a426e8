// The part of check.cpp for RMSprop, small recurrent nets and inference.
#pragma once
#include <cmath>
#include <cstdio>
#include <vector>

#include "kernels.h"

namespace {

using Values = std::vector<double>;

// Compares one step of RMSprop; returns the number of misses.
int check_rmsprop(const Kernels* kernels, int64_t count, int64_t* checked) {
    std::vector<float> w(count, 0.5f), v(count, 0.2f), g(count, -0.3f);
    struct {
        RmsProp head;
        AdamTensor tensor;
    } rmsprop{{1, 0.1, 0.9, 1e-8, 0.05, 1, nullptr},
              {count, w.data(), nullptr, v.data(), g.data()}};
    kernels->rmsprop(&rmsprop.head);
    const double gradient = -0.3 + 0.05 * 0.5, square = 0.9 * 0.2 + 0.1 * gradient * gradient;
    const double expected = 0.5 - 0.1 * gradient / (std::sqrt(square) + 1e-8);
    int misses = 0;
    for (float value : w) {
        ++*checked;
        if (std::fabs(value - expected) > 1e-6 && ++misses < 5)
            std::printf("%s rmsprop: %g, should be %g\n", kernels->name, value, expected);
    }
    return misses;
}

// Compares a step of a net: an embedding, an RNN, a pooling and one unit with the
// binary cross-entropy; then the layer alone in inference. Returns how many are wrong.
int check_net(const Kernels* kernels, int64_t pooling, int64_t units, int64_t* checked) {
    const int64_t batch = 4, steps = 6, tokens = 7, features = 3, rows = batch * steps;
    const int64_t ids[batch][steps] = {
        {3, 1, 2, 0, 0, 0}, {1, 5, 0, 6, 2, 4}, {0, 0, 0, 0, 0, 0}, {6, 6, 0, 0, 0, 0}};
    const int64_t classes[batch] = {1, 0, 1, 0};
    Values w[5];  // table, W_ih, W_hh, b_ih, W
    const int64_t sizes[] = {tokens * features, units * features, units * units, units, units};
    std::vector<float> w_[5], dw[5];
    for (int i = 0; i < 5; i++)
        for (int64_t k = 0; k < sizes[i]; k++) {
            w_[i].push_back(0.1f * ((k * 7 + i) % 11) - 0.5f);
            w[i].push_back(w_[i][k]);
            dw[i].push_back(0);
        }
    auto run = [&](int64_t only) {  // the mean loss; for `only` >= 0 that state of sequence 1
        double total = 0;
        for (int64_t r = 0; r < batch; r++) {
            Values h(units, 0), pooled(units, pooling == POOL_MAX ? -9.0 : 0.0);
            int64_t count = 0, beyond = 0;
            for (int64_t t = 0; t < steps; t++) count += ids[r][t] != 0;
            for (int64_t t = count; t < steps; t++) beyond += ids[r][t] != 0;
            for (int64_t t = 0; t < count; t++) {
                Values next(units);
                for (int64_t u = 0; u < units; u++) {
                    next[u] = w[3][u];
                    for (int64_t k = 0; k < features; k++)
                        next[u] += w[0][ids[r][t] * features + k] * w[1][u * features + k];
                    for (int64_t k = 0; k < units; k++) next[u] += h[k] * w[2][u * units + k];
                    next[u] = std::tanh(next[u]);
                }
                h = next;
                for (int64_t u = 0; u < units; u++) {
                    if (pooling == POOL_LAST) pooled[u] = h[u];
                    else if (pooling == POOL_MEAN) pooled[u] += ids[r][t] ? h[u] / count : 0;
                    else if (ids[r][t]) pooled[u] = std::fmax(pooled[u], h[u]);
                }
            }
            double y = 0;
            for (int64_t u = 0; u < units; u++) {
                if (pooling == POOL_MAX && beyond) pooled[u] = std::fmax(pooled[u], 0);
                y += (count ? pooled[u] : 0) * w[4][u];
            }
            const double loss = std::log1p(std::exp(-std::fabs(y))) + std::fmax(y, 0);
            total += (loss - y * classes[r]) / batch;
            if (r == 1 && only >= 0) return h[only];
        }
        return total;
    };
    std::vector<int64_t> counts(4 * batch + steps + 1 + rows), written(1 + rows);
    std::vector<float> x(rows * features), y(rows * units), dy(rows * units), dx(rows * features);
    const int64_t row_floats = units + kernels->unit_block;
    std::vector<float> gates(rows * row_floats), pooled(batch * units), dpooled(batch * units);
    std::vector<float> ties(batch * units), outputs(batch), doutputs(batch);
    float loss = 0;
    RecurrentNet net{};
    net.ids = ids[0], net.class_targets = classes, net.loss = &loss, net.max_threads = 1;
    net.table = w_[0].data(), net.dtable = dw[0].data(), net.table_rows = tokens;
    net.padding_id = -1, net.padded = 1, net.pooling = pooling;
    net.order = counts.data(), net.lengths = net.order + batch, net.counts = net.lengths + batch;
    net.beyond = net.counts + batch, net.offsets = net.beyond + batch;
    net.tokens = net.offsets + steps + 1, net.written = written.data();
    net.doutputs = doutputs.data(), net.pooled = pooled.data(), net.dpooled = dpooled.data();
    net.ties = ties.data(), net.dinput[0] = dx.data(), net.dstates = dy.data();
    net.head = {units, 1, 0, 0, w_[4].data(), nullptr, nullptr, outputs.data(), dw[4].data(),
                nullptr};
    net.layer.cell = RNN_TANH, net.layer.features = features, net.layer.units = units;
    net.layer.steps = steps, net.layer.batch = batch, net.layer.offsets = net.offsets;
    net.layer.x = x.data(), net.layer.y_stride = units, net.layer.directions = 1;
    Direction& direction = net.layer.direction[0];
    direction.w_ih = w_[1].data(), direction.w_hh = w_[2].data(), direction.b_ih = w_[3].data();
    direction.y = y.data(), direction.gates = gates.data(), direction.dy = dy.data();
    direction.dx = dx.data(), direction.dw_ih = dw[1].data(), direction.dw_hh = dw[2].data();
    direction.db_ih = dw[3].data();
    int misses = 0;
    const double tolerance = kernels->packed_values > 1 ? 2e-2 : 1e-4;
    auto compare = [&](const char* what, double actual, double expected) {
        ++*checked;
        if (std::fabs(actual - expected) <= tolerance * (1 + std::fabs(expected))) return;
        if (++misses < 5)
            std::printf("%s net, pooling %d: %s is %g, should be %g\n", kernels->name,
                        (int)pooling, what, actual, expected);
    };
    for (int repeat = 0; repeat < 2; repeat++)  // the second clears the rows of the first
        compare("status", kernels->recurrent_net_step(&net), DONE);
    compare("loss", loss, run(-1));
    const char* const names[] = {"table", "W_ih", "W_hh", "b_ih", "W"};
    for (int i = 0; i < 5; i++)
        for (int64_t k = 0; k < sizes[i]; k++) {
            const double value = w[i][k];
            w[i][k] = value + 1e-5;
            const double above = run(-1);
            w[i][k] = value - 1e-5;
            compare(names[i], dw[i][k], (above - run(-1)) / 2e-5);
            w[i][k] = value;
        }
    // Sequence 1 in inference; the second call uses what the first packed.
    const int64_t length = 5, offsets[] = {0, 1, 2, 3, 4, 5};
    for (int64_t t = 0; t < length; t++)
        for (int64_t k = 0; k < features; k++)
            x[t * features + k] = w_[0][ids[1][t] * features + k];
    std::vector<float> packed(kernels->packed_floats(&net.layer)), hn(units);
    std::vector<uint32_t> signature(SIGNATURE_NUMBERS);
    struct {
        Inference head;
        PackedLayer single;
    } inference{{x.data(), y.data(), hn.data(), nullptr, 1, 1},
                {net.layer, {packed.data()}, {signature.data()}}};
    Layer& layer = inference.single.layer;
    layer.direction[0].gates = nullptr;
    layer.batch = 1, layer.steps = layer.rows = length, layer.offsets = offsets;
    for (int repeat = 0; repeat < 2; repeat++) {
        kernels->recurrent_infer(&inference.head);
        for (int64_t u = 0; u < units; u++) compare("state", hn[u], run(u));
    }
    return misses;
}

}  // namespace
