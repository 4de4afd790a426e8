// Array<T>: aligned memory that a kernel owns.
//
// The kernels use no function of the standard library that could be compiled into a
// function of its own: the linker keeps one copy of such a function, and that copy
// might use instructions that the machine does not have.
#pragma once
#include <cstdint>
#include <cstring>
#include <new>

namespace KISSIPO_ISA {
namespace {

inline int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }

inline void copy(const float* from, int64_t count, float* to) {
    std::memcpy(to, from, count * sizeof(float));
}

// Aligned to 64 bytes; the elements begin as zeros.
template <class T>
struct Array {
    T* data;
    int64_t size;
    explicit Array(int64_t size = 0) : data(nullptr), size(0) { resize(size); }
    Array(const Array&) = delete;
    ~Array() { release(); }
    void resize(int64_t new_size) {
        resize_uninitialized(new_size);
        std::memset(static_cast<void*>(data), 0, new_size * sizeof(T));
    }
    void resize_uninitialized(int64_t new_size) {
        release();
        data = allocate(new_size);
        size = new_size;
    }
    void append(const T& item) {
        if ((size & (size - 1)) == 0) {  // the capacity is the next power of two
            T* old = data;
            data = allocate(2 * size);
            std::memcpy(static_cast<void*>(data), old, size * sizeof(T));
            ::operator delete(old, std::align_val_t(64));
        }
        data[size++] = item;
    }
    T& operator[](int64_t index) { return data[index]; }
    const T& operator[](int64_t index) const { return data[index]; }

  private:
    static T* allocate(int64_t size) {
        return static_cast<T*>(::operator new((size + 1) * sizeof(T), std::align_val_t(64)));
    }
    void release() {
        if (data) ::operator delete(data, std::align_val_t(64));
    }
};

}  // namespace
}  // namespace KISSIPO_ISA
