/* buffer.c - recycled memory for results.
 *
 * First-touch page faults cost more than the arithmetic of most elementwise work, and a step of training asks for the
 * same sizes again and again. So released blocks are kept, by size class, and the one released last, which may still be
 * in the cache, is handed out first.
 *
 * A block is one cache line that holds its size and class, followed by the memory itself. Classes are four per power of
 * two, so beyond the first few at most a fifth of a block is slack. Blocks of 2 MiB and more are mapped on their own,
 * on a huge-page boundary with huge pages asked for; smaller ones come from the C library.
 *
 * What is kept is bounded. Over the bound, the classes that have gone longest without use give up their blocks first:
 * sizes that a program no longer needs make room for those that it does. One lock guards everything; it is held for
 * some nanoseconds, never across a call to the system's allocator (but for the one-time setup). What the system is asked
 * for stands in pages.h. */
#define _GNU_SOURCE
#include "wengert.h"
#include "pages.h"
#include "system.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 232 };                               /* enough for any size_t */
enum { GUARDED = -1 };                                /* the class of blocks that are made for one use, with guards */
#define LARGEST ((size_t)PTRDIFF_MAX - 4 * HUGE_PAGE) /* so that no size computed below overflows */
#define DEFAULT_LIMIT ((size_t)1 << 30)

typedef struct block {
    _Alignas(WG_ALIGNMENT) size_t bytes; /* of the memory behind this header: the size of the class */
    int class;
    bool in_use;        /* for the assertions only */
    struct block *next; /* while held */
} block;
_Static_assert(sizeof(block) == WG_ALIGNMENT, "the memory behind the header must be aligned");

typedef struct {
    block *top;
    uint64_t last_use; /* by `uses` */
} block_stack;

static struct {
    _Alignas(WG_ALIGNMENT) atomic_bool locked;
    bool ready;        /* set up: `limit` is known, the fork handlers are registered */
    atomic_bool guard; /* wg_buffer_guard */
    size_t in_use, held, limit;
    uint64_t uses; /* counts releases: the clock that `last_use` is read from */
    block_stack stacks[CLASSES];
} store;

/* ---------------------------------------------------------------- the lock */

static void lock(void)
{
    while (atomic_exchange_explicit(&store.locked, true, memory_order_acquire))
        for (int turn = 0; atomic_load_explicit(&store.locked, memory_order_relaxed); turn++)
            if (turn < 100)
                cpu_pause();
            else
                cpu_yield();
}

static void unlock(void)
{
    atomic_store_explicit(&store.locked, false, memory_order_release);
}

/* ---------------------------------------------------------------- set up */

/* Take the lock, and set up if this is the first time. Acquiring and releasing a recycled block does without: the block
 * was made after setting up. */
static void lock_ready(void)
{
    lock();
    if (store.ready)
        return;
    const double share = fmin(physical_memory(), wg_cgroup_memory("")) / 8;
    store.limit = share < (double)DEFAULT_LIMIT ? (size_t)share : DEFAULT_LIMIT;
    at_fork(lock, unlock, unlock); /* a child never inherits a lock that another thread held */
    store.ready = true;
}

/* ---------------------------------------------------------------- blocks */

/* The class of a size up to LARGEST, counting in cache lines: 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, ... */
static int class_of(size_t bytes)
{
    const size_t last = bytes ? (bytes - 1) / WG_ALIGNMENT : 0; /* lines needed, less one */
    if (last < 4)
        return (int)last;
    const int shift = 61 - __builtin_clzll(last); /* leaves the three leading bits, 4 to 7 */
    return 4 * shift + (int)(last >> shift);
}

static size_t class_bytes(int class)
{
    if (class < 4)
        return (size_t)(class + 1) * WG_ALIGNMENT;
    return (size_t)(class % 4 + 5) * WG_ALIGNMENT << (class / 4 - 1);
}

/* A new block from the system, or NULL. */
static block *create(int class)
{
    const size_t bytes = class_bytes(class);
    block *b = memory_acquire(sizeof *b + bytes);
    if (b)
        *b = (block){.bytes = bytes, .class = class};
    return b;
}

/* Give a list of blocks back to the system. */
static void destroy(block *list)
{
    while (list) {
        block *b = list;
        list = b->next;
        UNPOISON(b + 1, b->bytes);
        memory_release(b, sizeof *b + b->bytes);
    }
}

/* Under the lock: take held blocks off their stacks until at most `keep` bytes are held, those of the classes that have
 * gone longest without use first. Gives them as a list. */
static block *evict(size_t keep)
{
    block *evicted = NULL;
    while (store.held > keep) {
        block_stack *coldest = NULL;
        for (block_stack *s = store.stacks; s < store.stacks + CLASSES; s++)
            if (s->top && (!coldest || s->last_use < coldest->last_use))
                coldest = s;
        assert(coldest);
        while (coldest->top && store.held > keep) {
            block *b = coldest->top;
            coldest->top = b->next;
            store.held -= b->bytes;
            b->next = evicted;
            evicted = b;
        }
    }
    return evicted;
}

/* ---------------------------------------------------------------- guards, for tests */

enum { SENTINEL = 0xa5 };

static size_t whole_lines(size_t bytes)
{
    return (bytes + WG_ALIGNMENT - 1) / WG_ALIGNMENT * WG_ALIGNMENT;
}

/* What comes before the memory of a guarded block: a line of sentinels, and the header. */
enum { BEFORE_GUARDED = WG_ALIGNMENT + sizeof(block) };

/* A line of sentinels, the header, `bytes` bytes, sentinels up to the end of the last line, a page that faults. */
static void *acquire_guarded(size_t bytes)
{
    const size_t lines = whole_lines(bytes);
    char *end = guarded_acquire(BEFORE_GUARDED + lines);
    if (!end)
        return NULL;
    char *memory = end - lines;
    memset(memory - BEFORE_GUARDED, SENTINEL, WG_ALIGNMENT);
    memset(memory + bytes, SENTINEL, lines - bytes);
    ((block *)memory)[-1] = (block){.bytes = bytes, .class = GUARDED, .in_use = true};
    lock_ready();
    store.in_use += bytes;
    unlock();
    return memory;
}

static void expect_sentinels(const unsigned char *from, const unsigned char *to, const char *place)
{
    for (; from < to; from++)
        if (*from != SENTINEL) {
            fprintf(stderr, "wengert: a kernel wrote %s its result\n", place);
            abort();
        }
}

static void release_guarded(block *b)
{
    const size_t bytes = b->bytes, lines = whole_lines(bytes);
    unsigned char *memory = (unsigned char *)(b + 1), *first = memory - BEFORE_GUARDED;
    expect_sentinels(first, first + WG_ALIGNMENT, "before");
    expect_sentinels(memory + bytes, memory + lines, "behind");
    lock();
    store.in_use -= bytes;
    unlock();
    guarded_release((char *)memory + lines, BEFORE_GUARDED + lines);
}

void wg_buffer_guard(int on)
{
    atomic_store(&store.guard, on != 0);
}

/* ---------------------------------------------------------------- the contract */

/* When no block of the class is held. */
static void *acquire_new(int class, size_t bytes)
{
    block *b = create(class);
    if (!b) {
        wg_buffer_trim(0);
        b = create(class);
        if (!b)
            return NULL;
    }
    lock_ready();
    store.in_use += b->bytes;
    unlock();
    b->in_use = true;
    POISON((char *)(b + 1) + bytes, b->bytes - bytes);
    return b + 1;
}

void *wg_buffer_acquire(size_t bytes)
{
    if (bytes > LARGEST)
        return NULL;
    if (GUARDS && atomic_load_explicit(&store.guard, memory_order_relaxed))
        return acquire_guarded(bytes);
    const int class = class_of(bytes);
    block_stack *stack = &store.stacks[class];
    lock();
    block *b = stack->top;
    if (!b) {
        unlock();
        return acquire_new(class, bytes);
    }
    stack->top = b->next;
    store.held -= b->bytes;
    store.in_use += b->bytes;
    unlock();
    assert(!b->in_use);
    b->in_use = true;
    UNPOISON(b + 1, bytes);
    return b + 1;
}

void wg_buffer_release(void *memory)
{
    if (!memory)
        return;
    block *b = (block *)memory - 1;
    assert(b->in_use && "released twice, or not a buffer");
    if (GUARDS && b->class == GUARDED) {
        release_guarded(b);
        return;
    }
    b->in_use = false;
    POISON(memory, b->bytes);
    const size_t bytes = b->bytes;
    block *evicted = NULL;
    lock();
    store.in_use -= bytes;
    if (bytes <= store.limit) {
        if (store.held > store.limit - bytes)
            evicted = evict(store.limit - bytes);
        block_stack *stack = &store.stacks[b->class];
        b->next = stack->top;
        stack->top = b;
        stack->last_use = ++store.uses;
        store.held += bytes;
    } else {
        b->next = NULL;
        evicted = b;
    }
    unlock();
    destroy(evicted);
}

wg_buffer_stats wg_buffer_usage(void)
{
    lock_ready();
    const wg_buffer_stats usage = {.in_use = store.in_use, .held = store.held, .limit = store.limit};
    unlock();
    return usage;
}

void wg_buffer_set_limit(size_t bytes)
{
    lock_ready();
    store.limit = bytes;
    block *evicted = evict(bytes);
    unlock();
    destroy(evicted);
}

size_t wg_buffer_trim(size_t keep)
{
    lock_ready();
    const size_t before = store.held;
    block *evicted = evict(keep);
    const size_t returned = before - store.held;
    unlock();
    destroy(evicted);
    if (returned)
        memory_trim();
    return returned;
}
