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

// The large blocks that arrays of this thread released, for the next ones. The system
// clears a block that it gets back before it hands it out again, which takes longer
// than a training step of few rows. No array may outlive its thread.
class KeptMemory {
    static constexpr int BLOCKS = 8;
    static constexpr int64_t MAX_BYTES = 32 << 20;  // of all blocks
    void* blocks[BLOCKS] = {};
    int64_t sizes[BLOCKS] = {}, total = 0;
    int count = 0;

    void* remove(int index) {
        void* block = blocks[index];
        total -= sizes[index];
        for (count--; index < count; index++)
            blocks[index] = blocks[index + 1], sizes[index] = sizes[index + 1];
        return block;
    }

  public:
    static constexpr int64_t LARGE = 64 << 10;  // bytes

    ~KeptMemory() {
        while (count) free(remove(count - 1));
    }
    // Returns a block of at least so many bytes and at most twice as many, or null.
    void* take(int64_t* bytes) {
        int best = -1;
        for (int i = 0; i < count; i++)
            if (sizes[i] >= *bytes && sizes[i] <= 2 * *bytes)
                if (best < 0 || sizes[i] < sizes[best]) best = i;
        if (best < 0) return nullptr;
        *bytes = sizes[best];
        return remove(best);
    }
    // Keeps a block; the oldest ones make room.
    void keep(void* block, int64_t bytes) {
        if (bytes > MAX_BYTES) return free(block);
        while (count == BLOCKS || total + bytes > MAX_BYTES) free(remove(0));
        blocks[count] = block;
        sizes[count++] = bytes;
        total += bytes;
    }
    static void free(void* block) { ::operator delete(block, std::align_val_t(64)); }
};
inline thread_local KeptMemory kept_memory;

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
        allocate(new_size);
        size = new_size;
    }
    void append(const T& item) {
        if ((size & (size - 1)) == 0) {  // the capacity is the next power of two
            T* old = data;
            const int64_t old_bytes = bytes;
            allocate(2 * size);
            std::memcpy(static_cast<void*>(data), old, size * sizeof(T));
            release(old, old_bytes);
        }
        data[size++] = item;
    }
    T& operator[](int64_t index) { return data[index]; }
    const T& operator[](int64_t index) const { return data[index]; }

  private:
    int64_t bytes = 0;  // that data has

    void allocate(int64_t new_size) {
        bytes = (new_size + 1) * sizeof(T);
        void* block = bytes >= KeptMemory::LARGE ? kept_memory.take(&bytes) : nullptr;
        data = static_cast<T*>(block ? block : ::operator new(bytes, std::align_val_t(64)));
    }
    void release() {
        if (data) release(data, bytes);
    }
    static void release(T* data, int64_t bytes) {
        bytes >= KeptMemory::LARGE ? kept_memory.keep(data, bytes) : KeptMemory::free(data);
    }
};

}  // namespace
}  // namespace KISSIPO_ISA
