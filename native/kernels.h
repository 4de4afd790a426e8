// The kernels: what Python hands over. Every field has eight bytes, so that Python fills it with one struct.pack.
//
// Recurrent layers: rows stand in packed order, as in torch's PackedSequence: step t holds the rows offsets[t] .. offsets[t + 1], one for each
// sequence that is at least t + 1 long, the longest sequence first. Equal lengths are the special case of equal steps.
#pragma once
#include <cstdint>

extern "C" {

enum Cell : int64_t { RNN_TANH = 0, RNN_RELU = 1, LSTM = 2, GRU = 3 };

typedef int32_t (*ParallelFor)(int64_t begin, int64_t end, int64_t grain, void (*part)(int64_t, int64_t, void*), void* with);

struct Direction {
    int64_t reverse;
    const float *w_ih, *w_hh, *b_ih, *b_hh;  // as torch lays them; biases may be null; with ids w_ih is the table, dw_ih its gradient
    const float *h0, *c0;           // (batch, unit); null: zeros
    float *hn, *cn;                 // (batch, unit)
    float *y;                       // (row, unit), rows `stride` apart
    void *gates;                    // (row, plane, unit): activated gates, later their gradients, floats or halves; null: nothing is kept
    float *cells;                   // (row, unit), LSTM; null: nothing is kept
    const float *dy;                // as y; null: zeros
    const float *dhn, *dcn;         // (batch, unit); null: zeros
    float *dh0, *dc0;               // (batch, unit); null: not wanted
    float *dx;                      // (row, feature); null: not wanted
    float *dw_ih, *dw_hh;           // as torch lays them; null: not wanted
    float *db_ih, *db_hh;
};

struct Layer {
    int64_t cell, features, units, steps, batch, rows;
    const int64_t* offsets;         // steps + 1
    const int64_t* first;           // (sequence): where its step 0 stands in x, y, dy, dx and ids; null: rows stand in packed order
    int64_t apart;                  // how far the steps of a sequence stand apart there
    const float* x;                 // (row, feature)
    const int64_t* ids;             // (row): which row of a table (token, gate, unit) its input parts are, biases b_ih included; null: x
    int64_t tokens;                 // of the table; there are no features then
    int64_t stride;
    int64_t directions, threads;
    ParallelFor parallel_for;
    Direction direction[2];
};

// Linear layers one after the other, each perhaps with relu and dropout behind it.
struct DenseLayer {
    int64_t features, units, relu;
    int64_t keep;                   // dropout keeps a value with chance keep / 2^32; 0: there is no dropout
    const float *w, *b;             // (unit, feature) as torch lays it; (unit), may be null
    float* mask;                    // (row, unit): what dropout multiplies by, drawn anew in forward
    float* y;                       // (row, unit): after relu and dropout
    float *dw, *db;                 // null: not wanted
};

struct Dense {
    int64_t rows, layers;
    const float* x;                 // (row, feature)
    const float* dy;                // (row, unit) of the last layer
    float* room;                    // 2 x (row, widest layer), for backward
    int64_t key;                    // of the dice of dropout
    int64_t threads;
    ParallelFor parallel_for;
    const DenseLayer* layer() const { return reinterpret_cast<const DenseLayer*>(this + 1); }  // they follow
};

// One step of Adam over many tensors; correction1 = 1 - beta1^step, correction2 = 1 - beta2^step.
struct AdamPart {
    int64_t count;
    float *w, *m, *v;
    const float* g;
};

struct Adam {
    int64_t parts, decoupled;       // decoupled: AdamW's decay
    double rate, beta1, beta2, epsilon, decay, correction1, correction2;
    int64_t threads;
    ParallelFor parallel_for;
    const AdamPart* part() const { return reinterpret_cast<const AdamPart*>(this + 1); }  // they follow
};

// For each instruction set one table of these; `kissipo_kernels` gives the table of the named set, or null.
struct Kernels {
    const char* name;
    int64_t lanes, word;            // of a vector; numbers of a word: 2 where products take halves and gates are kept as such
    void (*forward)(const Layer*);
    void (*backward)(const Layer*);  // gates become their gradients
    void (*dense_forward)(const Dense*);
    void (*dense_backward)(const Dense*);
    void (*adam)(const Adam*);
};

const Kernels* kissipo_kernels(const char* name);
}
