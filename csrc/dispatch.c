/* dispatch.c - picks the kernel table. The only processor detection in the library: a set of features counts when the
 * processor has it and the operating system saves its registers. */
#include "wengert.h"

#include <stdlib.h>
#include <string.h>
#if defined(WG_HAVE_v3) || defined(WG_HAVE_v4)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

/* x86-64-v3 and v4 of the System V psABI, whole, since a compiler that is given the level may use any of its features:
 * what CPUID lists, and XGETBV's word that the operating system saves the wider registers. (__builtin_cpu_supports would
 * need a library that clang-cl does not link, and in older compilers does not know every feature.) */
#if defined(WG_HAVE_v3) || defined(WG_HAVE_v4)
static int has(unsigned word, unsigned bits)
{
    return (word & bits) == bits;
}

/* The level, 1 to 4. */
static int wg_cpu_level(void)
{
    enum { YMM_SAVED = 0x06, ZMM_SAVED = 0xe6 }; /* of XCR0: SSE and AVX state; and the three parts of AVX-512's */
    unsigned eax, ebx, ecx, edx, saved, saved_high;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) ||
        !has(ecx, bit_SSE3 | bit_SSSE3 | bit_CMPXCHG16B | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT))
        return 1;
    if (!has(ecx, bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C))
        return 2;
    __asm__("xgetbv" : "=a"(saved), "=d"(saved_high) : "c"(0));
    if (!has(saved, YMM_SAVED) || !__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) || !has(ecx, bit_LZCNT) ||
        !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !has(ebx, bit_BMI | bit_AVX2 | bit_BMI2))
        return 2;
    return has(saved, ZMM_SAVED) && has(ebx, bit_AVX512F | bit_AVX512DQ | bit_AVX512CD | bit_AVX512BW | bit_AVX512VL)
               ? 4
               : 3;
}
#endif

int wg_medium;

int wg_has_bfloat16(void)
{
#if defined(WG_HAVE_v4)
    enum { AVX512_BF16 = 1 << 5 };
    unsigned eax, ebx, ecx, edx;
    return wg_cpu_level() >= 4 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && has(eax, AVX512_BF16);
#elif defined(__aarch64__) && defined(__linux__)
    enum { BF16 = 1 << 14 }; /* HWCAP2_BF16, which older headers lack */
    return (getauxval(AT_HWCAP2) & BF16) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
    int found = 0;
    size_t size = sizeof found;
    return sysctlbyname("hw.optional.arm.FEAT_BF16", &found, &size, NULL, 0) == 0 && found;
#else
    return 0;
#endif
}

#define WG_ISA(name, supported) extern const wg_kernels wg_kernels_##name;
#include "isa.def"
#undef WG_ISA

const wg_kernels *wg_active;
static const wg_kernels *available[8];

const wg_kernels *const *wg_dispatch_available(void)
{
    if (!available[0]) {
        int count = 0;
#define WG_ISA(name, supported) \
    if (supported)              \
        available[count++] = &wg_kernels_##name;
#include "isa.def"
#undef WG_ISA
    }
    return available;
}

int wg_dispatch_select(const char *name)
{
    for (const wg_kernels *const *table = wg_dispatch_available(); *table; table++)
        if (strcmp((*table)->name, name) == 0) {
            wg_active = *table;
            return 1;
        }
    return 0;
}

const char *wg_dispatch_init(void)
{
    const char *name = getenv("WENGERT_ISA");
    wg_active = wg_dispatch_available()[0];
    return !name || !*name || wg_dispatch_select(name) ? NULL : name;
}

const wg_elementwise_info wg_elementwise_table[WG_ELEMENTWISE_COUNT] = {
#define WG_UNARY(name, body) {#name, 1, 0, 0},
#define WG_UNARY_PARAMS(name, params, body) {#name, 1, params, 0},
#define WG_BINARY(name, body) {#name, 2, 0, 0},
#define WG_BINARY_PARAMS(name, params, body) {#name, 2, params, 0},
#define WG_COMPARE(name, body) {#name, 2, 0, 1},
#define WG_TERNARY(name, params, body) {#name, 3, params, 0},
#include "unary.def"
#include "binary.def"
    {"where", 3, 0, 0},
};
