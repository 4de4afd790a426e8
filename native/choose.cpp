// The choice of an instruction set, among those that are built and that this machine
// has.
#include <cstring>

#include "kernels.h"

#if defined(__x86_64__) || defined(_M_X64)
#define KISSIPO_X86 1
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
namespace avx512 { extern const Kernels kernels; }
namespace avx512_bf16 { extern const Kernels kernels; }
namespace avx2 { extern const Kernels kernels; }
#if defined(KISSIPO_AMX)  // the compiler knows the instructions
namespace amx { extern const Kernels kernels; }
#endif
#if defined(KISSIPO_EMULATED_TILES)  // for tests
namespace amx_emulated { extern const Kernels kernels; }
#endif
#endif
namespace plain { extern const Kernels kernels; }

namespace {

#if defined(KISSIPO_X86)
bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool has_avx512_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }

// Whether the processor has AMX with bfloat16, and the system saves and grants its
// tiles. Linux grants them to a process that asks.
bool has_amx() {
    unsigned a, b, c, d;
    if (!has_avx512_bf16() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    if (!(d >> 22 & 1) || !(d >> 24 & 1)) return false;  // AMX-BF16, AMX-TILE
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low >> 17 & 3) != 3) return false;  // XTILECFG, XTILEDATA
#if defined(__linux__)
    constexpr long ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18;
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0;
#else
    return false;
#endif
}
#endif

// Whether this machine has the instructions.
bool is_supported(const Kernels* kernels) {
#if defined(KISSIPO_X86)
    __builtin_cpu_init();
    if (kernels == &avx512::kernels) return has_avx512();
    if (kernels == &avx512_bf16::kernels) return has_avx512_bf16();
    if (kernels == &avx2::kernels)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#if defined(KISSIPO_AMX)
    if (kernels == &amx::kernels) return has_amx();
#endif
#if defined(KISSIPO_EMULATED_TILES)
    if (kernels == &amx_emulated::kernels) return has_avx512_bf16();
#endif
#endif
    return true;
}

const Kernels* const by_preference[] = {
#if defined(KISSIPO_X86)
    &avx512::kernels, &avx2::kernels,
#endif
    &plain::kernels,
#if defined(KISSIPO_X86)  // the others are only chosen by their names
    &avx512_bf16::kernels,
#if defined(KISSIPO_AMX)
    &amx::kernels,
#endif
#if defined(KISSIPO_EMULATED_TILES)
    &amx_emulated::kernels,
#endif
#endif
};

}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

// Returns the named set, or the widest one for an empty name; null where the set is not
// built or this machine does not have it.
EXPORTED const Kernels* kissipo_kernels(const char* name) {
    for (const Kernels* kernels : by_preference)
        if ((!*name || !std::strcmp(name, kernels->name)) && is_supported(kernels)) return kernels;
    return nullptr;
}

// Returns the named set, whether or not this machine has it; null where it is not
// built.
EXPORTED const Kernels* kissipo_built_kernels(const char* name) {
    for (const Kernels* kernels : by_preference)
        if (!std::strcmp(name, kernels->name)) return kernels;
    return nullptr;
}
