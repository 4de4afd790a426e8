// Jobs on torch's threads: run_jobs calls job(0), job(1) ... job(jobs - 1).
#pragma once
#include "kernels.h"

namespace KISSIPO_ISA {
namespace {

// While it lives, floats below 1.2e-38 count as zero. A mean that fades over many steps
// and a gradient that passes many time steps get that small, and processors are up to a
// hundred times slower there (measured: 30 of 336 microseconds of a training step on
// MNIST).
class ScopedFlushDenormals {
#if defined(__x86_64__)
    const uint32_t saved = __builtin_ia32_stmxcsr();

  public:
    ScopedFlushDenormals() { __builtin_ia32_ldmxcsr(saved | 0x8040); }
    ~ScopedFlushDenormals() { __builtin_ia32_ldmxcsr(saved); }
#elif defined(__aarch64__)
    uint64_t saved;

  public:
    ScopedFlushDenormals() {
        __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
        __asm__ volatile("msr fpcr, %0" : : "r"(saved | (1u << 24)));
    }
    ~ScopedFlushDenormals() { __asm__ volatile("msr fpcr, %0" : : "r"(saved)); }
#else
  public:
    ScopedFlushDenormals() {}
    ~ScopedFlushDenormals() {}
#endif
    ScopedFlushDenormals(const ScopedFlushDenormals&) = delete;
};

// Calls the jobs on up to `threads` threads, on the calling one where that is enough.
template <class F>
void run_jobs(int64_t threads, ParallelFor parallel_for, int64_t jobs, const F& job) {
    auto run_range = [](int64_t begin, int64_t end, void* context) {
        const ScopedFlushDenormals flush;
        for (int64_t i = begin; i < end; i++) (*static_cast<const F*>(context))(i);
    };
    void* context = const_cast<F*>(&job);
    if (jobs <= 1 || threads <= 1)
        run_range(0, jobs, context);
    else
        parallel_for(0, jobs, 1, run_range, context);
}

}  // namespace
}  // namespace KISSIPO_ISA
