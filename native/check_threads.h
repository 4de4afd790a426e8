// The part of check.cpp for workers that share the units of a layer: whatever the order
// of the workers, the bits are those of one thread.
#pragma once
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "kernels.h"

namespace {

// A thread for each job.
int32_t at_once(int64_t begin, int64_t end, int64_t, RangeFunction function, void* context) {
    std::vector<std::thread> threads;
    for (int64_t i = begin; i < end; i++) threads.emplace_back(function, i, i + 1, context);
    for (std::thread& thread : threads) thread.join();
    return 0;
}

// One job after the other, the last one first: the others come too late.
int32_t one_by_one(int64_t begin, int64_t end, int64_t, RangeFunction function, void* context) {
    for (int64_t i = end; i-- > begin;) function(i, i + 1, context);
    return 0;
}

struct SharedResults {
    std::vector<float> y, states, saved, gradients;
};

// Both directions of a layer, forward and backward.
SharedResults run_shared(const Kernels* kernels, int64_t cell, int64_t units, int64_t threads,
                         ParallelFor parallel_for) {
    constexpr int64_t FEATURES = 7, STEPS = 40;
    const int64_t active[] = {3, 2}, batch = 3, gates = cell == LSTM ? 4 : cell == GRU ? 3 : 1;
    std::vector<int64_t> offsets = {0};
    for (int64_t t = 0; t < STEPS; t++) offsets.push_back(offsets.back() + active[t > STEPS / 2]);
    const int64_t rows = offsets.back(), saved_gates = cell >= LSTM ? 4 : 1;
    const int64_t padded = (units + kernels->unit_block - 1) / kernels->unit_block *
                           kernels->unit_block;
    std::mt19937 generator(5);
    std::normal_distribution<float> normal(0, 0.1f);
    auto draw = [&](int64_t count) {
        std::vector<float> values(count);
        for (float& value : values) value = normal(generator);
        return values;
    };
    const auto x = draw(rows * FEATURES), h0 = draw(batch * units), c0 = draw(batch * units);
    const auto w_ih = draw(gates * units * FEATURES), w_hh = draw(gates * units * units);
    const auto b = draw(gates * units);
    const int64_t gate_size = rows * saved_gates * padded, cell_size = rows * padded;
    const int64_t sizes[] = {rows * FEATURES,         batch * units, batch * units,
                             gates * units * FEATURES, gates * units * units,
                             gates * units,           gates * units};
    int64_t gradient_size = 0;
    for (int64_t size : sizes) gradient_size += size;
    SharedResults results{std::vector<float>(rows * 2 * units),
                          std::vector<float>(4 * batch * units),
                          std::vector<float>(2 * (gate_size + cell_size)),
                          std::vector<float>(2 * gradient_size)};
    const auto dy = draw(rows * 2 * units), dhn = draw(2 * batch * units);
    Layer layer{};
    layer.cell = cell, layer.features = FEATURES, layer.units = units, layer.steps = STEPS;
    layer.batch = batch, layer.rows = rows, layer.offsets = offsets.data(), layer.x = x.data();
    layer.y_stride = 2 * units, layer.directions = 2, layer.threads = threads;
    layer.parallel_for = parallel_for;
    for (int64_t d = 0; d < 2; d++) {
        Direction& direction = layer.direction[d];
        float* saved = results.saved.data() + d * (gate_size + cell_size);
        direction.reverse = d, direction.w_ih = w_ih.data(), direction.w_hh = w_hh.data();
        direction.b_ih = direction.b_hh = b.data(), direction.h0 = h0.data();
        direction.c0 = c0.data(), direction.y = results.y.data() + d * units;
        direction.hn = results.states.data() + 2 * d * batch * units;
        direction.cn = direction.hn + batch * units;
        direction.gates = saved_gates > 1 ? saved : nullptr;
        direction.cells = saved + gate_size;
    }
    kernels->forward(&layer);
    float* gradient = results.gradients.data();
    for (int64_t d = 0; d < 2; d++) {
        Direction& direction = layer.direction[d];
        direction.gates = results.saved.data() + d * (gate_size + cell_size);
        direction.cells = results.saved.data() + d * (gate_size + cell_size) + gate_size;
        direction.dy = dy.data() + d * units;
        direction.dhn = direction.dcn = dhn.data() + d * batch * units;
        float** const to[] = {&direction.dx,    &direction.dh0,   &direction.dc0,  &direction.dw_ih,
                              &direction.dw_hh, &direction.db_ih, &direction.db_hh};
        for (int i = 0; i < 7; gradient += sizes[i++]) *to[i] = gradient;
    }
    kernels->backward(&layer);
    return results;
}

// Compares six workers with one; returns the number of misses.
int check_threads(const Kernels* kernels, int64_t cell, int64_t units, int64_t* checked) {
    const SharedResults expected = run_shared(kernels, cell, units, 1, nullptr);
    int misses = 0;
    for (ParallelFor parallel_for : {at_once, one_by_one}) {
        const SharedResults actual = run_shared(kernels, cell, units, 6, parallel_for);
        for (auto part : {&SharedResults::y, &SharedResults::states, &SharedResults::saved,
                          &SharedResults::gradients})
            for (size_t i = 0; i < (expected.*part).size(); i++, ++*checked)
                misses += (expected.*part)[i] != (actual.*part)[i];
    }
    if (misses) std::printf("%s cell %d: threads differ\n", kernels->name, (int)cell);
    return misses;
}

}  // namespace
