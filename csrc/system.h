/* system.h - what pool.c and buffer.c both ask of the processor and the operating system: how to wait for another
 * thread. */
#ifndef WG_SYSTEM_H
#define WG_SYSTEM_H

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <sched.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

/* One turn of a loop that waits for another thread: leaves the core's execution units and memory pipeline alone for
 * some tens of cycles. */
static inline void cpu_pause(void)
{
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb"); /* `yield` is a no-op on most cores */
#endif
}

/* Let another thread that is ready to run have this processor. */
static inline void cpu_yield(void)
{
#ifdef _WIN32
    SwitchToThread();
#else
    sched_yield();
#endif
}

#endif
