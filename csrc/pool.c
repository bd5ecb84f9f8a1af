/* pool.c - the thread pool: one job at a time, chunks claimed by whoever is free.
 *
 * A job is published by storing its number of chunks in `remaining`. Whoever subtracts one from it and saw a positive
 * number owns a chunk. That one word is the whole protocol for starting: a worker that comes late, or that slept
 * through a job and wakes in the next, gets a chunk of the job that is current or gets nothing, and reads the job's
 * description only in the first case. The caller cannot return, and the description cannot change, while a claimed
 * chunk is unfinished. For the same reason the caller waits for nobody who has not claimed a chunk: it takes part
 * itself, and a worker that is asleep, or in whose place the system runs somebody else, costs it nothing.
 *
 * The caller takes its chunks from the front and workers take theirs from the back, so that over a chain of jobs each
 * core mostly meets the data that its own cache has. As there are as many claims as chunks, the two never overlap.
 *
 * Idle workers look at `remaining` for some tens of microseconds, since the next job of a computation is usually that
 * near, and then sleep on it (futexes on Linux, condition variables elsewhere). The caller makes a system call only
 * when the job has chunks for a worker that is asleep, and wakes only one, which wakes others. Nobody spins when there
 * are more threads than processors, nor does a worker that the system put on the caller's processor.
 *
 * Linux likes to wake a thread on the processor of whoever wakes it, even while another is idle, and on virtual machines
 * nearly always does: there a worker waits until the caller has done everything. So workers are kept off the processor
 * that the caller is on, by their affinity, which is set when a caller comes from another processor and wakes them.
 *
 * Threads are made by the first job that can use them. They block signals, use the default floating-point environment
 * and never touch Python. A forked child starts without any. At exit they are asleep, or soon will be, and the process
 * takes them along: all state is static. */
#define _GNU_SOURCE
#include "wengert.h"
#include "system.h"

#include <assert.h>
#include <fenv.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#endif
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

enum {
    WORKER_TURNS = 2000,   /* of the loop in which a worker waits for a job before it sleeps: 20 to 100 microseconds */
    CALLER_TURNS = 2000,   /* the same for the caller that waits for chunks under way */
    MOST_CHUNKS = 1 << 30, /* of one job, so that they can be counted in 32 bits */
    STACK_BYTES = 1 << 20,
};

/* ---------------------------------------------------------------- a word to wait on */

/* A number that threads can sleep on until it changes. */
typedef struct {
    _Atomic int32_t value;
#ifdef _WIN32
    SRWLOCK lock;
    CONDITION_VARIABLE changed;
#elif !defined(__linux__)
    pthread_mutex_t lock;
    pthread_cond_t changed;
#endif
} wait_word;

#ifdef _WIN32
#define WAIT_WORD_INIT {.lock = SRWLOCK_INIT, .changed = CONDITION_VARIABLE_INIT}
#elif defined(__linux__)
#define WAIT_WORD_INIT {0}
#else
#define WAIT_WORD_INIT {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}
#endif

/* Sleep if the value is still `seen`. Returns when woken, and sometimes for no reason. */
static void word_wait(wait_word *word, int32_t seen)
{
#ifdef __linux__
    syscall(SYS_futex, &word->value, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
#elif defined(_WIN32)
    AcquireSRWLockExclusive(&word->lock);
    if (atomic_load(&word->value) == seen)
        SleepConditionVariableSRW(&word->changed, &word->lock, INFINITE, 0);
    ReleaseSRWLockExclusive(&word->lock);
#else
    pthread_mutex_lock(&word->lock);
    if (atomic_load(&word->value) == seen)
        pthread_cond_wait(&word->changed, &word->lock);
    pthread_mutex_unlock(&word->lock);
#endif
}

/* Wake at least `count` of the threads that sleep on the word, or all if they are fewer. To be called after the value
 * has changed. */
static void word_wake(wait_word *word, int count)
{
#ifdef __linux__
    syscall(SYS_futex, &word->value, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
#elif defined(_WIN32)
    /* Taking the lock orders this after the check of a thread that is about to sleep. */
    AcquireSRWLockExclusive(&word->lock);
    ReleaseSRWLockExclusive(&word->lock);
    for (int i = 0; i < count; i++)
        WakeConditionVariable(&word->changed);
#else
    pthread_mutex_lock(&word->lock);
    pthread_mutex_unlock(&word->lock);
    for (int i = 0; i < count; i++)
        pthread_cond_signal(&word->changed);
#endif
}

/* ---------------------------------------------------------------- state */

#ifdef _WIN32
typedef HANDLE thread;
#else
typedef pthread_t thread;
#endif

/* The job. Written by the caller while nobody owns a chunk, read by those who do. */
static struct {
    _Alignas(WG_ALIGNMENT) wg_task *task;
    void *context;
    ptrdiff_t first, end, grain; /* items [first, end) */
    int32_t chunks;
} job;

/* Chunks that nobody has claimed; none if below 1. Workers sleep here. */
static _Alignas(WG_ALIGNMENT) wait_word remaining = WAIT_WORD_INIT;

static _Alignas(WG_ALIGNMENT) struct {
    wait_word finished;   /* chunks that workers have finished. The caller sleeps here */
    atomic_int from_back; /* chunks that workers have taken, counted from the last one */
} taken = {.finished = WAIT_WORD_INIT};

static _Alignas(WG_ALIGNMENT) atomic_int sleeping; /* workers that sleep or are about to */
static atomic_bool caller_sleeps;

/* What idle workers look at besides. Changes rarely. */
static _Alignas(WG_ALIGNMENT) atomic_int limit; /* a worker with this number or a higher one stops */
static atomic_bool spin;                        /* there is a processor for every thread */
static atomic_int callers_processor;            /* where the latest job came from */

static _Alignas(WG_ALIGNMENT) atomic_bool busy; /* held by a job's caller, and by whoever starts and stops workers */
static atomic_int threads;                      /* as set or found, the caller included; 0 until then */
static atomic_bool chosen;                      /* `threads` was set, or comes from the environment */
static atomic_int workers;                      /* that exist; changed only under `busy` */
static thread handles[WG_MAX_THREADS - 1];
#ifdef __linux__
static int avoided = -1;                  /* the processor that workers are kept off; -1: none. Under `busy` */
static int taken_off[WG_MAX_THREADS - 1]; /* what that took out of a worker's affinity; -1: nothing */
#endif

static bool acquire(void)
{
    return !atomic_load_explicit(&busy, memory_order_relaxed) && !atomic_exchange(&busy, true);
}

/* ---------------------------------------------------------------- processors */

/* The number of the processor that this thread runs on; -1 where the system does not tell at once. */
static int current_processor(void)
{
#ifdef __linux__
    return sched_getcpu();
#elif defined(_WIN32)
    return (int)GetCurrentProcessorNumber();
#else
    return -1;
#endif
}

/* The processors in this thread's affinity mask, or all where there is no such mask; below 1 if nobody knows. */
static int affinity_processors(void)
{
#ifdef __linux__
    for (int most = CPU_SETSIZE; most <= CPU_SETSIZE << 8; most *= 2) { /* the kernel's own mask may be larger */
        cpu_set_t *set = CPU_ALLOC(most);
        const bool known = set && sched_getaffinity(0, CPU_ALLOC_SIZE(most), set) == 0;
        const int count = known ? CPU_COUNT_S(CPU_ALLOC_SIZE(most), set) : 0;
        CPU_FREE(set);
        if (known)
            return count;
    }
#elif defined(_WIN32)
    DWORD_PTR affinity, existing; /* in the group of up to 64 processors that the process began in */
    if (GetProcessAffinityMask(GetCurrentProcess(), &affinity, &existing) && affinity)
        return __builtin_popcountll(affinity);
#endif
#ifdef _WIN32
    return (int)GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
#else
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
#endif
}

int wg_processors(const char *root)
{
    const int count = affinity_processors();
    const double quota = ceil(wg_cgroup_processors(root));
    return count < 1 || quota < 1 ? 1 : quota < count ? (int)quota : count;
}

static int clamp_threads(long count)
{
    return count < 1 ? 1 : count > WG_MAX_THREADS ? WG_MAX_THREADS : (int)count;
}

/* WENGERT_NUM_THREADS if that is a whole number above 0, else the number of processors. */
static int default_threads(void)
{
    const char *text = getenv("WENGERT_NUM_THREADS");
    if (text && *text) {
        char *end;
        const long count = strtol(text, &end, 10);
        if (!*end && count >= 1) {
            atomic_store(&chosen, true);
            return clamp_threads(count);
        }
    }
    return clamp_threads(wg_processors(""));
}

int wg_get_num_threads(void)
{
    int count = atomic_load_explicit(&threads, memory_order_relaxed);
    if (!count) {
        const int found = default_threads();
        if (atomic_compare_exchange_strong(&threads, &count, found))
            count = found;
    }
    return count;
}

/* ---------------------------------------------------------------- chunks */

/* Claim any chunk; the claimer then takes the next from its end of the job. */
static bool claim(void)
{
    return atomic_fetch_sub(&remaining.value, 1) > 0;
}

static void run_chunk(int32_t chunk)
{
    const ptrdiff_t begin = job.first + chunk * job.grain;
    job.task(job.context, begin, job.end - begin > job.grain ? begin + job.grain : job.end);
}

/* Run chunks until none is left; gives how many. */
static int32_t run_from_front(void)
{
    int32_t run = 0;
    while (claim())
        run_chunk(run++);
    return run;
}

static int32_t run_from_back(void)
{
    int32_t run = 0;
    for (; claim(); run++)
        run_chunk(job.chunks - 1 - atomic_fetch_add_explicit(&taken.from_back, 1, memory_order_relaxed));
    return run;
}

static void run_serially(ptrdiff_t count, ptrdiff_t grain, wg_task *task, void *context)
{
    ptrdiff_t begin = 0;
    for (; count - begin > grain; begin += grain)
        task(context, begin, begin + grain);
    task(context, begin, count);
}

/* ---------------------------------------------------------------- workers */

static void report(int32_t run)
{
    atomic_fetch_add(&taken.finished.value, run);
    if (atomic_load(&caller_sleeps))
        word_wake(&taken.finished, 1);
}

/* Sleep until `remaining` is no longer what it was seen to be, then help to wake the others. */
static void sleep_until_job(int32_t seen)
{
    atomic_fetch_add(&sleeping, 1);
    word_wait(&remaining, seen);
    atomic_fetch_sub(&sleeping, 1);
    if (atomic_load(&remaining.value) > 1 && atomic_load(&sleeping) > 0)
        word_wake(&remaining, 2);
}

/* May a worker without work spin? */
static bool may_spin(void)
{
    const int processor = current_processor();
    return atomic_load_explicit(&spin, memory_order_relaxed) &&
           (processor < 0 || processor != atomic_load_explicit(&callers_processor, memory_order_relaxed));
}

static void work(int number)
{
    fesetenv(FE_DFL_ENV);
    for (int turns = 0;; turns++) {
        const int32_t seen = atomic_load_explicit(&remaining.value, memory_order_acquire);
        if (number >= atomic_load_explicit(&limit, memory_order_acquire))
            return;
        if (seen > 0) {
            const int32_t run = run_from_back();
            if (run)
                report(run);
            turns = 0;
        } else if (turns < WORKER_TURNS && may_spin()) {
            cpu_pause();
        } else {
            sleep_until_job(seen);
            turns = 0;
        }
    }
}

#ifdef _WIN32

static DWORD WINAPI worker_main(LPVOID number)
{
    work((int)(intptr_t)number);
    return 0;
}

static bool start_worker(int number)
{
    handles[number] =
        CreateThread(NULL, STACK_BYTES, worker_main, (LPVOID)(intptr_t)number, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    return handles[number] != NULL;
}

static void join_worker(int number)
{
    WaitForSingleObject(handles[number], INFINITE);
    CloseHandle(handles[number]);
}

#else

static void *worker_main(void *number)
{
    work((int)(intptr_t)number);
    return NULL;
}

/* In a forked child, which has none of the workers and no job, whatever its parent was doing. */
static void reset_after_fork(void)
{
    remaining = (wait_word)WAIT_WORD_INIT;
    taken.finished = (wait_word)WAIT_WORD_INIT;
    atomic_store(&sleeping, 0);
    atomic_store(&caller_sleeps, false);
    atomic_store(&workers, 0);
    atomic_store(&busy, false);
}

/* A worker inherits the mask of whoever starts it: all signals are blocked, so that handlers run on the program's own
 * threads, but for those that a fault raises, which a blocked mask would turn into a death without a trace. */
static bool start_worker(int number)
{
    static bool registered;
    if (!registered)
        registered = pthread_atfork(NULL, NULL, reset_after_fork) == 0;
    pthread_attr_t attributes;
    if (!registered || pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigset_t blocked, before;
    sigfillset(&blocked);
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    const bool started = pthread_create(&handles[number], &attributes, worker_main, (void *)(intptr_t)number) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

static void join_worker(int number)
{
    pthread_join(handles[number], NULL);
}

#endif

/* Under `busy`: keep all workers off a processor, and no more off the one that they were kept off before. */
static void keep_workers_off(int processor)
{
#ifdef __linux__
    if (processor == avoided || processor < 0 || processor >= CPU_SETSIZE)
        return;
    for (int i = atomic_load(&workers) - 1; i >= 0; i--) {
        cpu_set_t set;
        if (pthread_getaffinity_np(handles[i], sizeof set, &set) != 0)
            continue;
        if (taken_off[i] >= 0)
            CPU_SET(taken_off[i], &set);
        const bool there = CPU_ISSET(processor, &set);
        CPU_CLR(processor, &set);
        if (CPU_COUNT(&set) > 0 && pthread_setaffinity_np(handles[i], sizeof set, &set) == 0)
            taken_off[i] = there ? processor : -1;
    }
    avoided = processor;
#else
    (void)processor;
#endif
}

/* Under `busy`: start or stop workers until there is one less than threads. Where the system denies a thread, the
 * number of threads becomes what there is. */
static void fit_workers(void)
{
    int wanted = wg_get_num_threads();
    int count = atomic_load(&workers);
    if (count == wanted - 1)
        return;
    atomic_store(&spin, wanted <= wg_processors(""));
#ifdef __linux__
    avoided = -1;
    for (int i = count; i < wanted - 1; i++)
        taken_off[i] = -1;
#endif
    atomic_store(&limit, wanted - 1);
    while (count < wanted - 1 && start_worker(count))
        count++;
    if (count < wanted - 1)
        atomic_compare_exchange_strong(&threads, &wanted, count + 1);
    if (count > wanted - 1) {
        atomic_fetch_sub(&remaining.value, 1); /* a change, for those about to sleep */
        word_wake(&remaining, count);
        while (count > wanted - 1)
            join_worker(--count);
    }
    atomic_store(&workers, count);
}

/* Let others have the pool. If the number of threads went down meanwhile, stop the workers that are too many: whoever
 * changed it could not. */
static void release(void)
{
    atomic_store(&busy, false);
    while (atomic_load(&workers) > wg_get_num_threads() - 1 && acquire()) {
        fit_workers();
        atomic_store(&busy, false);
    }
}

/* ---------------------------------------------------------------- the contract */

/* Wait until workers have finished `claimed` chunks: all that they claimed. */
static void wait_for_workers(int32_t claimed)
{
    if (atomic_load_explicit(&spin, memory_order_relaxed))
        for (int turns = 0; turns < CALLER_TURNS; turns++) {
            if (atomic_load_explicit(&taken.finished.value, memory_order_acquire) == claimed)
                return;
            cpu_pause();
        }
    atomic_store(&caller_sleeps, true);
    int32_t seen;
    while ((seen = atomic_load(&taken.finished.value)) != claimed)
        word_wait(&taken.finished, seen);
    atomic_store(&caller_sleeps, false);
}

/* Under `busy`: items [first, end) in at most MOST_CHUNKS chunks. */
static void run_job(ptrdiff_t first, ptrdiff_t end, int32_t chunks, ptrdiff_t grain, wg_task *task, void *context)
{
    job.task = task;
    job.context = context;
    job.first = first;
    job.end = end;
    job.grain = grain;
    job.chunks = chunks;
    atomic_store_explicit(&taken.finished.value, 0, memory_order_relaxed);
    atomic_store_explicit(&taken.from_back, 0, memory_order_relaxed);
    const int processor = current_processor();
    if (processor != atomic_load_explicit(&callers_processor, memory_order_relaxed))
        atomic_store_explicit(&callers_processor, processor, memory_order_relaxed);
    atomic_store(&remaining.value, chunks);
    const int asleep = atomic_load(&sleeping);
    if (asleep > 0 && atomic_load(&workers) - asleep < chunks - 1) {
        keep_workers_off(processor);
        word_wake(&remaining, 1);
    }
    const int32_t claimed = chunks - run_from_front();
    if (claimed)
        wait_for_workers(claimed);
}

void wg_parallel_for(ptrdiff_t count, ptrdiff_t grain, wg_task *task, void *context)
{
    assert(count >= 0 && grain >= 1);
    if (count == 0)
        return;
    if (count <= grain || wg_get_num_threads() == 1 || !acquire()) {
        run_serially(count, grain, task, context);
        return;
    }
    fit_workers();
    for (ptrdiff_t first = 0; first < count;) {
        const ptrdiff_t left = (count - first - 1) / grain + 1;
        const int32_t chunks = left < MOST_CHUNKS ? (int32_t)left : MOST_CHUNKS;
        const ptrdiff_t end = chunks == left ? count : first + chunks * grain;
        run_job(first, end, chunks, grain, task, context);
        first = end;
    }
    release();
}

static void set_threads(int count)
{
    atomic_store(&threads, clamp_threads(count));
    if (acquire()) {
        if (atomic_load(&workers) > wg_get_num_threads() - 1)
            fit_workers();
        release();
    }
}

void wg_set_num_threads(int count)
{
    atomic_store(&chosen, true);
    set_threads(count);
}

void wg_share_processors(void)
{
    wg_get_num_threads(); /* looks at the environment */
    if (!atomic_load(&chosen))
        set_threads(1);
}
