// Adam and AdamW in one pass over all weights, in the order of torch.optim.Adam.
//
// m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2
// w -= learning_rate / correction1 * m / (sqrt(v / correction2) + epsilon)
//
// Adam adds weight_decay * w to g; AdamW first multiplies w by
// 1 - learning_rate * weight_decay.
#include "tiles.h"

namespace KISSIPO_ISA {
namespace {

constexpr int64_t JOB_WEIGHTS = 16384;

// One step for the weights first .. last - 1 of a tensor.
void step_range(const Adam& adam, const AdamTensor& tensor, int64_t first, int64_t last) {
    const Vec step_size = broadcast((float)(adam.learning_rate / adam.correction1));
    const Vec inverse_root = broadcast((float)(1.0 / std::sqrt(adam.correction2)));
    const Vec epsilon = broadcast((float)adam.epsilon);
    const Vec shrink = broadcast((float)(1.0 - adam.learning_rate * adam.weight_decay));
    const Vec one_minus_beta1 = broadcast((float)(1.0 - adam.beta1));
    const Vec beta2 = broadcast((float)adam.beta2);
    const Vec one_minus_beta2 = broadcast((float)(1.0 - adam.beta2));
    const Vec weight_decay = broadcast((float)adam.weight_decay);
    const bool shrinks = adam.weight_decay != 0.0 && adam.decoupled;
    const bool adds_to_gradient = adam.weight_decay != 0.0 && !adam.decoupled;
    for (int64_t i = first; i < last; i += LANES) {
        const int64_t left = last - i;
        Vec w = load(tensor.w + i, left), g = load(tensor.g + i, left);
        Vec m = load(tensor.m + i, left), v = load(tensor.v + i, left);
        if (shrinks) w *= shrink;
        if (adds_to_gradient) g += weight_decay * w;
        m += one_minus_beta1 * (g - m);
        v = beta2 * v + one_minus_beta2 * g * g;
        w -= step_size * m / (square_root(v) * inverse_root + epsilon);
        store(tensor.m + i, m, left);
        store(tensor.v + i, v, left);
        store(tensor.w + i, w, left);
    }
}

}  // namespace

// Divides the tensors into jobs of JOB_WEIGHTS weights.
void adam(const Adam* adam) {
    Array<int64_t> jobs;  // pairs: the tensor and its first weight
    for (int64_t tensor = 0; tensor < adam->tensors; tensor++)
        for (int64_t first = 0; first < adam->tensor()[tensor].count; first += JOB_WEIGHTS) {
            jobs.append(tensor);
            jobs.append(first);
        }
    run_jobs(adam->threads, adam->parallel_for, jobs.size / 2, [&](int64_t job) {
        const AdamTensor& tensor = adam->tensor()[jobs[2 * job]];
        const int64_t first = jobs[2 * job + 1];
        step_range(*adam, tensor, first, min(first + JOB_WEIGHTS, tensor.count));
    });
}

}  // namespace KISSIPO_ISA
