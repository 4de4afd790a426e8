// What the kernels share: how big a tile is, memory of their own, and how work is given to torch's threads.
//
// Nothing of the standard library that could be compiled into a function of its own is used in the kernels: the linker keeps one
// copy of such a function, and it might keep the one with instructions that the machine does not know.
#pragma once
#include <new>
#include <type_traits>
#include <utility>

#include "kernels.h"
#include "vector.h"

namespace KISSIPO_ISA {
namespace {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int TILE = 6;  // rows of a tile: 6 x 4 sums + 4 weights + 1 of 32 registers
#else
constexpr int TILE = 3;
#endif
constexpr int BLOCKS = 4;  // vectors of a tile

inline int64_t padded(int64_t units) { return (units + LANES - 1) / LANES * LANES; }
inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

inline void copy(const float* from, int64_t count, float* to) { std::memcpy(to, from, count * sizeof(float)); }

template <class T>
struct Array {  // aligned, starts as zeros
    T* data;
    int64_t size;
    explicit Array(int64_t size = 0) : data(nullptr), size(0) { resize(size); }
    Array(const Array&) = delete;
    ~Array() { release(); }
    void resize(int64_t to) {
        room(to);
        std::memset(static_cast<void*>(data), 0, to * sizeof(T));
    }
    void room(int64_t to) {  // of no particular value
        release();
        data = static_cast<T*>(::operator new((to + 1) * sizeof(T), std::align_val_t(64)));
        size = to;
    }
    void append(const T& item) {
        if ((size & (size - 1)) == 0) {  // the room is the next power of two
            T* before = data;
            data = static_cast<T*>(::operator new((2 * size + 1) * sizeof(T), std::align_val_t(64)));
            std::memcpy(static_cast<void*>(data), before, size * sizeof(T));
            ::operator delete(before, std::align_val_t(64));
        }
        data[size++] = item;
    }
    T& operator[](int64_t at) { return data[at]; }
    const T& operator[](int64_t at) const { return data[at]; }

  private:
    void release() {
        if (data) ::operator delete(data, std::align_val_t(64));
    }
};

// While it lives, numbers below 1.2e-38 count as zero. A mean that fades away over many steps, or a slope over many steps of time,
// gets that small, and processors are up to a hundred times slower there (measured: 30 of 336 microseconds of a step on MNIST).
class NoTinyNumbers {
#if defined(__x86_64__)
    const uint32_t before = __builtin_ia32_stmxcsr();

  public:
    NoTinyNumbers() { __builtin_ia32_ldmxcsr(before | 0x8040); }
    ~NoTinyNumbers() { __builtin_ia32_ldmxcsr(before); }
#elif defined(__aarch64__)
    uint64_t before;

  public:
    NoTinyNumbers() {
        __asm__ volatile("mrs %0, fpcr" : "=r"(before));
        __asm__ volatile("msr fpcr, %0" : : "r"(before | (1u << 24)));
    }
    ~NoTinyNumbers() { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
#else
  public:
    NoTinyNumbers() {}
    ~NoTinyNumbers() {}
#endif
    NoTinyNumbers(const NoTinyNumbers&) = delete;
};

// Jobs shared out among `threads`.
template <class F>
void share(int64_t threads, ParallelFor parallel_for, int64_t jobs, const F& job) {
    if (jobs <= 1 || threads <= 1) {
        const NoTinyNumbers here;
        for (int64_t each = 0; each < jobs; each++) job(each);
        return;
    }
    auto part = [](int64_t begin, int64_t end, void* with) {
        const NoTinyNumbers here;
        for (int64_t each = begin; each < end; each++) (*static_cast<const F*>(with))(each);
    };
    parallel_for(0, jobs, 1, part, const_cast<F*>(&job));
}

// f(0), f(1) ... f(N - 1) written out, each number a constant: an array that is only asked for constant places stays in registers, also
// from one loop to the next.
template <int... I, class F>
inline __attribute__((always_inline)) void written_out(std::integer_sequence<int, I...>, const F& f) {
    (f(std::integral_constant<int, I>()), ...);
}

template <int N, class F>
inline __attribute__((always_inline)) void each(const F& f) {
    written_out(std::make_integer_sequence<int, N>(), f);
}
#define INLINE __attribute__((always_inline))

template <class F, int R = TILE>
inline void with_rows(int64_t rows, const F& f) {
    if constexpr (R > 1) {
        if (rows < R) return with_rows<F, R - 1>(rows, f);
    }
    f(std::integral_constant<int, R>());
}

template <class F, int NV = BLOCKS>
inline void with_blocks(int64_t blocks, const F& f) {
    if constexpr (NV > 1) {
        if (blocks < NV) return with_blocks<F, NV - 1>(blocks, f);
    }
    f(std::integral_constant<int, NV>());
}

}  // namespace
}  // namespace KISSIPO_ISA
