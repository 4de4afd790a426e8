// The C interface of the kernels: the structs that Python fills and the table of
// functions. Every field has eight bytes, so that Python packs a struct with one
// struct.pack.
//
// Recurrent layers count rows in packed order, as torch's PackedSequence does: step t
// has the rows offsets[t] .. offsets[t + 1], one for each sequence of at least t + 1
// steps, and the longest sequence comes first. With equal lengths all steps have
// equally many rows.
#pragma once
#include <cstdint>

extern "C" {

enum Cell : int64_t { RNN_TANH = 0, RNN_RELU = 1, LSTM = 2, GRU = 3 };

typedef void (*RangeFunction)(int64_t begin, int64_t end, void* context);
typedef int32_t (*ParallelFor)(
    int64_t begin, int64_t end, int64_t grain, RangeFunction function, void* context);

// One direction of a recurrent layer. Weights and biases have torch's layout. Where the
// layer has ids, w_ih is the table of input parts, and dw_ih is its gradient.
struct Direction {
    int64_t reverse;
    const float *w_ih, *w_hh, *b_ih, *b_hh;  // biases may be null
    const float *h0, *c0;      // (batch, unit); null: zeros
    float *hn, *cn;            // (batch, unit)
    float *y;                  // (row, unit); the distance between rows is y_stride
    void *gates;               // (row, gate, unit), float or bfloat16: activated gates, which
                               // backward replaces by gradients; null: not saved
    float *cells;              // (row, unit), LSTM; null: not saved
    const float *dy;           // has the layout of y; null: zeros
    const float *dhn, *dcn;    // (batch, unit); null: zeros
    float *dh0, *dc0;          // (batch, unit); null: not needed
    float *dx;                 // (row, feature); null: not needed
    float *dw_ih, *dw_hh;      // null: not needed
    float *db_ih, *db_hh;      // null: not needed
};

struct Layer {
    int64_t cell, features, units, steps, batch, rows;
    const int64_t* offsets;    // (steps + 1)
    const int64_t* starts;     // (sequence): the row of its step 0 in x, y, dy, dx and ids;
                               // null: these tensors are in packed order
    int64_t time_stride;       // rows between two steps of a sequence in these tensors
    const float* x;            // (row, feature)
    const int64_t* ids;        // (row): the row of the table (token, gate, unit) that has its
                               // input parts, biases b_ih included; null: x is read
    int64_t tokens;            // rows of the table; features is 0 then
    int64_t y_stride;
    int64_t directions, threads;
    ParallelFor parallel_for;
    Direction direction[2];
};

// A layer for inference, whose packed weights are kept from call to call.
struct PackedLayer {
    Layer layer;
    float* packed[2];          // of each direction, memory
    uint32_t* signature[2];    // (SIGNATURE_NUMBERS): of the weights that are packed, memory
};
constexpr int64_t SIGNATURE_NUMBERS = 129;  // the last one: whether there are packed weights

// Layers on top of each other, each reading the outputs of the one before. What the
// fields of Inference say replaces the fields of its layers.
struct Inference {
    const float* x;            // of the first layer
    float* y;                  // of the last layer
    float *hn, *cn;            // (layer, direction, batch, unit)
    int64_t threads, layers;
    // The layers follow the struct in memory.
    const PackedLayer* layer() const { return reinterpret_cast<const PackedLayer*>(this + 1); }
};

// One linear layer, with relu and dropout behind it where they are asked for.
struct DenseLayer {
    int64_t features, units, relu;
    int64_t keep_threshold;    // dropout keeps a value with probability keep_threshold / 2^32;
                               // 0: there is no dropout
    const float *w, *b;        // (unit, feature) and (unit), torch's layout; b may be null
    float* mask;               // (row, unit): factors of dropout, drawn anew in forward
    float* y;                  // (row, unit): after relu and dropout
    float *dw, *db;            // null: not needed
};

// A chain of linear layers.
struct Dense {
    int64_t rows, layers;
    const float* x;            // (row, feature)
    const float* dy;           // (row, unit) of the last layer
    float* workspace;          // 2 x (row, unit of the widest layer), for backward
    int64_t random_key;        // of dropout
    int64_t threads;
    ParallelFor parallel_for;
    // The layers follow the struct in memory.
    const DenseLayer* layer() const { return reinterpret_cast<const DenseLayer*>(this + 1); }
};

enum Pooling : int64_t { POOL_LAST = 0, POOL_MAX = 1, POOL_MEAN = 2 };
enum Loss : int64_t { BINARY_CROSS_ENTROPY = 0, SQUARED_ERROR = 1, CROSS_ENTROPY = 2 };
enum Status : int64_t { DONE = 0, UNKNOWN_ID = 1, UNKNOWN_CLASS = 2 };

// A small recurrent net: an embedding of ids, or numbers; one recurrent layer; its
// pooling over time, with dropout; and one linear layer. recurrent_net.cpp has the
// formulas. Forward fills what is marked as memory, and backward reads it.
struct RecurrentNet {
    const int64_t* ids;        // (batch, step); null: values are read
    const float* values;       // (batch, step, feature)
    int64_t random_key;        // of dropout
    const float* dy;           // (batch, output), for backward
    int64_t loss_kind;
    const float* targets;      // (batch, output), for a step; null: class_targets are read
    const int64_t* class_targets;  // (batch, output), or (batch) for CROSS_ENTROPY
    float* loss;               // (1)
    int64_t max_threads;       // for as much work as is worth them
    const float* table;        // (token, feature): the embedding
    float* dtable;             // its gradient; null: not needed
    int64_t table_rows;
    int64_t padding_id;        // the token without a gradient; -1: there is none
    int64_t padded;            // whether steps whose id or first feature is 0 do not count
    int64_t variables;         // of a window that is relative to its last step, whose
                               // values are subtracted from all steps; 0: it is not
    int64_t answered;          // how many of them are outputs, at each step of the horizon
    const int64_t* answered_variables;
    int64_t pooling;
    int64_t keep_threshold;    // of dropout, as in DenseLayer
    int64_t *order, *lengths, *counts, *beyond;  // (batch), memory
    int64_t* offsets;          // (steps + 1), memory: of Layer
    int64_t* tokens;           // (row), memory: the ids in packed order
    int64_t* written;          // (1 + row), memory: how many rows of dtable are not zero, and
                               // their tokens
    float* doutputs;           // (batch, output), memory: dy in a step
    float *pooled, *mask, *dropped;  // (batch, width), memory; the last two with dropout
    float *dpooled, *ties;     // (batch, width), memory
    float* dinput[2];          // (row, feature), memory: dx of each direction
    float* dstates;            // (row, width), memory: dy of the layer
    DenseLayer head;
    Layer layer;               // rows, steps and threads are set here; x, y, gates and cells
                               // are memory, in packed order
};

// The weights w, their gradient g and Adam's moments m and v, of one tensor.
struct AdamTensor {
    int64_t count;
    float *w, *m, *v;
    const float* g;
};

// One step of Adam: correction1 = 1 - beta1^step, correction2 = 1 - beta2^step.
struct Adam {
    int64_t tensors;
    int64_t decoupled;         // weight decay as in AdamW
    double learning_rate, beta1, beta2, epsilon, weight_decay, correction1, correction2;
    int64_t threads;
    ParallelFor parallel_for;
    // The tensors follow the struct in memory.
    const AdamTensor* tensor() const { return reinterpret_cast<const AdamTensor*>(this + 1); }
};

// One step of RMSprop: v = alpha v + (1 - alpha) g^2, w -= learning_rate g / (sqrt(v) +
// epsilon). The tensors are those of Adam without m.
struct RmsProp {
    int64_t tensors;
    double learning_rate, alpha, epsilon, weight_decay;
    int64_t threads;
    ParallelFor parallel_for;
    // The tensors follow the struct in memory.
    const AdamTensor* tensor() const { return reinterpret_cast<const AdamTensor*>(this + 1); }
};

// Steps of word2vec over blocks of a corpus; word_vectors.cpp has the formulas.
struct WordVectors {
    int64_t words, dim;
    float *input, *output;     // (word, dim): the vectors, and the weights of the targets
    int64_t blocks;
    const int64_t* offsets;    // (blocks + 1): the first token of each block
    const int64_t* keys;       // (block): of its random numbers
    const int32_t* tokens;     // ids of words; -1: a sentence ends
    int64_t context;           // words on each side, at most
    int64_t cbow;              // whether the mean of the context predicts; else each word does
    int64_t negative;          // drawn words per window; 0: hierarchical softmax
    const int64_t* keep;       // (word): kept with probability keep / 2^32; null: always
    const int64_t* alias_limits;  // (word): the share of a slot that is its own, of 2^32
    const int64_t* alias_rows;    // (word): whose the rest of the slot is
    const int64_t* path_offsets;  // (words + 1): the path of each word in the Huffman tree
    const int64_t* path_nodes;    // the inner nodes of all paths, from the root
    const int64_t* path_codes;    // 0 or 1: the branch that is taken at each of them
    double* losses;            // (block, 2): the sum of losses, and of how many predictions
    double learning_rate;
    int64_t threads;
    ParallelFor parallel_for;
};

// The functions that are compiled for one instruction set.
struct Kernels {
    const char* name;
    int64_t unit_block;        // units are padded to its multiples: the floats of a vector, or two
    int64_t packed_values;     // values of a 32-bit operand: 2 where products take bfloat16
                               // and gates are saved as bfloat16, else 1
    void (*forward)(const Layer*);
    void (*backward)(const Layer*);  // replaces the gates by their gradients
    void (*dense_forward)(const Dense*);
    void (*dense_backward)(const Dense*);
    void (*adam)(const Adam*);
    void (*word_vectors)(const WordVectors*);
    int64_t (*recurrent_net_forward)(const RecurrentNet*);  // these two return a Status
    int64_t (*recurrent_net_step)(const RecurrentNet*);
    void (*recurrent_net_backward)(const RecurrentNet*);
    void (*rmsprop)(const RmsProp*);
    void (*recurrent_infer)(const Inference*);
    int64_t (*packed_floats)(const Layer*);  // the size of PackedLayer.packed[0]
};

// The table of the named instruction set, or null; the second also where this machine
// does not have it.
const Kernels* kissipo_kernels(const char* name);
const Kernels* kissipo_built_kernels(const char* name);
}
