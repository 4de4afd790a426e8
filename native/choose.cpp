// Which instruction sets were built, and which of them this machine can run; the widest first.
#include <cstring>

#include "kernels.h"

#if defined(__x86_64__) || defined(_M_X64)
namespace avx512 { extern const Kernels kernels; }
namespace avx512_bf16 { extern const Kernels kernels; }
namespace avx2 { extern const Kernels kernels; }
#endif
namespace plain { extern const Kernels kernels; }

namespace {

bool runs(const Kernels* kernels) {
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_cpu_init();
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
    if (kernels == &avx512::kernels) return wide;
    if (kernels == &avx512_bf16::kernels) return wide && __builtin_cpu_supports("avx512bf16");
    if (kernels == &avx2::kernels) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return true;
}

const Kernels* const all[] = {
#if defined(__x86_64__) || defined(_M_X64)
    &avx512::kernels, &avx2::kernels,
#endif
    &plain::kernels,
#if defined(__x86_64__) || defined(_M_X64)
    &avx512_bf16::kernels,  // for those who ask for it by name
#endif
};

}  // namespace

// The named set, or the widest for an empty name; null when it is not built or this machine cannot run it.
extern "C" __attribute__((visibility("default"))) const Kernels* kissipo_kernels(const char* name) {
    for (const Kernels* each : all)
        if ((!*name || !std::strcmp(name, each->name)) && runs(each)) return each;
    return nullptr;
}
