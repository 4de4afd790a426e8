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

// The rows of one window in memory of its own, and the sums over their pairs.
class Window {
    const WordVectors& task;
    const int64_t stride;
    Array<float> inputs, outputs, scores, gradients;

  public:
    double loss = 0;
    int64_t predictions = 0;

    Window(const WordVectors& task, int64_t max_inputs, int64_t max_targets)
        : task(task), stride(padded(task.dim)), inputs(max_inputs * stride),
          outputs(max_targets * stride), scores(max_inputs * max_targets + LANES),
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

    // The products of all pairs, LANES pairs at a time: their sums become one vector.
    void score(int64_t rows, int64_t targets) {
        const int64_t pairs = rows * targets;
        for (int64_t first = 0; first < pairs; first += LANES) {
            Vec sums[LANES] = {};
            for (int64_t lane = 0; lane < min(LANES, pairs - first); lane++) {
                const float* x = inputs.data + (first + lane) / targets * stride;
                const float* y = outputs.data + (first + lane) % targets * stride;
                for (int64_t k = 0; k < stride; k += LANES) sums[lane] += load(x + k) * load(y + k);
            }
            transpose(sums);
            Vec total{};
            for (int lane = 0; lane < LANES; lane++) total += sums[lane];
            store(scores.data + first, total);
        }
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
        for (int64_t t = 0; t < targets.count; t++) {
            float* row = task.output + targets.rows[t] * task.dim;
            const float* factors = gradients.data + t;
            for (int64_t k = 0; k < task.dim; k += LANES) {
                Vec sum{};
                for (int64_t c = 0; c < rows; c++) {
                    const Vec factor = broadcast(factors[c * targets.count]);
                    sum += factor * load(inputs.data + c * stride + k);
                }
                const int64_t left = task.dim - k;
                store(row + k, load(row + k, left) + sum, left);
            }
        }
    }

    void change_inputs(const int32_t* context, int64_t count, int64_t rows, int64_t targets) {
        const Vec share = broadcast(task.cbow ? 1.0f / (float)count : 1.0f);
        for (int64_t c = 0; c < rows; c++) {
            const float* factors = gradients.data + c * targets;
            for (int64_t k = 0; k < task.dim; k += LANES) {
                Vec sum{};
                for (int64_t t = 0; t < targets; t++)
                    sum += broadcast(factors[t]) * load(outputs.data + t * stride + k);
                const int64_t left = task.dim - k;
                for (int64_t id = c; id < (task.cbow ? count : c + 1); id++) {
                    float* row = task.input + context[id] * task.dim + k;
                    store(row, load(row, left) + share * sum, left);
                }
            }
        }
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
