// RMSprop without momentum, in the order of torch.optim.RMSprop.
//
// v = alpha v + (1 - alpha) g^2;  w -= learning_rate g / (sqrt(v) + epsilon)
//
// weight_decay * w is first added to g.
#include "tiles.h"

namespace KISSIPO_ISA {

// Divides the tensors into jobs of JOB_WEIGHTS weights.
void rmsprop(const RmsProp* rmsprop) {
    constexpr int64_t JOB_WEIGHTS = 16384;
    const Vec learning_rate = broadcast((float)rmsprop->learning_rate);
    const Vec alpha = broadcast((float)rmsprop->alpha);
    const Vec one_minus_alpha = broadcast((float)(1.0 - rmsprop->alpha));
    const Vec epsilon = broadcast((float)rmsprop->epsilon);
    const Vec weight_decay = broadcast((float)rmsprop->weight_decay);
    for (int64_t i = 0; i < rmsprop->tensors; i++) {
        const AdamTensor& tensor = rmsprop->tensor()[i];
        const int64_t jobs = ceil_div(tensor.count, JOB_WEIGHTS);
        run_jobs(rmsprop->threads, rmsprop->parallel_for, jobs, [&](int64_t job) {
            const int64_t last = min((job + 1) * JOB_WEIGHTS, tensor.count);
            for (int64_t position = job * JOB_WEIGHTS; position < last; position += LANES) {
                const int64_t left = last - position;
                Vec w = load(tensor.w + position, left), g = load(tensor.g + position, left);
                Vec v = load(tensor.v + position, left);
                if (rmsprop->weight_decay != 0.0) g += weight_decay * w;
                v = alpha * v + one_minus_alpha * g * g;
                w -= learning_rate * g / (square_root(v) + epsilon);
                store(tensor.v + position, v, left);
                store(tensor.w + position, w, left);
            }
        });
    }
}

}  // namespace KISSIPO_ISA
