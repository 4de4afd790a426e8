// word2vec: skip-gram and CBOW, with negative sampling or hierarchical softmax.
//
// At each kept position of a block the context words C and the targets T of the center
// word meet: its own row of `output` (label 1) and the rows of the drawn negatives
// (label 0), or the inner nodes on its path of the Huffman tree (label 1 - code).
//
//   skip-gram:  x_c = input[c] for each c of C        CBOW:  x = mean of input[c]
//   p_ct = sigmoid(x_c . output[t])      g_ct = learning_rate (label_t - p_ct)
//   output[t] += sum over c of g_ct x_c  x_c += sum over t of g_ct output[t]
//
// All pairs of a window share its negatives, so that these sums are products of small
// matrices (Ji et al. 2016); both updates use the values from before the window. The
// gradient of a mean is divided by its number of words (Irsoy et al. 2021).
//
// Blocks run on several threads without locks (hogwild, Niu et al. 2011): exact
// repetition needs one thread. Each random number is a function of the key of the
// block, of the position in it and of its purpose, so that
// kissipo/process/kernels/word_vectors.py draws the same ones.
#include "tiles.h"

namespace KISSIPO_ISA {
namespace {

constexpr int32_t SENTENCE_END = -1;

// splitmix64 (Steele et al. 2014): the number at a place of the stream of a key.
inline uint64_t random_bits(uint64_t key, uint64_t place) {
    uint64_t z = key + (place + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

// A number 0 .. limit - 1 from the upper half of random bits.
inline int64_t scaled(uint64_t bits, int64_t limit) {
    return (int64_t)((bits >> 32) * (uint64_t)limit >> 32);
}

// What subsampling keeps of a block: the words, and the random place of each.
struct KeptWords {
    Array<int32_t> words;
    Array<uint64_t> places;
    int64_t count = 0;

    KeptWords(const WordVectors& task, int64_t begin, int64_t end, uint64_t key) {
        words.resize_uninitialized(end - begin);
        places.resize_uninitialized(end - begin);
        for (int64_t position = begin; position < end; position++) {
            const int32_t id = task.tokens[position];
            const uint64_t place = (uint64_t)(position - begin) * (uint64_t)(task.negative + 2);
            if (id != SENTENCE_END && task.keep &&
                (int64_t)(random_bits(key, place) >> 32) >= task.keep[id])
                continue;
            words[count] = id;
            places[count++] = place;
        }
    }
};

// The targets of one word with their labels.
struct Targets {
    Array<int64_t> rows;
    Array<float> labels;
    int64_t count = 0;

    explicit Targets(int64_t limit) : rows(limit), labels(limit) {}

    void add(int64_t row, float label) {
        rows[count] = row;
        labels[count++] = label;
    }

    // A negative that is the word itself is left out.
    void draw(const WordVectors& task, int32_t id, uint64_t key, uint64_t place) {
        count = 0;
        if (!task.negative) {
            const int64_t end = task.path_offsets[id + 1];
            for (int64_t step = task.path_offsets[id]; step < end; step++)
                add(task.path_nodes[step], 1.0f - (float)task.path_codes[step]);
            return;
        }
        add(id, 1.0f);
        for (int64_t k = 0; k < task.negative; k++) {
            const uint64_t bits = random_bits(key, place + 2 + (uint64_t)k);
            const int64_t slot = scaled(bits, task.words);
            const bool own = (int64_t)(bits & 0xFFFFFFFFu) < task.alias_limits[slot];
            const int64_t row = own ? slot : task.alias_rows[slot];
            if (row != id) add(row, 0.0f);
        }
    }

    void prefetch(const WordVectors& task) const {
        for (int64_t t = 0; t < count; t++)
            for (int64_t k = 0; k < task.dim; k += 16)
                __builtin_prefetch(task.output + rows[t] * task.dim + k, 1);
    }
};

// The factors of the pairs (i, j), with the distances between two i and two j.
struct Factors {
    const float* data;
    int64_t stride_i, stride_j;

    float of_pair(int64_t i, int64_t j) const { return data[i * stride_i + j * stride_j]; }
};

// The rows of one window in memory of its own, and the sums over their pairs.
class Window {
    const WordVectors& task;
    const int64_t stride;
    Array<float> inputs, outputs, parts, scores, gradients;

  public:
    double loss = 0;
    int64_t predictions = 0;

    Window(const WordVectors& task, int64_t max_inputs, int64_t max_targets)
        : task(task), stride(padded(task.dim)), inputs(max_inputs * stride),
          outputs(max_targets * stride), parts((max_inputs * max_targets + LANES) * LANES),
          scores(max_inputs * max_targets + LANES),
          gradients(max_inputs * max_targets + LANES) {}

    // One step for the context words, which are `count` ids.
    void step(const int32_t* context, int64_t count, const Targets& targets) {
        if (!task.cbow) {
            for (int64_t c = 0; c < count; c++)
                copy(task.input + context[c] * task.dim, task.dim, inputs.data + c * stride);
        } else {
            average(context, count);
        }
        for (int64_t t = 0; t < targets.count; t++)
            copy(task.output + targets.rows[t] * task.dim, task.dim, outputs.data + t * stride);
        const int64_t rows = task.cbow ? 1 : count;
        score(rows, targets.count);
        find_gradients(rows, targets);
        change_outputs(rows, targets);
        change_inputs(context, count, rows, targets.count);
    }

  private:
    void average(const int32_t* context, int64_t count) {
        for (int64_t k = 0; k < task.dim; k += LANES) {
            const int64_t left = task.dim - k;
            Vec sum{};
            for (int64_t c = 0; c < count; c++)
                sum += load(task.input + context[c] * task.dim + k, left);
            store(inputs.data + k, sum * broadcast(1.0f / (float)count));
        }
    }

    // The products of all pairs: LANES sums of each pair by tiles, which become one
    // vector for LANES pairs.
    void score(int64_t rows, int64_t targets) {
        for (int64_t c = 0; c < rows; c += TILE_ROWS)
            for (int64_t t = 0; t < targets; t += TILE_VECTORS)
                static_dispatch<TILE_ROWS>(rows - c, [&](auto tile_rows) {
                    static_dispatch<TILE_VECTORS>(targets - t, [&](auto tile_targets) {
                        score_tile<tile_rows, tile_targets>(c, t, targets);
                    });
                });
        const int64_t pairs = rows * targets;
        for (int64_t first = 0; first < pairs; first += LANES) {
            Vec sums[LANES], total{};
            static_for<LANES>(
                [&](auto lane) INLINE { sums[lane] = load(parts.data + (first + lane) * LANES); });
            transpose(sums);
            static_for<LANES>([&](auto lane) INLINE { total += sums[lane]; });
            store(scores.data + first, total);
        }
    }

    template <int ROWS, int TARGETS>
    void score_tile(int64_t c, int64_t t, int64_t targets) {
        const float *x = inputs.data + c * stride, *y = outputs.data + t * stride;
        Vec sums[ROWS][TARGETS] = {};
        for (int64_t k = 0; k < stride; k += LANES)
            static_for<ROWS>([&](auto row) INLINE {
                const Vec value = load(x + row * stride + k);
                static_for<TARGETS>([&](auto target) INLINE {
                    sums[row][target] += value * load(y + target * stride + k);
                });
            });
        static_for<ROWS>([&](auto row) INLINE {
            static_for<TARGETS>([&](auto target) INLINE {
                store(parts.data + ((c + row) * targets + t + target) * LANES, sums[row][target]);
            });
        });
    }

    // The factors of the updates, and the loss -log p of the labels: the logarithm of
    // the product of a window, which is above 1e-300 as no factor is below e^-16.
    void find_gradients(int64_t rows, const Targets& targets) {
        const int64_t pairs = rows * targets.count;
        for (int64_t first = 0; first < pairs; first += LANES) {
            Vec p[1] = {load(scores.data + first)};
            sigmoid_inplace(p);
            store(gradients.data + first, p[0]);
        }
        double product = 1;
        for (int64_t c = 0; c < rows; c++) {
            float* row = gradients.data + c * targets.count;
            for (int64_t t = 0; t < targets.count; t++) {
                const float label = targets.labels[t], p = row[t];
                const float right = label > 0.5f ? p : 1.0f - p;
                product *= right > 1e-7f ? right : 1e-7f;
                row[t] = (float)task.learning_rate * (label - p);
            }
            if (product < 1e-150) {
                loss -= std::log(product);
                product = 1;
            }
        }
        loss -= std::log(product);
        predictions += rows;
    }

    // The same row may stand several times among the targets, or among the context.
    void change_outputs(int64_t rows, const Targets& targets) {
        const Factors factors{gradients.data, 1, targets.count};
        sum_products(targets.count, rows, factors, inputs.data, [&](int64_t t, int64_t k, Vec sum) {
            add(task.output + targets.rows[t] * task.dim, k, sum);
        });
    }

    void change_inputs(const int32_t* context, int64_t count, int64_t rows, int64_t targets) {
        const Vec share = broadcast(task.cbow ? 1.0f / (float)count : 1.0f);
        const Factors factors{gradients.data, targets, 1};
        sum_products(rows, targets, factors, outputs.data, [&](int64_t c, int64_t k, Vec sum) {
            for (int64_t id = c; id < (task.cbow ? count : c + 1); id++)
                add(task.input + context[id] * task.dim, k, share * sum);
        });
    }

    void add(float* row, int64_t k, Vec change) const {
        const int64_t left = task.dim - k;
        store(row + k, load(row + k, left) + change, left);
    }

    // Calls use(i, k, sum over j of factor_ij from[j][k ... k + LANES - 1]) for each i
    // and every vector at k.
    template <class Use>
    void sum_products(int64_t rows, int64_t count, Factors factors, const float* from,
                      const Use& use) const {
        for (int64_t k = 0; k < task.dim; k += TILE_VECTORS * LANES)
            for (int64_t i = 0; i < rows; i += TILE_ROWS)
                static_dispatch<TILE_VECTORS>(ceil_div(task.dim - k, LANES), [&](auto vectors) {
                    static_dispatch<TILE_ROWS>(rows - i, [&](auto tile_rows) {
                        sum_tile<tile_rows, vectors>(i, k, count, factors, from, use);
                    });
                });
    }

    template <int ROWS, int VECTORS, class Use>
    void sum_tile(int64_t i, int64_t k, int64_t count, Factors factors, const float* from,
                  const Use& use) const {
        Vec sums[ROWS][VECTORS] = {};
        for (int64_t j = 0; j < count; j++)
            static_for<ROWS>([&](auto row) INLINE {
                const Vec factor = broadcast(factors.of_pair(i + row, j));
                static_for<VECTORS>([&](auto vector) INLINE {
                    sums[row][vector] += factor * load(from + j * stride + k + vector * LANES);
                });
            });
        static_for<ROWS>([&](auto row) INLINE {
            static_for<VECTORS>([&](auto vector) INLINE {
                use(i + row, k + vector * LANES, sums[row][vector]);
            });
        });
    }
};

// The longest path of the Huffman tree, or the number of targets with negatives.
int64_t max_targets(const WordVectors& task) {
    if (task.negative) return task.negative + 1;
    int64_t longest = 1;
    for (int64_t id = 0; id < task.words; id++)
        longest = max(longest, task.path_offsets[id + 1] - task.path_offsets[id]);
    return longest;
}

void train_block(const WordVectors& task, int64_t block, int64_t limit) {
    const uint64_t key = (uint64_t)task.keys[block];
    const KeptWords block_words(task, task.offsets[block], task.offsets[block + 1], key);
    Window window(task, task.cbow ? 1 : 2 * task.context, limit);
    Array<int32_t> context(2 * task.context);
    Targets now(limit), next(limit);
    Targets *current = &now, *following = &next;
    if (block_words.count && block_words.words[0] != SENTENCE_END)
        current->draw(task, block_words.words[0], key, block_words.places[0]);
    for (int64_t center = 0; center < block_words.count; center++) {
        if (center + 1 < block_words.count && block_words.words[center + 1] != SENTENCE_END) {
            const uint64_t place = block_words.places[center + 1];
            following->draw(task, block_words.words[center + 1], key, place);
            following->prefetch(task);
        }
        if (block_words.words[center] != SENTENCE_END) {
            const uint64_t bits = random_bits(key, block_words.places[center] + 1);
            const int64_t reach = 1 + scaled(bits, task.context);
            int64_t count = 0, first = center, last = center;
            while (first > 0 && center - first < reach &&
                   block_words.words[first - 1] != SENTENCE_END)
                first--;
            while (last + 1 < block_words.count && last - center < reach &&
                   block_words.words[last + 1] != SENTENCE_END)
                last++;
            for (int64_t position = first; position <= last; position++)
                if (position != center) context[count++] = block_words.words[position];
            if (count) window.step(context.data, count, *current);
        }
        Targets* free = current;
        current = following;
        following = free;
    }
    task.losses[2 * block] = window.loss;
    task.losses[2 * block + 1] = (double)window.predictions;
}

}  // namespace

void word_vectors(const WordVectors* task) {
    const int64_t limit = max_targets(*task);
    run_jobs(task->threads, task->parallel_for, task->blocks,
             [&](int64_t block) { train_block(*task, block, limit); });
}

}  // namespace KISSIPO_ISA
