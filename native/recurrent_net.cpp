// A small recurrent net, forward and backward, without autograd's records.
//
// x = table[ids], or numbers;  h = recurrent layer of x
// p = the last step, the maximum or the mean of h over time
// y = (mask * p) W^T + b
//
// Steps whose id or first feature is 0 do not count where the input is padded: a
// sequence is read for as many steps as count. Windows may be relative to their last
// step: its values are subtracted from each step, and added to the outputs. The rows of
// all sequences are copied to packed order, so that no layer sees padding. A maximum
// passes its gradient on to all steps that have it, in equal parts, as torch's amax.
#include "dropout.h"
#include "tiles.h"

namespace KISSIPO_ISA {

void recurrent_forward(const Layer*);
void recurrent_backward(const Layer*);
void dense_forward(const Dense*);
void dense_backward(const Dense*);

namespace {

constexpr int64_t PARALLEL_OPERATIONS = 2000000, PARALLEL_PRODUCTS = 1000000;

// A net, and where its rows are.
struct Rows {
    const RecurrentNet& net;
    const Layer& layer = net.layer;
    const int64_t width = layer.y_stride;

    bool counts(int64_t sequence, int64_t t) const {
        const int64_t row = sequence * layer.steps + t;
        return !net.padded || (net.ids ? net.ids[row] != 0 : net.values[row * layer.features] != 0);
    }
    // The last values of a window that are subtracted from it; else null.
    const float* last_values(int64_t sequence) const {
        const float* end = net.values + (sequence + 1) * layer.steps * layer.features;
        return net.variables ? end - net.variables : nullptr;
    }
    int64_t active(int64_t t) const { return net.offsets[t + 1] - net.offsets[t]; }

    // Calls f(sequence, position in the order of lengths, t, packed row) for every row.
    template <class F>
    void visit(const F& f) const {
        for (int64_t t = 0; t < layer.steps; t++)
            for (int64_t place = 0; place < active(t); place++)
                f(net.order[place], t, net.offsets[t] + place);
    }
};

// Finds how many steps of each sequence count, the order by length and the offsets.
void find_rows(const Rows& rows) {
    const RecurrentNet& net = rows.net;
    const int64_t batch = net.layer.batch, steps = net.layer.steps;
    std::memset(net.offsets, 0, (steps + 1) * sizeof(int64_t));
    for (int64_t sequence = 0; sequence < batch; sequence++) {
        int64_t count = 0, beyond = 0;
        for (int64_t t = 0; t < steps; t++) count += rows.counts(sequence, t);
        for (int64_t t = count; t < steps; t++) beyond += rows.counts(sequence, t);
        net.counts[sequence] = count;
        net.beyond[sequence] = beyond;
        net.lengths[sequence] = max(1, count);
        net.offsets[net.lengths[sequence]]++;
    }
    // offsets[n] is the number of sequences of n steps; `places` becomes the place of
    // the next one of them.
    Array<int64_t> places(steps + 1);
    for (int64_t length = steps - 1; length >= 0; length--)
        places[length] = places[length + 1] + net.offsets[length + 1];
    for (int64_t sequence = 0; sequence < batch; sequence++)
        net.order[places[net.lengths[sequence]]++] = sequence;
    for (int64_t t = 0, total = 0, active = batch; t <= steps; t++) {
        active -= net.offsets[t];
        net.offsets[t] = total;  // the rows of the steps before t
        total += active;
    }
}

// The layer with what depends on the rows. Steps that no sequence has are left out.
Layer with_rows(const RecurrentNet& net) {
    Layer layer = net.layer;
    layer.rows = net.offsets[layer.steps];
    while (layer.steps > 1 && net.offsets[layer.steps - 1] == layer.rows) layer.steps--;
    const int64_t gates = layer.cell == LSTM ? 4 : layer.cell == GRU ? 3 : 1;
    const int64_t weights = gates * layer.units * (layer.features + layer.units);
    const bool is_large =
        2 * weights * layer.rows * layer.directions >= PARALLEL_OPERATIONS;
    layer.threads = is_large ? net.max_threads : 1;
    return layer;
}

// Copies the features of all rows to packed order; false where an id is unknown.
bool read_inputs(const Rows& rows) {
    const RecurrentNet& net = rows.net;
    const int64_t features = net.layer.features;
    float* const inputs = const_cast<float*>(net.layer.x);
    bool are_known = true;
    rows.visit([&](int64_t sequence, int64_t t, int64_t row) {
        const int64_t from = sequence * net.layer.steps + t;
        const float* x = net.values + from * features;
        if (net.ids) {
            const int64_t id = net.tokens[row] = net.ids[from];
            are_known = are_known && 0 <= id && id < net.table_rows;
            x = net.table + (are_known ? id : 0) * features;
        }
        float* to = inputs + row * features;
        copy(x, features, to);
        const float* last = rows.last_values(sequence);
        for (int64_t k = 0; k < features && last; k++) to[k] -= last[k % net.variables];
    });
    return are_known;
}

// Adds the last values that were subtracted to the outputs.
void add_last_values(const Rows& rows) {
    const RecurrentNet& net = rows.net;
    const int64_t outputs = net.head.units;
    for (int64_t sequence = 0; sequence < net.layer.batch; sequence++) {
        const float* last = rows.last_values(sequence);
        for (int64_t k = 0; k < outputs; k++)
            net.head.y[sequence * outputs + k] += last[net.answered_variables[k % net.answered]];
    }
}

// The larger value; NaN where one of them is NaN.
inline float larger(float a, float b) { return b <= a || a != a ? a : b; }

// pooled (sequence, unit); 0 for a sequence of which no step counts.
void pool(const Rows& rows) {
    const RecurrentNet& net = rows.net;
    const int64_t width = rows.width, size = net.layer.batch * width;
    const float start = net.pooling == POOL_MAX ? -__builtin_inff() : 0.0f;
    for (int64_t i = 0; i < size; i++) net.pooled[i] = start;
    rows.visit([&](int64_t sequence, int64_t t, int64_t row) {
        const float* h = net.layer.direction[0].y + row * width;
        float* p = net.pooled + sequence * width;
        if (net.pooling == POOL_LAST) {
            if (t + 1 == net.counts[sequence]) copy(h, width, p);
        } else if (rows.counts(sequence, t)) {
            if (net.pooling == POOL_MAX)
                for (int64_t u = 0; u < width; u++) p[u] = larger(p[u], h[u]);
            else
                for (int64_t u = 0; u < width; u++) p[u] += h[u];
        }
    });
    for (int64_t sequence = 0; sequence < net.layer.batch; sequence++) {
        float* p = net.pooled + sequence * width;
        const int64_t count = net.counts[sequence];
        for (int64_t u = 0; u < width; u++) {
            if (net.pooling == POOL_MEAN) p[u] /= (float)max(1, count);
            if (net.pooling == POOL_MAX && net.beyond[sequence]) p[u] = larger(p[u], 0.0f);
            if (net.pooling == POOL_MAX && !count) p[u] = 0.0f;
        }
    }
}

// dstates from dpooled.
void pool_backward(const Rows& rows) {
    const RecurrentNet& net = rows.net;
    const int64_t width = rows.width;
    const float* const states = net.layer.direction[0].y;
    if (net.pooling == POOL_MAX) {
        for (int64_t sequence = 0; sequence < net.layer.batch; sequence++)
            for (int64_t u = 0; u < width; u++) {
                const int64_t i = sequence * width + u;
                net.ties[i] = net.pooled[i] == 0.0f ? (float)net.beyond[sequence] : 0.0f;
            }
        rows.visit([&](int64_t sequence, int64_t t, int64_t row) {
            const float *h = states + row * width, *p = net.pooled + sequence * width;
            float* ties = net.ties + sequence * width;
            if (rows.counts(sequence, t))
                for (int64_t u = 0; u < width; u++) ties[u] += h[u] == p[u] ? 1.0f : 0.0f;
        });
    }
    rows.visit([&](int64_t sequence, int64_t t, int64_t row) {
        const int64_t first = sequence * width, count = net.counts[sequence];
        const float *h = states + row * width, *p = net.pooled + first, *d = net.dpooled + first;
        const float* ties = net.ties + first;
        float* to = net.dstates + row * width;
        const bool has_gradient =
            net.pooling == POOL_LAST ? t + 1 == count : rows.counts(sequence, t);
        if (!has_gradient)
            for (int64_t u = 0; u < width; u++) to[u] = 0.0f;
        else if (net.pooling == POOL_MAX)
            for (int64_t u = 0; u < width; u++) to[u] = h[u] == p[u] ? d[u] / ties[u] : 0.0f;
        else
            for (int64_t u = 0; u < width; u++)
                to[u] = net.pooling == POOL_MEAN ? d[u] / (float)count : d[u];
    });
}

// The linear layer on what dropout left.
struct Head {
    Dense dense;
    DenseLayer layer;
};

Head head_of(const RecurrentNet& net) {
    const Layer& layer = net.layer;
    const bool is_large =
        layer.batch * net.head.features * net.head.units >= PARALLEL_PRODUCTS;
    Head head{{}, net.head};
    head.dense.rows = layer.batch;
    head.dense.layers = 1;
    head.dense.x = net.keep_threshold ? net.dropped : net.pooled;
    head.dense.dy = net.dy;
    head.dense.threads = is_large ? net.max_threads : 1;
    head.dense.parallel_for = layer.parallel_for;
    return head;
}

// dpooled = mask * (dy W).
void head_backward(const RecurrentNet& net, int64_t width) {
    const int64_t outputs = net.head.units;
    for (int64_t sequence = 0; sequence < net.layer.batch; sequence++) {
        float* to = net.dpooled + sequence * width;
        const float* dy = net.dy + sequence * outputs;
        for (int64_t u = 0; u < width; u++) to[u] = 0.0f;
        for (int64_t output = 0; output < outputs; output++)
            for (int64_t u = 0; u < width; u++)
                to[u] += dy[output] * net.head.w[output * width + u];
        for (int64_t u = 0; net.keep_threshold && u < width; u++)
            to[u] *= net.mask[sequence * width + u];
    }
}

// The loss of the outputs, a mean, and doutputs, its gradient; false where a class does
// not exist.
bool loss_and_gradient(const RecurrentNet& net) {
    const int64_t outputs = net.head.units, batch = net.layer.batch, size = batch * outputs;
    const float *y = net.head.y, scale = 1.0f / (float)size;
    double total = 0;
    if (net.loss_kind == CROSS_ENTROPY) {
        for (int64_t row = 0; row < batch; row++, y += outputs) {
            const int64_t target = net.class_targets[row];
            float *d = net.doutputs + row * outputs, maximum = y[0];
            if (target < 0 || target >= outputs) return false;
            for (int64_t k = 1; k < outputs; k++) maximum = larger(maximum, y[k]);
            double sum = 0;
            for (int64_t k = 0; k < outputs; k++) sum += d[k] = std::exp(y[k] - maximum);
            total += std::log(sum) + maximum - y[target];
            for (int64_t k = 0; k < outputs; k++)
                d[k] = (d[k] / (float)sum - (k == target ? 1.0f : 0.0f)) / (float)batch;
        }
        *net.loss = (float)(total / (double)batch);
        return true;
    }
    for (int64_t i = 0; i < size; i++) {
        const float target = net.targets ? net.targets[i] : (float)net.class_targets[i];
        if (net.loss_kind == SQUARED_ERROR) {
            const float error = y[i] - target;
            total += error * error;
            net.doutputs[i] = 2.0f * error * scale;
        } else {
            const float e = std::exp(-std::fabs(y[i]));
            total += larger(y[i], 0.0f) - y[i] * target + std::log1p(e);
            net.doutputs[i] = ((y[i] < 0.0f ? e : 1.0f) / (1.0f + e) - target) * scale;
        }
    }
    *net.loss = (float)(total / (double)size);
    return true;
}

// The gradient of the table, in the rows of the tokens of this batch; those of the
// batch before become 0.
void table_gradient(const RecurrentNet& net, const Layer& layer) {
    const int64_t features = layer.features, bytes = features * sizeof(float);
    int64_t* const tokens = net.written + 1;
    for (int64_t row = 0; row < net.written[0]; row++)
        std::memset(net.dtable + tokens[row] * features, 0, bytes);
    net.written[0] = layer.rows;
    std::memcpy(tokens, net.tokens, layer.rows * sizeof(int64_t));
    for (int64_t row = 0; row < layer.rows; row++) {
        if (tokens[row] == net.padding_id) continue;
        float* to = net.dtable + tokens[row] * features;
        for (int64_t d = 0; d < layer.directions; d++) {
            const float* from = net.dinput[d] + row * features;
            for (int64_t k = 0; k < features; k++) to[k] += from[k];
        }
    }
}

}  // namespace

// Computes the outputs.
int64_t recurrent_net_forward(const RecurrentNet* net) {
    const ScopedFlushDenormals flush;
    const Rows rows{*net};
    find_rows(rows);
    if (!read_inputs(rows)) return UNKNOWN_ID;
    const Layer layer = with_rows(*net);
    recurrent_forward(&layer);
    pool(rows);
    const int64_t size = layer.batch * rows.width;
    if (net->keep_threshold) {
        draw_mask(net->mask, net->keep_threshold, size, 0, net->random_key);
        for (int64_t i = 0; i < size; i++) net->dropped[i] = net->pooled[i] * net->mask[i];
    }
    const Head head = head_of(*net);
    dense_forward(&head.dense);
    if (net->variables) add_last_values(rows);
    return DONE;
}

// Computes the gradients of all weights from that of the outputs, after one forward.
void recurrent_net_backward(const RecurrentNet* net) {
    const ScopedFlushDenormals flush;
    const Rows rows{*net};
    const Head head = head_of(*net);
    dense_backward(&head.dense);
    head_backward(*net, rows.width);
    pool_backward(rows);
    const Layer layer = with_rows(*net);
    recurrent_backward(&layer);
    if (net->dtable) table_gradient(*net, layer);
}

// Computes the outputs, their loss and the gradients of all weights.
int64_t recurrent_net_step(const RecurrentNet* net) {
    const ScopedFlushDenormals flush;
    const int64_t status = recurrent_net_forward(net);
    if (status != DONE) return status;
    if (!loss_and_gradient(*net)) return UNKNOWN_CLASS;
    RecurrentNet with_gradient = *net;
    with_gradient.dy = net->doutputs;
    recurrent_net_backward(&with_gradient);
    return DONE;
}

}  // namespace KISSIPO_ISA
