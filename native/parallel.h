// Jobs on torch's threads: run_jobs calls job(0), job(1) ... job(jobs - 1). Rounds are
// jobs that wait for each other.
#pragma once
#if defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <sched.h>
#endif

#include <cstdlib>

#include "array.h"
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
    else if (parallel_for(0, jobs, 1, run_range, context))
        std::abort();  // a job threw, for want of memory
}

// Reports to the processor that this thread waits.
inline void pause_briefly() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");  // yield would take no time
#endif
}

// Lets another thread have the core.
inline void yield_core() {
#if defined(_WIN32)
    SwitchToThread();
#else
    sched_yield();
#endif
}

// Work of several workers in rounds: each has its share of every round, and no round
// begins before the one before has ended. Where a worker has not come yet, or the
// system has stopped it, another one does its share. So the workers need not run at the
// same time, and no round waits for the start of a thread.
class Rounds {
    struct alignas(64) Share {  // in a cache line of its own
        int64_t has_come;       // whether its worker is here; a hint
        int64_t begun, ended;   // the numbers of rounds
    };
    static constexpr int LONG_WAIT = 4096;  // pauses, 10 to 150 microseconds
    const Array<Share> shares;

  public:
    explicit Rounds(int64_t workers) : shares(workers) {}

    class Worker {
        const Rounds& rounds;
        const int64_t own;
        int64_t round = 0;

        Share& share(int64_t index) const { return rounds.shares.data[index]; }

        // Begins a share of this round; false where another worker has begun it.
        bool begin(int64_t index) const {
            int64_t before = round;
            return __atomic_compare_exchange_n(&share(index).begun, &before, round + 1, false,
                                               __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        }
        // Begins the share of a worker that is late, as soon as there is one. Returns
        // its index, or -1 when the round has ended.
        int64_t wait() const {
            for (int pauses = 0;; pauses++) {
                const bool is_long = pauses >= LONG_WAIT;
                int64_t ended = 0;
                for (int64_t index = 0; index < rounds.shares.size; index++) {
                    Share& other = share(index);
                    if (__atomic_load_n(&other.ended, __ATOMIC_ACQUIRE) > round) {
                        ended++;
                        continue;
                    }
                    if (!is_long && __atomic_load_n(&other.has_come, __ATOMIC_RELAXED)) continue;
                    if (!begin(index)) continue;
                    __atomic_store_n(&other.has_come, 0, __ATOMIC_RELAXED);
                    return index;
                }
                if (ended == rounds.shares.size) return -1;
                if (is_long) yield_core();
                else pause_briefly();
            }
        }

      public:
        Worker(const Rounds& rounds, int64_t index) : rounds(rounds), own(index) {}
        bool is_first() const { return own == 0; }

        // A round of `count` items: f(first, last) computes those of one worker, which
        // are always the same. Returns after the end of the round.
        template <class F>
        void divide(int64_t count, const F& f) {
            const int64_t workers = rounds.shares.size;
            const bool is_alone = workers == 1;
            if (!is_alone) __atomic_store_n(&share(own).has_come, 1, __ATOMIC_RELAXED);
            int64_t index = is_alone || begin(own) ? own : wait();
            while (index >= 0) {
                f(count * index / workers, count * (index + 1) / workers);
                if (is_alone) break;
                __atomic_store_n(&share(index).ended, round + 1, __ATOMIC_RELEASE);
                index = wait();
            }
            round++;
        }
    };
};

}  // namespace
}  // namespace KISSIPO_ISA
