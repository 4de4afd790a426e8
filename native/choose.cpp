// The choice of an instruction set, among those that are built and that this machine
// has.
#include <cstring>

#include "kernels.h"

#if defined(__x86_64__) || defined(_M_X64)
namespace avx512 { extern const Kernels kernels; }
namespace avx512_bf16 { extern const Kernels kernels; }
namespace avx2 { extern const Kernels kernels; }
#endif
namespace plain { extern const Kernels kernels; }

namespace {

// Whether this machine has the instructions.
bool is_supported(const Kernels* kernels) {
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_cpu_init();
    const bool has_avx512 =
        __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (kernels == &avx512::kernels) return has_avx512;
    if (kernels == &avx512_bf16::kernels)
        return has_avx512 && __builtin_cpu_supports("avx512bf16");
    if (kernels == &avx2::kernels)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return true;
}

const Kernels* const by_preference[] = {
#if defined(__x86_64__) || defined(_M_X64)
    &avx512::kernels, &avx2::kernels,
#endif
    &plain::kernels,
#if defined(__x86_64__) || defined(_M_X64)
    &avx512_bf16::kernels,  // is only chosen by its name
#endif
};

}  // namespace

// Returns the named set, or the widest one for an empty name; null where the set is not
// built or this machine does not have it.
extern "C" __attribute__((visibility("default"))) const Kernels* kissipo_kernels(const char* name) {
    for (const Kernels* kernels : by_preference)
        if ((!*name || !std::strcmp(name, kernels->name)) && is_supported(kernels)) return kernels;
    return nullptr;
}
