// For tests on processors without AMX: where such a processor refuses an instruction of
// AMX, a handler of the signal decodes it and computes it by emulated_tiles.h. So the
// very code that was compiled for AMX runs, though slowly. Linux on x86-64 only.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ucontext.h>

#include "emulated_tiles.h"

namespace {

thread_local EmulatedTiles tiles;
long instructions = 0;  // of AMX that were computed
struct sigaction before;

// The registers in the order in which instructions number them.
constexpr int ORDER[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                           REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

int32_t read_int32(const uint8_t* from) {
    int32_t value;
    std::memcpy(&value, from, 4);
    return value;
}

// An address in memory: base + index * scale + displacement. `length` is the number of
// bytes from ModRM on; the stride of a tile is index * scale.
struct Operand {
    const char* base = nullptr;
    int64_t stride = 0;
    int length = 1;
};

Operand read_operand(const uint8_t* modrm, const greg_t* registers, bool x, bool b) {
    Operand operand;
    const int mode = modrm[0] >> 6, low = modrm[0] & 7;
    int base = low + 8 * b;
    int64_t address = 0;
    bool has_base = true;
    if (low == 4) {
        const int scale = modrm[1] >> 6, index = (modrm[1] >> 3 & 7) + 8 * x;
        base = (modrm[1] & 7) + 8 * b;
        operand.length = 2;
        if (index != 4) operand.stride = registers[ORDER[index]] << scale;
        has_base = !(mode == 0 && (modrm[1] & 7) == 5);
    } else if (mode == 0 && low == 5) {  // relative to the next instruction
        address = reinterpret_cast<int64_t>(modrm) + 5;
        has_base = false;
    }
    if (has_base) address = registers[ORDER[base]];
    if (mode == 1) address += static_cast<int8_t>(modrm[operand.length++]);
    if (mode == 2 || !has_base) {
        address += read_int32(modrm + operand.length);
        operand.length += 4;
    }
    operand.base = reinterpret_cast<const char*>(address);
    return operand;
}

// Computes the instruction; returns its length, or 0 where it is none of AMX or one
// that AMX refuses, too.
int compute(const uint8_t* code, const greg_t* registers) {
    if (code[0] != 0xc4 || (code[1] & 0x1f) != 2 || (code[2] & 0x84)) return 0;  // VEX.128.0F38.W0
    const bool x = !(code[1] & 0x40), b = !(code[1] & 0x20);
    const int prefix = code[2] & 3, third = ~code[2] >> 3 & 15, opcode = code[3];
    const int reg = code[4] >> 3 & 7, rm = code[4] & 7;
    enum { NONE, P66, PF3, PF2 };
    if (code[4] >> 6 == 3) {
        if (opcode == 0x5c && prefix == PF3) return tiles.multiply(reg, rm, third) ? 5 : 0;
        if (opcode == 0x49 && prefix == PF2) return tiles.zero(reg) ? 5 : 0;
        if (opcode != 0x49 || prefix != NONE || code[4] != 0xc0) return 0;
        tiles.release();
        return 5;
    }
    const Operand operand = read_operand(code + 4, registers, x, b);
    bool fine = false;
    if (opcode == 0x49 && prefix == NONE && reg == 0) {
        fine = tiles.load_config(operand.base);
    } else if (opcode == 0x4b && rm == 4) {
        char* to = const_cast<char*>(operand.base);
        if (prefix == PF2) fine = tiles.load(reg, operand.base, operand.stride);
        if (prefix == PF3) fine = tiles.store(reg, to, operand.stride);
    }
    return fine ? 4 + operand.length : 0;
}

void answer(int, siginfo_t*, void* context) {
    greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const uint8_t* code = reinterpret_cast<const uint8_t*>(registers[REG_RIP]);
    const int length = compute(code, registers);
    if (!length) {
        std::fprintf(stderr, "this is no valid instruction of AMX:");
        for (int i = 0; i < 10; i++) std::fprintf(stderr, " %02x", code[i]);
        std::abort();
    }
    registers[REG_RIP] += length;
    instructions++;
}

}  // namespace

extern "C" {

// From now on the instructions are computed here.
void emulate_amx() {
    struct sigaction action = {};
    action.sa_sigaction = answer;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, &before);
}

// From now on they are refused again.
void refuse_amx() { sigaction(SIGILL, &before, nullptr); }

long emulated_instructions() { return instructions; }

// One product of tiles, for its own test: sums (16, 16), a (16, 32), b (16 pairs, 16).
void emulated_product(float* sums, const uint16_t* a, const uint16_t* b) {
    unsigned char config[64] = {1};
    for (int tile = 0; tile < 3; tile++) config[16 + 2 * tile] = 64, config[48 + tile] = 16;
    EmulatedTiles own;
    own.load_config(config);
    own.load(0, sums, 64);
    own.load(1, a, 64);
    own.load(2, b, 64);
    own.multiply(0, 1, 2);
    own.store(0, sums, 64);
}
}
