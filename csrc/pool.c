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
 * takes them along: all state is static. What the system is asked for stands in threads.h. */
#define _GNU_SOURCE
#include "wengert.h"
#include "threads.h"

#include <assert.h>
#include <fenv.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    WORKER_TURNS = 2000,   /* of the loop in which a worker waits for a job before it sleeps: 20 to 100 microseconds */
    CALLER_TURNS = 2000,   /* of the loop in which the caller waits for chunks under way before it sleeps */
    MOST_CHUNKS = 1 << 30, /* of one job, so that they can be counted in 32 bits */
};

/* ---------------------------------------------------------------- state */

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
static thread handles[WG_MAX_THREADS - 1];      /* those of the workers */
static int avoided = -1;                        /* the processor that workers are kept off; -1: none. Under `busy` */
static bool acquire(void)
{
    return !atomic_load_explicit(&busy, memory_order_relaxed) && !atomic_exchange(&busy, true);
}

/* ---------------------------------------------------------------- processors */

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

/* Claim one chunk. Which one follows from the end that the claimer works from. */
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

static bool start_worker(int number)
{
    static bool registered;
    if (!registered)
        registered = at_fork(NULL, NULL, reset_after_fork);
    return registered && thread_start(&handles[number], work, number);
}

/* Under `busy`: keep all workers off a processor, and no longer off the one before. */
static void keep_workers_off(int processor)
{
    if (processor == avoided)
        return;
    for (int i = atomic_load(&workers) - 1; i >= 0; i--)
        thread_keep_off(&handles[i], processor);
    avoided = processor;
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
    avoided = -1; /* new workers may run anywhere */
    atomic_store(&limit, wanted - 1);
    while (count < wanted - 1 && start_worker(count))
        count++;
    if (count < wanted - 1)
        atomic_compare_exchange_strong(&threads, &wanted, count + 1);
    if (count > wanted - 1) {
        atomic_fetch_sub(&remaining.value, 1); /* a change, for those about to sleep */
        word_wake(&remaining, count);
        while (count > wanted - 1)
            thread_join(&handles[--count]);
    }
    atomic_store(&workers, count);
}

/* Let others have the pool. Whoever lowered the number of threads meanwhile could not stop the workers that are too
 * many; stop them here. */
static void release(void)
{
    atomic_store(&busy, false);
    while (atomic_load(&workers) > wg_get_num_threads() - 1 && acquire()) {
        fit_workers();
        atomic_store(&busy, false);
    }
}

/* ---------------------------------------------------------------- the contract */

/* Wait until workers have finished all `claimed` chunks that they took. */
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

/* Under `busy`: run items [first, end), which are at most MOST_CHUNKS chunks. */
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
