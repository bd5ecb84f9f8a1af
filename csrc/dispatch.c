/* dispatch.c - picks the kernel table. The only processor detection in the library: a set of features counts when the
 * processor has it and the operating system saves its registers. */
#include "wengert.h"

#include <stdlib.h>
#include <string.h>

/* x86-64-v3 and v4 of the System V psABI. __builtin_cpu_supports reads CPUID and confirms with XGETBV that the
 * operating system enabled the wider registers. */
#if defined(__x86_64__) || defined(_M_X64)
static int wg_cpu_has_v3(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}
static int wg_cpu_has_v4(void)
{
    return wg_cpu_has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

#define WG_ISA(name, supported) extern const wg_kernels wg_kernels_##name;
#include "isa.def"
#undef WG_ISA

const wg_kernels *wg_active;
static const wg_kernels *available[8];

const wg_kernels *const *wg_dispatch_available(void)
{
    if (!available[0]) {
        int count = 0;
#if defined(__x86_64__) || defined(_M_X64)
        __builtin_cpu_init();
#endif
#define WG_ISA(name, supported)                    \
    if (supported)                                 \
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
#define WG_COMPARE(name, body) {#name, 2, 0, 1},
#include "unary.def"
#include "binary.def"
    {"where", 3, 0, 0},
};
