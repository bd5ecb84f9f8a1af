/* system.h - what several files ask of the processor and the operating system: how to wait for another thread, what to do
 * when the process forks, and what time it is. */
#ifndef WG_SYSTEM_H
#define WG_SYSTEM_H

#include <stdbool.h>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <pthread.h>
#include <sched.h>
#include <time.h>
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

/* Have `before` called before every fork, and `in_parent` and `in_child` after it; NULL for none. False if there is no
 * memory for that. Windows does not fork. */
static inline bool at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
#ifdef _WIN32
    (void)before, (void)in_parent, (void)in_child;
    return true;
#else
    return pthread_atfork(before, in_parent, in_child) == 0;
#endif
}

/* Seconds, of a clock that nobody can set. */
static inline double clock_seconds(void)
{
#ifdef _WIN32
    LARGE_INTEGER ticks, frequency;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&frequency);
    return (double)ticks.QuadPart / (double)frequency.QuadPart;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
#endif
}

#endif
