/* threads.h - what pool.c asks of the operating system: a word to wait on, the processors, and threads.
 *
 *   wait_word            a number that threads can sleep on until it changes; WAIT_WORD_INIT for 0
 *   word_wait            sleep if the value is still `seen`; returns when woken, and sometimes for no reason
 *   word_wake            wake at least `count` of those who sleep, or all if they are fewer; call it after the value has
 *                        changed
 *   current_processor    the number of the processor that this thread runs on; -1 where the system does not tell at once
 *   affinity_processors  how many processors the affinity mask of this thread has, or all where there is no such mask;
 *                        below 1 if nobody knows
 *   thread_start         run work(number) on a new thread; false if the system denies one. The struct must outlive it
 *   thread_join          wait until it has ended
 *   thread_keep_off      keep it off a processor, and no longer off the one that it was kept off before, where there are
 *                        affinity masks that can be set
 *
 * Linux has a word and processors of its own and shares threads with the other POSIX systems; Windows has everything of
 * its own. */
#ifndef WG_THREADS_H
#define WG_THREADS_H

#include "system.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { STACK_BYTES = 1 << 20 };

/* ---------------------------------------------------------------- Linux */

#if defined(__linux__)

#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
    _Atomic int32_t value;
} wait_word;

#define WAIT_WORD_INIT {0}

static void word_wait(wait_word *word, int32_t seen)
{
    syscall(SYS_futex, &word->value, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void word_wake(wait_word *word, int count)
{
    syscall(SYS_futex, &word->value, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static int current_processor(void)
{
    return sched_getcpu();
}

static int affinity_processors(void)
{
    for (int most = CPU_SETSIZE; most <= CPU_SETSIZE << 8; most *= 2) { /* the kernel's own mask may be larger */
        cpu_set_t *set = CPU_ALLOC(most);
        const bool known = set && sched_getaffinity(0, CPU_ALLOC_SIZE(most), set) == 0;
        const int count = known ? CPU_COUNT_S(CPU_ALLOC_SIZE(most), set) : 0;
        CPU_FREE(set);
        if (known)
            return count;
    }
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

typedef struct {
    pthread_t handle;
    void (*work)(int number);
    int number;
    int avoided; /* the processor that thread_keep_off took out of its mask; -1: none */
} thread;

static void thread_keep_off(thread *t, int processor)
{
    cpu_set_t set;
    if (processor < 0 || processor >= CPU_SETSIZE || pthread_getaffinity_np(t->handle, sizeof set, &set) != 0)
        return;
    if (t->avoided >= 0)
        CPU_SET(t->avoided, &set);
    const bool there = CPU_ISSET(processor, &set);
    CPU_CLR(processor, &set);
    if (CPU_COUNT(&set) > 0 && pthread_setaffinity_np(t->handle, sizeof set, &set) == 0)
        t->avoided = there ? processor : -1;
}

/* ---------------------------------------------------------------- other POSIX systems */

#elif !defined(_WIN32)

#include <signal.h>
#include <unistd.h>

typedef struct {
    _Atomic int32_t value;
    pthread_mutex_t lock;
    pthread_cond_t changed;
} wait_word;

#define WAIT_WORD_INIT {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}

static void word_wait(wait_word *word, int32_t seen)
{
    pthread_mutex_lock(&word->lock);
    if (atomic_load(&word->value) == seen)
        pthread_cond_wait(&word->changed, &word->lock);
    pthread_mutex_unlock(&word->lock);
}

/* Taking the lock orders the call after the check of a thread that is about to sleep. */
static void word_wake(wait_word *word, int count)
{
    pthread_mutex_lock(&word->lock);
    pthread_mutex_unlock(&word->lock);
    for (int i = 0; i < count; i++)
        pthread_cond_signal(&word->changed);
}

static int current_processor(void)
{
    return -1;
}

static int affinity_processors(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

typedef struct {
    pthread_t handle;
    void (*work)(int number);
    int number;
    int avoided; /* unused: there are no masks that can be set */
} thread;

static void thread_keep_off(thread *t, int processor)
{
    (void)t, (void)processor;
}

#endif

/* ---------------------------------------------------------------- the threads of both */

#ifndef _WIN32

static void *thread_main(void *memory)
{
    thread *t = memory;
    t->work(t->number);
    return NULL;
}

/* A thread inherits the mask of whoever starts it: all signals are blocked, so that handlers run on the program's own
 * threads, but for those that a fault raises, which a blocked mask would turn into a death without a trace. */
static bool thread_start(thread *t, void (*work)(int number), int number)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigset_t blocked, before;
    sigfillset(&blocked);
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    *t = (thread){.work = work, .number = number, .avoided = -1};
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    const bool started = pthread_create(&t->handle, &attributes, thread_main, t) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

static void thread_join(thread *t)
{
    pthread_join(t->handle, NULL);
}

/* ---------------------------------------------------------------- Windows */

#else

typedef struct {
    _Atomic int32_t value;
    SRWLOCK lock;
    CONDITION_VARIABLE changed;
} wait_word;

#define WAIT_WORD_INIT {.lock = SRWLOCK_INIT, .changed = CONDITION_VARIABLE_INIT}

static void word_wait(wait_word *word, int32_t seen)
{
    AcquireSRWLockExclusive(&word->lock);
    if (atomic_load(&word->value) == seen)
        SleepConditionVariableSRW(&word->changed, &word->lock, INFINITE, 0);
    ReleaseSRWLockExclusive(&word->lock);
}

/* Taking the lock orders the call after the check of a thread that is about to sleep. */
static void word_wake(wait_word *word, int count)
{
    AcquireSRWLockExclusive(&word->lock);
    ReleaseSRWLockExclusive(&word->lock);
    for (int i = 0; i < count; i++)
        WakeConditionVariable(&word->changed);
}

static int current_processor(void)
{
    return (int)GetCurrentProcessorNumber();
}

/* The mask is that of the group of up to 64 processors that the process began in. */
static int affinity_processors(void)
{
    DWORD_PTR affinity, existing;
    if (GetProcessAffinityMask(GetCurrentProcess(), &affinity, &existing) && affinity)
        return __builtin_popcountll(affinity);
    return (int)GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
}

typedef struct {
    HANDLE handle;
    void (*work)(int number);
    int number;
} thread;

static void thread_keep_off(thread *t, int processor)
{
    (void)t, (void)processor;
}

static DWORD WINAPI thread_main(LPVOID memory)
{
    thread *t = memory;
    t->work(t->number);
    return 0;
}

static bool thread_start(thread *t, void (*work)(int number), int number)
{
    *t = (thread){.work = work, .number = number};
    t->handle = CreateThread(NULL, STACK_BYTES, thread_main, t, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    return t->handle != NULL;
}

static void thread_join(thread *t)
{
    WaitForSingleObject(t->handle, INFINITE);
    CloseHandle(t->handle);
}

#endif

#endif
