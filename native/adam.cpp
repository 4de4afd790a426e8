// Adam and AdamW in one pass over everything that is learned; the sums of torch.optim.Adam in the same order.
#include "tools.h"

namespace KISSIPO_ISA {
namespace {

constexpr int64_t SHARE = 16384;  // numbers a job

void some(const Adam& adam, const AdamPart& part, int64_t first, int64_t last) {
    const Vec rate = all((float)(adam.rate / adam.correction1)), root = all((float)(1.0 / std::sqrt(adam.correction2)));
    const Vec epsilon = all((float)adam.epsilon), keep = all((float)(1.0 - adam.rate * adam.decay));
    const Vec first_new = all((float)(1.0 - adam.beta1)), beta2 = all((float)adam.beta2);
    const Vec second_new = all((float)(1.0 - adam.beta2)), decay = all((float)adam.decay);
    const bool shrinks = adam.decay != 0.0 && adam.decoupled, pulls = adam.decay != 0.0 && !adam.decoupled;
    for (int64_t at = first; at < last; at += LANES) {
        const int64_t left = last - at;
        Vec w = load(part.w + at, left), g = load(part.g + at, left), m = load(part.m + at, left), v = load(part.v + at, left);
        if (shrinks) w *= keep;
        if (pulls) g += decay * w;
        m += first_new * (g - m);
        v = beta2 * v + second_new * g * g;
        w -= rate * m / (square_root(v) * root + epsilon);
        store(part.m + at, m, left);
        store(part.v + at, v, left);
        store(part.w + at, w, left);
    }
}

}  // namespace

void adam(const Adam* adam) {
    Array<int64_t> jobs;  // the part and where it begins
    for (int64_t each = 0; each < adam->parts; each++)
        for (int64_t at = 0; at < adam->part()[each].count; at += SHARE) {
            jobs.append(each);
            jobs.append(at);
        }
    share(adam->threads, adam->parallel_for, jobs.size / 2, [&](int64_t job) {
        const AdamPart& part = adam->part()[jobs[2 * job]];
        const int64_t at = jobs[2 * job + 1];
        some(*adam, part, at, least(at + SHARE, part.count));
    });
}

}  // namespace KISSIPO_ISA
