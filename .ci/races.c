/* races.c - many threads that use the pool and the recycled memory at once, while others change how many threads there
 * are and how much is kept. To be run under ThreadSanitizer (.ci/races), or on a system that has no tests of its own. */
#include "wengert.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLERS = 6, ROUNDS = 500, LONGEST = 5000, KEPT = 8 };

/* A number below `end`. */
static int below(unsigned *state, int end)
{
    *state = *state * 1664525u + 1013904223u;
    return (int)((*state >> 8) % (unsigned)end);
}

static void add_places(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    int *x = context;
    for (ptrdiff_t i = begin; i < end; i++)
        x[i] += (int)i;
}

static void meddle(int caller, int round, unsigned *state)
{
    if (caller == 0)
        wg_set_num_threads(1 + below(state, 4));
    else if (caller == 1 && round % 20 == 0)
        wg_buffer_trim((size_t)below(state, 100000));
    else if (caller == 2 && round % 30 == 0)
        wg_buffer_set_limit((size_t)1 << (10 + below(state, 20)));
    else if (caller == 3 && round % 10 == 0)
        wg_buffer_usage();
}

static void *run(void *number)
{
    const int caller = (int)(intptr_t)number;
    unsigned state = (unsigned)caller;
    void *kept[KEPT] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        meddle(caller, round, &state);
        const int slot = below(&state, KEPT), n = 1 + below(&state, LONGEST);
        wg_buffer_release(kept[slot]);
        int *x = kept[slot] = wg_buffer_acquire((size_t)n * sizeof *x);
        memset(x, 0, (size_t)n * sizeof *x);
        wg_parallel_for(n, 1 + below(&state, 700), add_places, x);
        for (int i = 0; i < n; i++)
            if (x[i] != i) {
                fprintf(stderr, "item %d of %d is %d\n", i, n, x[i]);
                exit(1);
            }
    }
    for (int slot = 0; slot < KEPT; slot++)
        wg_buffer_release(kept[slot]);
    return NULL;
}

int main(void)
{
    pthread_t callers[CALLERS];
    wg_set_num_threads(3);
    run((void *)(intptr_t)0); /* alone first, so that every job has the pool */
    for (intptr_t i = 0; i < CALLERS; i++)
        if (pthread_create(&callers[i], NULL, run, (void *)i) != 0)
            return 1;
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
    puts("no race, nothing wrong");
    return 0;
}
