/* program.c - lists of calls: recorded, planned, run. */
#include "program.h"

#include "grain.h"

#include <stdlib.h>
#include <string.h>

/* What stands before a call's arguments in the stream. */
typedef struct {
    wg_call_fn *run;
    uint32_t bytes; /* of the arguments and their tail */
    int32_t entry;
    uint8_t kind, real, keep, left_out;
} wg_head;

/* A pointer in the stream. */
typedef struct {
    size_t field;     /* where it stands */
    ptrdiff_t offset; /* where it points to, from the slot's base, or from the start of the stream */
    ptrdiff_t call;
    int slot; /* OWN: into the stream itself */
    unsigned access;
} wg_operand;
enum { OWN = -1 };

typedef struct {
    wg_slot_kind kind;
    unsigned access; /* of all calls, joined */
    size_t bytes;
    char *base;
    ptrdiff_t first, last; /* call that touches it */
    ptrdiff_t written;     /* the last call that writes to it; -1: none */
    ptrdiff_t writers;     /* how many there are */
    int operand;           /* of a BOUND slot, after finish: where its operands begin in `bound` */
} wg_slot;

_Thread_local void *wg_recording;

struct wg_program {
    char *stream;
    size_t used, room;
    size_t *starts; /* of the calls' heads */
    ptrdiff_t count, starts_room;
    wg_operand *operands;
    ptrdiff_t operand_count, operand_room;
    wg_slot *slots;
    int slot_count, slot_room;
    int *bound; /* the operands of bound slots, slot by slot, each list ended by -1 */
    char *arena;
    size_t arena_bytes, block_bytes;
    ptrdiff_t fused;
};

#define ALIGNED(bytes, to) (((bytes) + (to) - 1) / (to) * (to))
#define HEAD ALIGNED(sizeof(wg_head), 8)
enum { POINTER = sizeof(char *) };

static wg_head *head_of(const wg_program *p, ptrdiff_t place)
{
    return (wg_head *)(void *)(p->stream + p->starts[place]);
}

static char *arguments_of(const wg_program *p, ptrdiff_t place)
{
    return p->stream + p->starts[place] + HEAD;
}

wg_program *wg_program_new(void)
{
    return calloc(1, sizeof(wg_program));
}

void wg_program_free(wg_program *p)
{
    if (!p)
        return;
    if (p->arena)
        wg_buffer_release(p->arena);
    free(p->bound);
    free(p->slots);
    free(p->operands);
    free(p->starts);
    free(p->stream);
    free(p);
}

/* ---------------------------------------------------------------- recording */

/* Room for `count` items of `size` bytes in *list, which is made larger by halves; 0 when there is no memory. */
static int has_room(void *list, ptrdiff_t *room, ptrdiff_t count, size_t size)
{
    if (count <= *room)
        return 1;
    const ptrdiff_t wanted = most(count, *room + *room / 2 + 64);
    void *larger = realloc(*(void **)list, (size_t)wanted * size);
    if (!larger)
        return 0;
    *(void **)list = larger;
    *room = wanted;
    return 1;
}

static int stream_has_room(wg_program *p, size_t bytes)
{
    if (p->used + bytes <= p->room)
        return 1;
    const size_t wanted = p->used + bytes + p->room / 2 + 4096;
    char *larger = realloc(p->stream, wanted);
    if (!larger)
        return 0;
    p->stream = larger;
    p->room = wanted;
    return 1;
}

int wg_program_slot(wg_program *p, wg_slot_kind kind, size_t bytes, char *base)
{
    ptrdiff_t room = p->slot_room;
    if (!has_room(&p->slots, &room, (ptrdiff_t)p->slot_count + 1, sizeof(wg_slot)))
        return -1;
    p->slot_room = (int)room;
    p->slots[p->slot_count] =
        (wg_slot){.kind = kind, .bytes = bytes, .base = base, .first = -1, .last = -1, .written = -1};
    return p->slot_count++;
}

void wg_program_set_slot(wg_program *p, int slot, wg_slot_kind kind, char *base)
{
    p->slots[slot].kind = kind;
    p->slots[slot].base = base;
}

ptrdiff_t wg_program_call(wg_program *p, wg_call_fn *run, wg_call_kind kind, wg_real real, int entry, int keep,
                          const void *arguments, size_t bytes)
{
    const size_t whole = HEAD + ALIGNED(bytes, 8);
    if (!has_room(&p->starts, &p->starts_room, p->count + 1, sizeof(size_t)) || !stream_has_room(p, whole))
        return -1;
    memset(p->stream + p->used, 0, whole);
    p->starts[p->count] = p->used;
    *head_of(p, p->count) = (wg_head){.run = run,
                                      .bytes = (uint32_t)ALIGNED(bytes, 8),
                                      .entry = entry,
                                      .kind = (uint8_t)kind,
                                      .real = (uint8_t)real,
                                      .keep = (uint8_t)keep};
    if (bytes)
        memcpy(p->stream + p->used + HEAD, arguments, bytes);
    p->used += whole;
    return p->count++;
}

static int add_operand(wg_program *p, ptrdiff_t field, int slot, ptrdiff_t offset, unsigned access)
{
    if (!has_room(&p->operands, &p->operand_room, p->operand_count + 1, sizeof(wg_operand)))
        return -1;
    const size_t at = p->starts[p->count - 1] + HEAD + (size_t)field;
    memset(p->stream + at, 0, POINTER); /* so that lists can be compared byte by byte */
    p->operands[p->operand_count++] =
        (wg_operand){.field = at, .offset = offset, .call = p->count - 1, .slot = slot, .access = access};
    return 0;
}

ptrdiff_t wg_program_tail(wg_program *p, ptrdiff_t field, const void *data, size_t bytes)
{
    if (!stream_has_room(p, ALIGNED(bytes, 8)))
        return -1;
    const size_t at = p->used;
    memset(p->stream + at, 0, ALIGNED(bytes, 8));
    if (bytes)
        memcpy(p->stream + at, data, bytes);
    p->used += ALIGNED(bytes, 8);
    head_of(p, p->count - 1)->bytes += (uint32_t)ALIGNED(bytes, 8);
    const ptrdiff_t from_arguments = (ptrdiff_t)(at - p->starts[p->count - 1] - HEAD);
    if (field >= 0 && add_operand(p, field, OWN, (ptrdiff_t)at, WG_READS) < 0)
        return -1;
    return from_arguments;
}

int wg_program_operand(wg_program *p, ptrdiff_t field, int slot, ptrdiff_t offset, wg_access access)
{
    wg_slot *s = &p->slots[slot];
    s->access |= access;
    if (access & WG_WRITES) {
        s->written = p->count - 1;
        s->writers++;
    }
    return add_operand(p, field, slot, offset, access);
}

int wg_program_constant(wg_program *p, int slot, ptrdiff_t place, char *base)
{
    wg_slot *s = &p->slots[slot];
    if (s->kind != WG_SLOT_BLOCK || s->writers != 1)
        return 0;
    head_of(p, place)->left_out = 1;
    s->kind = WG_SLOT_FIXED;
    s->base = base;
    return 1;
}

wg_slot_kind wg_program_kind(const wg_program *p, int slot)
{
    return p->slots[slot].kind;
}

size_t wg_program_bytes(const wg_program *p, int slot)
{
    return p->slots[slot].bytes;
}

ptrdiff_t wg_program_count(const wg_program *p)
{
    return p->count;
}

void wg_program_drop(wg_program *p, ptrdiff_t count)
{
    if (count >= p->count)
        return;
    while (p->operand_count && p->operands[p->operand_count - 1].call >= count)
        p->operand_count--;
    p->used = p->starts[count];
    p->count = count;
}

int wg_program_written_since(const wg_program *p, int slot, ptrdiff_t since)
{
    return p->slots[slot].written >= since;
}

unsigned wg_program_access(const wg_program *p, int slot)
{
    return p->slots[slot].access;
}

void *wg_program_copied(wg_program *p, ptrdiff_t field)
{
    const size_t at = p->starts[p->count - 1] + HEAD + (size_t)field;
    for (ptrdiff_t i = p->operand_count - 1; i >= 0 && p->operands[i].call == p->count - 1; i--)
        if (p->operands[i].field == at && p->operands[i].slot == OWN)
            return p->stream + p->operands[i].offset;
    return NULL;
}

/* Whether two operands say the same of their calls. */
static int same_operand(const wg_program *p, const wg_operand *x, const wg_program *q, const wg_operand *y)
{
    if (x->call != y->call || x->slot != y->slot || x->access != y->access ||
        x->field - p->starts[x->call] != y->field - q->starts[y->call])
        return 0;
    return x->slot == OWN ? x->offset - (ptrdiff_t)p->starts[x->call] == y->offset - (ptrdiff_t)q->starts[y->call]
                          : x->offset == y->offset;
}

ptrdiff_t wg_program_differs(const wg_program *p, const wg_program *q)
{
    const ptrdiff_t both = least(p->count, q->count);
    ptrdiff_t i = 0, j = 0;
    for (ptrdiff_t place = 0; place < both; place++) {
        const wg_head *x = head_of(p, place), *y = head_of(q, place);
        if (x->run != y->run || x->bytes != y->bytes || x->kind != y->kind || x->real != y->real ||
            memcmp(arguments_of(p, place), arguments_of(q, place), x->bytes) != 0)
            return place;
        for (; i < p->operand_count && p->operands[i].call == place; i++, j++)
            if (j == q->operand_count || !same_operand(p, &p->operands[i], q, &q->operands[j]))
                return place;
        if (j < q->operand_count && q->operands[j].call == place)
            return place;
    }
    return p->count == q->count ? -1 : both;
}

/* ---------------------------------------------------------------- finishing */

/* Mark the calls that somebody needs: from the last one back, those that write outside, must be kept, or write what a
 * needed one reads. Gives a byte for each call; NULL when there is no memory. */
static char *needed_calls(const wg_program *p)
{
    char *needed = calloc((size_t)p->count + 1, 1), *wanted = calloc((size_t)p->slot_count + 1, 1);
    if (!needed || !wanted) {
        free(needed);
        free(wanted);
        return NULL;
    }
    ptrdiff_t end = p->operand_count;
    for (ptrdiff_t place = p->count - 1; place >= 0; place--) {
        ptrdiff_t begin = end;
        int need = head_of(p, place)->keep;
        while (begin && p->operands[begin - 1].call == place) {
            const wg_operand *o = &p->operands[--begin];
            need |=
                o->slot >= 0 && (o->access & WG_WRITES) && (p->slots[o->slot].kind != WG_SLOT_BLOCK || wanted[o->slot]);
        }
        need = need && !head_of(p, place)->left_out;
        for (ptrdiff_t i = begin; need && i < end; i++)
            if (p->operands[i].slot >= 0)
                wanted[p->operands[i].slot] = 1;
        needed[place] = (char)need;
        end = begin;
    }
    free(wanted);
    return needed;
}

/* Leave out the calls that are not needed. */
static void leave_out(wg_program *p, const char *needed)
{
    size_t to = 0;
    ptrdiff_t count = 0, operands = 0, i = 0;
    for (ptrdiff_t place = 0; place < p->count; place++) {
        const size_t start = p->starts[place], whole = HEAD + head_of(p, place)->bytes;
        for (; i < p->operand_count && p->operands[i].call == place; i++) {
            if (!needed[place])
                continue;
            wg_operand o = p->operands[i];
            o.field -= start - to;
            o.offset -= o.slot == OWN ? (ptrdiff_t)(start - to) : 0;
            o.call = count;
            p->operands[operands++] = o;
        }
        if (!needed[place])
            continue;
        memmove(p->stream + to, p->stream + start, whole);
        p->starts[count++] = to;
        to += whole;
    }
    p->used = to;
    p->count = count;
    p->operand_count = operands;
}

/* Note the first and the last call that touches each slot. */
static void find_lives(wg_program *p)
{
    for (int s = 0; s < p->slot_count; s++)
        p->slots[s].first = p->slots[s].last = -1;
    for (ptrdiff_t i = 0; i < p->operand_count; i++) {
        const wg_operand *o = &p->operands[i];
        if (o->slot == OWN)
            continue;
        wg_slot *s = &p->slots[o->slot];
        if (s->first < 0)
            s->first = o->call;
        s->last = o->call;
    }
}

/* Sizes of free memory in the arena: eight classes between powers of two, so that at most an eighth is wasted. */
enum { CLASSES = 8 * 56 };

static size_t size_of_class(int class)
{
    return (size_t)(8 + class % 8) << (class / 8) << 3;
}

static int class_of(size_t bytes)
{
    int class = 0;
    while (size_of_class(class) < bytes)
        class += size_of_class(class + 8) < bytes ? 8 : 1;
    return class;
}

/* Give each block its place in the arena, in `base` as an offset: in memory whose last block is touched no more. Blocks
 * end their lives in the order of calls, so that one sweep over the operands finds who begins and who has ended. */
static int place_blocks(wg_program *p)
{
    int *next = malloc(sizeof(int) * (size_t)(p->slot_count + 1)); /* a list of free slots' places for each class */
    int free_of[CLASSES];
    if (!next)
        return 0;
    for (int c = 0; c < CLASSES; c++)
        free_of[c] = -1;
    size_t top = 0;
    p->block_bytes = 0;
    ptrdiff_t i = 0;
    for (ptrdiff_t place = 0; place < p->count; place++) {
        const ptrdiff_t begin = i;
        for (; i < p->operand_count && p->operands[i].call == place; i++) {
            const int number = p->operands[i].slot;
            if (number == OWN || p->slots[number].kind != WG_SLOT_BLOCK || p->slots[number].first != place)
                continue;
            wg_slot *s = &p->slots[number];
            s->first = -2; /* placed */
            const int class = class_of(s->bytes);
            p->block_bytes += s->bytes;
            if (free_of[class] >= 0) {
                const int former = free_of[class];
                free_of[class] = next[former];
                s->base = p->slots[former].base;
            } else {
                s->base = (char *)top;
                top += ALIGNED(size_of_class(class), WG_ALIGNMENT);
            }
        }
        for (ptrdiff_t k = begin; k < i; k++) {
            const int number = p->operands[k].slot;
            if (number == OWN || p->slots[number].kind != WG_SLOT_BLOCK || p->slots[number].last != place)
                continue;
            wg_slot *s = &p->slots[number];
            s->last = -2; /* ended */
            const int class = class_of(s->bytes);
            next[number] = free_of[class];
            free_of[class] = number;
        }
    }
    free(next);
    p->arena_bytes = top;
    return 1;
}

/* The operands of bound slots, slot by slot. */
static int list_bound(wg_program *p)
{
    int *count = calloc((size_t)p->slot_count + 1, sizeof(int));
    if (!count)
        return 0;
    int total = 0;
    for (ptrdiff_t i = 0; i < p->operand_count; i++)
        if (p->operands[i].slot != OWN && p->slots[p->operands[i].slot].kind == WG_SLOT_BOUND)
            count[p->operands[i].slot]++;
    for (int s = 0; s < p->slot_count; s++) {
        p->slots[s].operand = total;
        total += p->slots[s].kind == WG_SLOT_BOUND ? count[s] + 1 : 0;
    }
    p->bound = malloc(sizeof(int) * (size_t)(total + 1));
    if (p->bound) {
        for (int s = 0; s < p->slot_count; s++) {
            if (p->slots[s].kind == WG_SLOT_BOUND)
                p->bound[p->slots[s].operand + count[s]] = -1;
            count[s] = 0;
        }
        for (ptrdiff_t i = 0; i < p->operand_count; i++) {
            const int s = p->operands[i].slot;
            if (s != OWN && p->slots[s].kind == WG_SLOT_BOUND)
                p->bound[p->slots[s].operand + count[s]++] = (int)i;
        }
    }
    free(count);
    return p->bound != NULL;
}

static void point(wg_program *p, const wg_operand *o, char *base)
{
    char *to = base + o->offset;
    memcpy(p->stream + o->field, &to, sizeof to);
}

/* Write the pointers into the arena, to fixed memory, and into the stream itself. */
static void point_all(wg_program *p)
{
    for (ptrdiff_t i = 0; i < p->operand_count; i++) {
        const wg_operand *o = &p->operands[i];
        if (o->slot == OWN)
            point(p, o, p->stream);
        else if (p->slots[o->slot].kind != WG_SLOT_BOUND)
            point(p, o, p->slots[o->slot].base);
    }
}

/* The arena's memory, and the addresses of the blocks, which were offsets. */
static int acquire_arena(wg_program *p)
{
    p->arena = wg_buffer_acquire(p->arena_bytes ? p->arena_bytes : 1);
    if (!p->arena)
        return 0;
    for (int s = 0; s < p->slot_count; s++)
        if (p->slots[s].kind == WG_SLOT_BLOCK)
            p->slots[s].base = p->arena + (size_t)p->slots[s].base;
    return 1;
}

static wg_status join_runs(wg_program *p);

wg_status wg_program_finish(wg_program *p, int fuse)
{
    char *needed = needed_calls(p);
    if (!needed)
        return WG_NO_MEMORY;
    leave_out(p, needed);
    free(needed);
    if (fuse && join_runs(p) != WG_OK)
        return WG_NO_MEMORY;
    find_lives(p);
    for (int s = 0; s < p->slot_count; s++)
        if (p->slots[s].kind != WG_SLOT_FIXED)
            p->slots[s].base = NULL;
    if (!place_blocks(p) || !list_bound(p) || !acquire_arena(p))
        return WG_NO_MEMORY;
    point_all(p);
    return WG_OK;
}

static void *copy_of(const void *from, size_t bytes)
{
    void *to = malloc(bytes ? bytes : 1);
    if (to && bytes)
        memcpy(to, from, bytes);
    return to;
}

wg_program *wg_program_copy(const wg_program *p)
{
    wg_program *q = copy_of(p, sizeof *p);
    if (!q)
        return NULL;
    int listed = 0;
    for (int s = 0; s < p->slot_count; s++)
        if (p->slots[s].kind == WG_SLOT_BOUND) {
            listed = p->slots[s].operand;
            while (p->bound[listed] >= 0)
                listed++;
            listed++;
        }
    q->arena = NULL;
    q->stream = copy_of(p->stream, p->used);
    q->room = p->used;
    q->starts = copy_of(p->starts, sizeof(size_t) * (size_t)p->count);
    q->starts_room = p->count;
    q->operands = copy_of(p->operands, sizeof(wg_operand) * (size_t)p->operand_count);
    q->operand_room = p->operand_count;
    q->slots = copy_of(p->slots, sizeof(wg_slot) * (size_t)p->slot_count);
    q->slot_room = p->slot_count;
    q->bound = copy_of(p->bound, sizeof(int) * (size_t)listed);
    if (q->stream && q->starts && q->operands && q->slots && q->bound) {
        for (int s = 0; s < q->slot_count; s++)
            if (q->slots[s].kind == WG_SLOT_BLOCK)
                q->slots[s].base = (char *)(q->slots[s].base - p->arena);
        if (acquire_arena(q)) {
            point_all(q);
            return q;
        }
    }
    wg_program_free(q);
    return NULL;
}

/* ---------------------------------------------------------------- running */

char *wg_program_base(const wg_program *p, int slot)
{
    return p->slots[slot].base;
}

void wg_program_bind(wg_program *p, int slot, char *base)
{
    wg_slot *s = &p->slots[slot];
    if (s->base == base)
        return;
    s->base = base;
    for (const int *i = p->bound + s->operand; *i >= 0; i++)
        point(p, &p->operands[*i], base);
}

enum { BETWEEN_QUESTIONS = 256 };

ptrdiff_t wg_program_run(wg_program *p, ptrdiff_t from, int (*interrupted)(void), wg_status *status)
{
    static const ptrdiff_t still[WG_MAX_OPERANDS] = {0};
    wg_elementwise_fn *const(*table)[WG_REALS] = wg_active->elementwise->kernel;
    *status = WG_OK;
    for (ptrdiff_t place = from; place < p->count; place++) {
        const wg_head *head = head_of(p, place);
        if (head->kind == WG_CALL_STEP)
            return place;
        char *arguments = p->stream + p->starts[place] + HEAD;
        if (head->kind == WG_CALL_DENSE && ((const wg_dense *)(const void *)arguments)->items <= WG_SHORT) {
            const wg_dense *d =
                (const wg_dense *)(const void *)arguments; /* the most frequent ones, without a detour */
            const ptrdiff_t strides[WG_MAX_OPERANDS] = {d->steps[0], d->steps[1], d->steps[2], d->steps[3]};
            if (d->items)
                table[d->kernel][head->real](1, d->items, d->data, still, strides, d->params);
            continue;
        }
        *status = head->run(arguments, (wg_real)head->real);
        if (*status == WG_OK && interrupted && place % BETWEEN_QUESTIONS == BETWEEN_QUESTIONS - 1 && interrupted())
            *status = WG_INTERRUPTED;
        if (*status != WG_OK)
            return place;
    }
    return p->count;
}

int wg_program_entry(const wg_program *p, ptrdiff_t place)
{
    return head_of(p, place)->entry;
}

void *wg_program_arguments(wg_program *p, ptrdiff_t place)
{
    return arguments_of(p, place);
}

wg_program_size wg_program_sizes(const wg_program *p)
{
    return (wg_program_size){.calls = p->count, .fused = p->fused, .arena = p->arena_bytes, .blocks = p->block_bytes};
}

/* ---------------------------------------------------------------- joining dense calls
 *
 * Calls that follow each other and go over the same number of items may go block by block if each meets the others' items
 * in the same places alone: a slot that one of them writes is touched by all at one offset, item by item. */

typedef struct {
    const wg_program *p;
    ptrdiff_t from, to;      /* the calls of the run */
    ptrdiff_t first, behind; /* their operands */
} wg_run;

static const wg_dense *dense_at(const wg_program *p, ptrdiff_t place)
{
    return (const wg_dense *)(const void *)arguments_of(p, place);
}

static int which_operand(const wg_program *p, const wg_operand *o)
{
    const size_t field = o->field - p->starts[o->call] - HEAD - offsetof(wg_dense, data);
    return field < sizeof(char *) * WG_MAX_OPERANDS ? (int)(field / sizeof(char *)) : -1;
}

/* How many bytes one item of an operand has; 0 if it is one item for all. */
static size_t step_of(const wg_program *p, const wg_operand *o)
{
    return dense_at(p, o->call)->steps[which_operand(p, o)];
}

/* Whether one call more can join the run: everything that it shares with the others is met item by item. */
static int joins(const wg_run *run, ptrdiff_t place, ptrdiff_t first, ptrdiff_t behind)
{
    const wg_program *p = run->p;
    if (head_of(p, place)->kind != WG_CALL_DENSE || head_of(p, place)->real != head_of(p, run->from)->real ||
        dense_at(p, place)->items != dense_at(p, run->from)->items)
        return 0;
    for (ptrdiff_t i = first; i < behind; i++) {
        const wg_operand *x = &p->operands[i];
        if (x->slot == OWN)
            continue;
        for (ptrdiff_t j = run->first; j < run->behind; j++) {
            const wg_operand *y = &p->operands[j];
            if (x->slot != y->slot || !((x->access | y->access) & WG_WRITES))
                continue;
            if (x->offset != y->offset || step_of(p, x) != step_of(p, y) || step_of(p, x) == 0)
                return 0;
        }
    }
    return 1;
}

/* Whether all that touches a slot is in the run, and it is a block of the program's own. */
static int is_private(const wg_run *run, const wg_operand *o)
{
    const wg_slot *s = &run->p->slots[o->slot];
    return s->kind == WG_SLOT_BLOCK && s->first >= run->from && s->last < run->to && step_of(run->p, o) > 1;
}

/* Which blocks of scratch memory the private slots of a run take, in the order of the operands: -1 for none. */
static void assign_scratch(const wg_run *run, signed char *scratch)
{
    const wg_program *p = run->p;
    int holder[WG_FUSED_SCRATCH];
    for (int k = 0; k < WG_FUSED_SCRATCH; k++)
        holder[k] = -1;
    for (ptrdiff_t i = run->first; i < run->behind; i++) {
        const wg_operand *o = &p->operands[i];
        const int operand = which_operand(p, o);
        if (operand < 0)
            continue;
        signed char *found = &scratch[(o->call - run->from) * WG_MAX_OPERANDS + operand];
        if (o->slot == OWN || !is_private(run, o))
            continue;
        int free_block = -1;
        for (int k = 0; k < WG_FUSED_SCRATCH; k++) {
            if (holder[k] == o->slot)
                *found = (signed char)k;
            else if (free_block < 0 && (holder[k] < 0 || p->slots[holder[k]].last < o->call))
                free_block = k;
        }
        if (*found < 0 && p->slots[o->slot].first == o->call && free_block >= 0) {
            holder[free_block] = o->slot;
            *found = (signed char)free_block;
        }
    }
}

/* Add a run to q as one call. */
static int add_joined(wg_program *q, const wg_run *run)
{
    const wg_program *p = run->p;
    const ptrdiff_t parts = run->to - run->from;
    const wg_real real = (wg_real)head_of(p, run->from)->real;
    signed char *scratch = malloc((size_t)parts * WG_MAX_OPERANDS);
    wg_dense *part = malloc(sizeof(wg_dense) * (size_t)parts);
    int made = scratch && part;
    if (made) {
        memset(scratch, -1, (size_t)parts * WG_MAX_OPERANDS);
        assign_scratch(run, scratch);
        for (ptrdiff_t k = 0; k < parts; k++)
            part[k] = *dense_at(p, run->from + k);
        const wg_fused f = {
            .items = part[0].items, .block = WG_FUSED_BLOCK / (real == WG_F32 ? 4 : 8), .parts = (int)parts};
        made =
            wg_program_call(q, wg_call_fused, WG_CALL_KERNEL, real, head_of(p, run->from)->entry, 0, &f, sizeof f) >= 0;
        const ptrdiff_t at =
            made ? wg_program_tail(q, offsetof(wg_fused, part), part, sizeof(wg_dense) * (size_t)parts) : -1;
        made =
            at >= 0 && wg_program_tail(q, offsetof(wg_fused, scratch), scratch, (size_t)parts * WG_MAX_OPERANDS) >= 0;
        for (ptrdiff_t i = run->first; made && i < run->behind; i++) {
            const wg_operand *o = &p->operands[i];
            const ptrdiff_t k = o->call - run->from;
            const ptrdiff_t field =
                at + k * (ptrdiff_t)sizeof(wg_dense) + (ptrdiff_t)(o->field - p->starts[o->call] - HEAD);
            const int operand = which_operand(p, o);
            if (o->slot == OWN) { /* numbers and parameters, which stand behind the call: what is left of it */
                const size_t own = (size_t)o->offset - p->starts[o->call];
                const size_t end = HEAD + head_of(p, o->call)->bytes;
                made = wg_program_tail(q, field, p->stream + p->starts[o->call] + own, end - own) >= 0;
            } else if (operand < 0 || scratch[k * WG_MAX_OPERANDS + operand] < 0) {
                made = wg_program_operand(q, field, o->slot, o->offset, o->access) == 0;
            }
        }
    }
    free(scratch);
    free(part);
    return made;
}

/* Add one call to q as it is. */
static int add_same(wg_program *q, const wg_program *p, ptrdiff_t place, ptrdiff_t first, ptrdiff_t behind)
{
    const wg_head *head = head_of(p, place);
    if (wg_program_call(q, head->run, head->kind, (wg_real)head->real, head->entry, head->keep, arguments_of(p, place),
                        head->bytes) < 0)
        return 0;
    for (ptrdiff_t i = first; i < behind; i++) {
        const wg_operand *o = &p->operands[i];
        const ptrdiff_t own = o->slot == OWN ? (ptrdiff_t)q->starts[q->count - 1] - (ptrdiff_t)p->starts[place] : 0;
        if (add_operand(q, (ptrdiff_t)(o->field - p->starts[place] - HEAD), o->slot, o->offset + own, o->access) < 0)
            return 0;
    }
    return 1;
}

/* Of runs of joined calls one of two lengths at least is worth it. All calls are written anew, into a list that takes the
 * place of the old one. */
static wg_status join_runs(wg_program *p)
{
    wg_program *q = wg_program_new();
    int made = q != NULL;
    find_lives(p);
    for (int s = 0; made && s < p->slot_count; s++)
        made = wg_program_slot(q, p->slots[s].kind, p->slots[s].bytes, p->slots[s].base) == s;
    ptrdiff_t i = 0;
    for (ptrdiff_t place = 0; made && place < p->count;) {
        wg_run run = {.p = p, .from = place, .to = place, .first = i, .behind = i};
        ptrdiff_t end = i;
        do {
            run.behind = end;
            run.to++;
            while (run.behind < p->operand_count && p->operands[run.behind].call < run.to)
                run.behind++;
            end = run.behind;
            ptrdiff_t behind = end;
            while (behind < p->operand_count && p->operands[behind].call == run.to)
                behind++;
            if (head_of(p, place)->kind != WG_CALL_DENSE || dense_at(p, place)->items < WG_FUSED_FROM ||
                run.to == p->count || run.to - run.from == WG_FUSED_PARTS || !joins(&run, run.to, end, behind))
                break;
        } while (1);
        if (run.to - run.from > 1) {
            made = add_joined(q, &run);
            q->fused += run.to - run.from;
        } else {
            made = add_same(q, p, place, run.first, run.behind);
        }
        i = run.behind;
        place = run.to;
    }
    if (!made) {
        wg_program_free(q);
        return WG_NO_MEMORY;
    }
    const wg_program old = *p;
    *p = *q;
    *q = old;
    wg_program_free(q);
    return WG_OK;
}
