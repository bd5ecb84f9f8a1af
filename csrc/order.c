/* order.c - rows put in order, items of a rank, and places in sorted sequences, for items of every type.
 *
 * Items become unsigned integers in the same order, their keys, of 32 bits where those are enough: NaN is the largest, the
 * zeros are one. Keys are sorted digit by digit, and an item of a rank is looked for among those that share the digits
 * before, so that the time is that of n items at worst. */
#include "grain.h"
#include "wengert.h"

#include <stdatomic.h>
#include <string.h>

enum {
    DIGIT = 8,
    MANY = 4096, /* items from which longer digits pay */
    LONG_DIGIT = 11,
    PART = 7,                                 /* a digit by which keys are told apart, but not sorted */
    FEW_LEFT = 24,                            /* keys, that are better sorted */
    ORDER_CHUNK = CHUNK_OF(COST_ORDERED, 64), /* items */
};

typedef struct {
    const wg_order *order;
    atomic_bool failed; /* for want of memory, or because keys do not fit */
} order_job;

typedef struct {
    uint64_t key, place;
} order_pair;

/* ---------------------------------------------------------------- keys */

/* The bits of a real, the negative ones turned around. */
INLINE int64_t order_real(int64_t bits, int64_t infinity, int64_t largest)
{
    const int64_t magnitude = bits & largest;
    return magnitude > infinity ? largest : bits & ~largest ? -magnitude : magnitude;
}

static int order_bits(wg_order_item type)
{
    return type == WG_ORDER_I64 || type == WG_ORDER_F64 ? 64 : 32;
}

/* The least and the greatest of some keys. */
typedef struct {
    uint64_t least, greatest;
} order_ends;

/* The keys of n items, the greatest first if they are to be `turned`. */
static order_ends order_keys(wg_order_item type, ptrdiff_t n, const char *in, ptrdiff_t stride, int turned,
                             uint64_t *keys)
{
    const uint64_t zero = (uint64_t)1 << (order_bits(type) - 1), turn = turned ? 2 * zero - 1 : 0;
    uint64_t least = UINT64_MAX, greatest = 0;
#define EACH(name, item, number)                                               \
    case name:                                                                 \
        for (ptrdiff_t j = 0; j < n; j++) {                                    \
            const item x = *(const item *)(in + j * stride);                   \
            const uint64_t key = keys[j] = ((uint64_t)(number) + zero) ^ turn; \
            least = key < least ? key : least;                                 \
            greatest = key > greatest ? key : greatest;                        \
        }                                                                      \
        break
    switch (type) {
        EACH(WG_ORDER_U8, uint8_t, (int64_t)x);
        EACH(WG_ORDER_I8, int8_t, (int64_t)x);
        EACH(WG_ORDER_I16, int16_t, (int64_t)x);
        EACH(WG_ORDER_I32, int32_t, (int64_t)x);
        EACH(WG_ORDER_I64, int64_t, x);
        EACH(WG_ORDER_F16, uint16_t, order_real(x, 0x7c00, 0x7fff));
        EACH(WG_ORDER_F32, uint32_t, order_real(x, 0x7f800000, 0x7fffffff));
        EACH(WG_ORDER_F64, int64_t, order_real(x, 0x7ff0000000000000, INT64_MAX));
    }
#undef EACH
    return (order_ends){least, greatest};
}

static uint64_t order_nan_key(wg_order_item type)
{
    return type == WG_ORDER_F16 ? 0x80007fff : type == WG_ORDER_F32 ? UINT32_MAX : UINT64_MAX;
}

static order_ends order_row_keys(const wg_order *o, ptrdiff_t row, uint64_t *keys)
{
    const char *const in = o->in + row / o->inner * o->strides[0] + row % o->inner * o->strides[2];
    return order_keys(o->type, o->n, in, o->strides[1], o->descending, keys);
}

/* ---------------------------------------------------------------- sorting */

/* Each in its place among those before it. */
static void order_insert(ptrdiff_t n, order_pair *pairs)
{
    for (ptrdiff_t j = 1; j < n; j++) {
        const order_pair pair = pairs[j];
        ptrdiff_t i = j;
        for (; i > 0 && pairs[i - 1].key > pair.key; i--)
            pairs[i] = pairs[i - 1];
        pairs[i] = pair;
    }
}

/* Sorted by each digit in turn, the last one first, from one half of the memory into the other; a digit that all have in
 * common is left out. Gives the half that has the result. */
static order_pair *order_sort(int key_bits, ptrdiff_t n, const uint64_t *keys, order_pair *pairs, order_pair *other)
{
    for (ptrdiff_t j = 0; j < n; j++)
        pairs[j] = (order_pair){keys[j], (uint64_t)j};
    if (n <= WG_ORDER_FEW) {
        order_insert(n, pairs);
        return pairs;
    }
    const int bits = n < MANY ? DIGIT : LONG_DIGIT;
    const uint64_t mask = ((uint64_t)1 << bits) - 1;
    for (int shift = 0; shift < key_bits; shift += bits) {
        size_t counts[1 << LONG_DIGIT], start = 0;
        memset(counts, 0, sizeof *counts << bits);
        for (ptrdiff_t j = 0; j < n; j++)
            counts[keys[j] >> shift & mask]++;
        if (counts[keys[0] >> shift & mask] == (size_t)n)
            continue;
        for (size_t b = 0; b <= mask; b++) {
            const size_t here = counts[b];
            counts[b] = start;
            start += here;
        }
        for (ptrdiff_t j = 0; j < n; j++)
            other[counts[pairs[j].key >> shift & mask]++] = pairs[j];
        order_pair *const sorted = other;
        other = pairs;
        pairs = sorted;
    }
    return pairs;
}

/* Room for so many bytes an item of a row. */
static void *order_scratch(order_job *job, size_t bytes)
{
    void *const memory = wg_buffer_acquire((size_t)job->order->n * bytes);
    if (!memory)
        atomic_store(&job->failed, 1);
    return memory;
}

/* Task: rows [begin, end). */
static void order_sort_rows(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    order_job *const job = context;
    const wg_order *const o = job->order;
    order_pair *const pairs = order_scratch(job, 2 * sizeof(order_pair) + sizeof(uint64_t));
    order_pair *const other = pairs + o->n;
    uint64_t *const keys = (uint64_t *)(other + o->n);
    for (ptrdiff_t row = begin; row < end && pairs; row++) {
        int64_t *const out = o->out + row / o->inner * o->n * o->inner + row % o->inner;
        order_row_keys(o, row, keys);
        const order_pair *const sorted = order_sort(order_bits(o->type), o->n, keys, pairs, other);
        for (ptrdiff_t j = 0; j < o->n; j++)
            out[j * o->inner] = (int64_t)sorted[j].place;
    }
    wg_buffer_release(pairs);
}

/* Task: rows of pairs of 32 bits each, with keys from the least of the row: where those fit. */
static void order_pack_rows(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    order_job *const job = context;
    const wg_order *const o = job->order;
    for (ptrdiff_t row = begin; row < end; row++) {
        uint64_t *const pairs = o->pairs + row * o->n;
        const order_ends ends = order_row_keys(o, row, pairs);
        if (ends.greatest - ends.least > UINT32_MAX) {
            atomic_store(&job->failed, 1);
            return;
        }
        for (ptrdiff_t j = 0; j < o->n; j++)
            pairs[j] = (pairs[j] - ends.least) << 32 | (uint64_t)j;
    }
}

/* ---------------------------------------------------------------- ranks */

/* The digit of the key of a rank, which becomes that among the keys that have this digit. */
static uint64_t order_digit(ptrdiff_t n, const uint64_t *keys, int shift, ptrdiff_t *rank)
{
    ptrdiff_t counts[1 << PART] = {0}, left = *rank;
    const ptrdiff_t *at = counts;
    for (ptrdiff_t j = 0; j < n; j++)
        counts[keys[j] >> shift & ((1 << PART) - 1)]++;
    for (ptrdiff_t four; four = at[0] + at[1] + at[2] + at[3], left >= four; at += 4)
        left -= four;
    for (; left >= *at; at++)
        left -= *at;
    *rank = left;
    return (uint64_t)(at - counts);
}

/* The key of a rank: of those that share the digits before, where the next one puts it. *before: the keys below. */
static uint64_t order_select(ptrdiff_t n, const uint64_t *keys, order_ends ends, ptrdiff_t rank, uint64_t *rest,
                             ptrdiff_t *before)
{
    const uint64_t differing = ends.least ^ ends.greatest, mask = (1 << PART) - 1;
    *before = rank;
    for (int end = differing ? 64 - __builtin_clzll(differing) : 0; n > FEW_LEFT && end > 0; end -= PART) {
        const int shift = end > PART ? end - PART : 0;
        const uint64_t digit = order_digit(n, keys, shift, &rank);
        ptrdiff_t left = 0;
        for (ptrdiff_t j = 0; j < n; j++) {
            const uint64_t key = keys[j];
            rest[left] = key; /* behind the key that is read, or at it */
            left += (key >> shift & mask) == digit;
        }
        keys = rest;
        n = left;
    }
    *before -= rank;  /* of a smaller digit */
    if (n > FEW_LEFT) /* all of them equal */
        return keys[0];
    for (ptrdiff_t j = 0; j < n; j++) { /* the first ones up to the rank */
        const uint64_t key = keys[j];
        ptrdiff_t i = least(j, rank + 1);
        if (i > rank && rest[rank] <= key)
            continue;
        for (i = least(i, rank); i > 0 && rest[i - 1] > key; i--)
            rest[i] = rest[i - 1];
        rest[i] = key;
    }
    while (rank > 0 && rest[rank - 1] == rest[rank])
        rank--;
    *before += rank;
    return rest[rank];
}

/* The least key above another; there is one. */
static uint64_t order_next(ptrdiff_t n, const uint64_t *keys, uint64_t key)
{
    uint64_t least = UINT64_MAX;
    for (ptrdiff_t j = 0; j < n; j++) {
        const uint64_t above = keys[j] > key ? keys[j] : UINT64_MAX;
        least = above < least ? above : least;
    }
    return least;
}

/* The places of the items of some ranks, which ascend. */
static void order_ranked_row(const wg_order *o, const int64_t *ranks, const uint64_t *keys, order_ends ends,
                             uint64_t *rest, int64_t *out)
{
    const uint64_t nan = order_nan_key(o->type);
    ptrdiff_t numbers = o->n;
    for (ptrdiff_t j = 0; j < o->n && o->nan != WG_ORDER_NAN_LAST && ends.greatest == nan; j++)
        numbers -= keys[j] == nan;
    uint64_t key = 0;
    /* Of the key: the last place that was seen, and how many are not behind it in order. */
    ptrdiff_t place = -1, found = 0;
    for (ptrdiff_t i = 0; i < o->count; i++, out += o->inner) {
        ptrdiff_t rank = ranks[i];
        if (o->nan == WG_ORDER_NAN_LEFT_OUT)
            rank = most(numbers - 1, 0) / 2;
        else if (numbers < o->n)
            rank = numbers;
        while (place >= 0 && found <= rank && ++place < o->n) /* another that is equal */
            found += keys[place] == key;
        if (place < 0 || place == o->n) {
            ptrdiff_t before = found;
            key = place > 0 && rank == found ? order_next(o->n, keys, key)
                                             : order_select(o->n, keys, ends, rank, rest, &before);
            for (found = before, place = -1; found <= rank;)
                found += keys[++place] == key;
        }
        *out = place;
    }
}

/* Task: rows [begin, end). */
static void order_select_rows(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    order_job *const job = context;
    const wg_order *const o = job->order;
    uint64_t *const keys = order_scratch(job, 2 * sizeof(uint64_t));
    for (ptrdiff_t row = begin; row < end && keys; row++) {
        int64_t *const out = o->out + row / o->inner * o->count * o->inner + row % o->inner;
        const order_ends ends = order_row_keys(o, row, keys);
        order_ranked_row(o, o->ranks + row * o->rank_stride, keys, ends, keys + o->n, out);
    }
    wg_buffer_release(keys);
}

/* ---------------------------------------------------------------- rows */

static int order_rows(const wg_order *o, wg_task *task)
{
    if (o->outer == 0 || o->n == 0 || o->inner == 0)
        return 1;
    order_job job = {.order = o};
    atomic_init(&job.failed, 0);
    wg_parallel_for(o->outer * o->inner, pieces_per_chunk(ORDER_CHUNK, o->n), task, &job);
    return !atomic_load(&job.failed);
}

wg_status wg_order_places(const wg_order *o)
{
    return order_rows(o, order_sort_rows) ? WG_OK : WG_NO_MEMORY;
}

wg_status wg_order_ranked(const wg_order *o)
{
    return order_rows(o, order_select_rows) ? WG_OK : WG_NO_MEMORY;
}

int wg_order_pack(const wg_order *o)
{
    return o->n > WG_ORDER_FEW && o->n <= INT32_MAX && order_rows(o, order_pack_rows);
}

void wg_order_unpack(const wg_order *o)
{
    for (ptrdiff_t outer = 0; outer < o->outer; outer++)
        for (ptrdiff_t j = 0; j < o->n; j++)
            for (ptrdiff_t inner = 0; inner < o->inner; inner++)
                o->out[(outer * o->n + j) * o->inner + inner] =
                    (int64_t)(uint32_t)o->pairs[(outer * o->inner + inner) * o->n + j];
}

/* ---------------------------------------------------------------- sorted sequences */

wg_status wg_order_search(const wg_order_search_job *s)
{
    enum { TILE = 256 }; /* values */
    uint64_t wanted[TILE], *const keys = wg_buffer_acquire((size_t)most(1, s->n) * sizeof *keys);
    if (!keys)
        return WG_NO_MEMORY;
    for (ptrdiff_t row = 0; row < s->rows; row++) {
        if (row == 0 || s->each)
            order_keys(s->type, s->n, s->sequence + row * s->n * s->size, s->size, 0, keys);
        for (ptrdiff_t start = row * s->m; start < (row + 1) * s->m; start += TILE) {
            const ptrdiff_t count = least(TILE, (row + 1) * s->m - start);
            order_keys(s->type, count, s->values + start * s->size, s->size, 0, wanted);
            for (ptrdiff_t i = 0; i < count; i++) {
                const uint64_t *from = keys, key = wanted[i] + (uint64_t)(s->right != 0);
                ptrdiff_t left = s->n;
                for (; left > 1; left -= left / 2) /* without a branch that nobody could foresee */
                    from += left / 2 & -(ptrdiff_t)(from[left / 2 - 1] < key);
                s->out[start + i] = key < wanted[i] ? s->n : from - keys + (left && *from < key);
            }
        }
    }
    wg_buffer_release(keys);
    return WG_OK;
}
