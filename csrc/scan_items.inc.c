/* scan_items.inc.c - scan.inc.c's loops for one type: scan_item, whose totals are of the type scan_total. */

/* `count` items as they lie side by side, or a copy. */
static const scan_item *SCAN(side_by_side)(ptrdiff_t count, const char *in, ptrdiff_t stride, scan_item *copy)
{
    if (stride == sizeof(scan_item))
        return (const scan_item *)in;
    for (ptrdiff_t i = 0; i < count; i++)
        copy[i] = *(const scan_item *)(in + i * stride);
    return copy;
}

/* ---------------------------------------------------------------- sums and products */

INLINE scan_total SCAN(join)(wg_scan_kind kind, scan_total a, scan_total b)
{
    return kind == WG_SCAN_prod ? a * b : a + b;
}

/* One line. Four items are joined apart from the total, so that only every fourth operation waits for one before. */
INLINE void SCAN(total_line)(wg_scan_kind kind, ptrdiff_t n, const char *in, ptrdiff_t stride, scan_item *out)
{
    scan_total total = kind == WG_SCAN_prod;
    ptrdiff_t i = 0;
    if (kind == WG_SCAN_sum || PRODUCTS_IN_GROUPS)
        for (; i + 4 <= n; i += 4, in += 4 * stride) {
            const scan_total a = (scan_total) * (const scan_item *)in;
            const scan_total b = (scan_total) * (const scan_item *)(in + stride);
            const scan_total c = (scan_total) * (const scan_item *)(in + 2 * stride);
            const scan_total d = (scan_total) * (const scan_item *)(in + 3 * stride);
            const scan_total two = SCAN(join)(kind, a, b);
            out[i] = (scan_item)SCAN(join)(kind, total, a);
            out[i + 1] = (scan_item)SCAN(join)(kind, total, two);
            out[i + 2] = (scan_item)SCAN(join)(kind, total, SCAN(join)(kind, two, c));
            total = SCAN(join)(kind, total, SCAN(join)(kind, two, SCAN(join)(kind, c, d)));
            out[i + 3] = (scan_item)total;
        }
    for (; i < n; i++, in += stride) {
        total = SCAN(join)(kind, total, (scan_total) * (const scan_item *)in);
        out[i] = (scan_item)total;
    }
}

INLINE void SCAN(total_tile)(wg_scan_kind kind, const wg_scan *s, ptrdiff_t columns, const char *in, scan_item *out)
{
    scan_item row[SCAN_TILE];
    scan_total total[SCAN_TILE];
    for (ptrdiff_t c = 0; c < SCAN_TILE; c++)
        total[c] = kind == WG_SCAN_prod;
    for (ptrdiff_t i = 0; i < s->n; i++, in += s->strides[1], out += s->inner) {
        const scan_item *const x = SCAN(side_by_side)(columns, in, s->strides[2], row);
        for (ptrdiff_t c = 0; c < columns; c++) {
            total[c] = SCAN(join)(kind, total[c], (scan_total)x[c]);
            out[c] = (scan_item)total[c];
        }
    }
}

/* ---------------------------------------------------------------- extremes */

/* One line: the best items, and where they stand. Blocks without a better item are only filled; there are
 * none once the best is NaN. `turn` exchanges the order of items, or nothing. */
static void SCAN(extreme_line)(scan_item turn, ptrdiff_t n, const char *in, ptrdiff_t stride, scan_item *out,
                               int64_t *places)
{
    scan_item copy[SCAN_BLOCK] = {0}, best = TURNED(*(const scan_item *)in, turn);
    int64_t at = 0;
    for (ptrdiff_t i = 0; i < n; i += SCAN_BLOCK, in += SCAN_BLOCK * stride) {
        const ptrdiff_t count = least(n - i, SCAN_BLOCK);
        const scan_item *const x = SCAN(side_by_side)(count, in, stride, copy);
        int better = count < SCAN_BLOCK;
        if (!better)
            for (ptrdiff_t j = 0; j < SCAN_BLOCK; j++)
                better |= !(TURNED(x[j], turn) < best);
        if (!better)
            for (ptrdiff_t j = 0; j < SCAN_BLOCK; j++) {
                out[i + j] = TURNED(best, turn);
                places[i + j] = at;
            }
        for (ptrdiff_t j = i; better && j < i + count; j++) {
            const scan_item item = TURNED(x[j - i], turn);
            if (IS_NAN(item) || (!IS_NAN(best) && !(item < best)))
                best = item, at = j;
            out[j] = TURNED(best, turn);
            places[j] = at;
        }
    }
}

static void SCAN(extreme_tile)(scan_item turn, const wg_scan *s, ptrdiff_t columns, const char *in, scan_item *out,
                               int64_t *places)
{
    scan_item row[SCAN_TILE], best[SCAN_TILE];
    int64_t at[SCAN_TILE] = {0};
    for (ptrdiff_t i = 0; i < s->n; i++, in += s->strides[1], out += s->inner, places += s->inner) {
        const scan_item *const x = SCAN(side_by_side)(columns, in, s->strides[2], row);
        if (i == 0)
            memcpy(best, x, (size_t)columns * sizeof(scan_item));
        for (ptrdiff_t c = 0; c < columns; c++) {
            const int better = (!(TURNED(x[c], turn) < TURNED(best[c], turn)) & !IS_NAN(best[c])) | IS_NAN(x[c]);
            best[c] = better ? x[c] : best[c];
            at[c] = better ? i : at[c];
        }
        memcpy(out, best, (size_t)columns * sizeof(scan_item));
        memcpy(places, at, (size_t)columns * sizeof(int64_t));
    }
}

/* ---------------------------------------------------------------- lines */

INLINE void SCAN(totals)(wg_scan_kind kind, const wg_scan *s, ptrdiff_t columns, const char *in, scan_item *out)
{
    if (s->inner == 1)
        SCAN(total_line)(kind, s->n, in, s->strides[1], out);
    else
        SCAN(total_tile)(kind, s, columns, in, out);
}

/* Task: tiles [begin, end), counted through the outer dimension. */
static void SCAN(tiles)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const wg_scan *s = context;
    const ptrdiff_t tiles = ceil_div(s->inner, SCAN_TILE);
    const scan_item turn = s->kind == WG_SCAN_min ? TURN : NO_TURN;
    for (ptrdiff_t t = begin; t < end; t++) {
        const ptrdiff_t outer = t / tiles, start = t % tiles * SCAN_TILE, columns = least(s->inner - start, SCAN_TILE);
        const ptrdiff_t first = outer * s->n * s->inner + start;
        const char *const in = s->in + outer * s->strides[0] + start * s->strides[2];
        scan_item *const out = (scan_item *)s->out + first;
        if (s->kind == WG_SCAN_sum)
            SCAN(totals)(WG_SCAN_sum, s, columns, in, out);
        else if (s->kind == WG_SCAN_prod)
            SCAN(totals)(WG_SCAN_prod, s, columns, in, out);
        else if (s->inner == 1)
            SCAN(extreme_line)(turn, s->n, in, s->strides[1], out, s->places + first);
        else
            SCAN(extreme_tile)(turn, s, columns, in, out, s->places + first);
    }
}

static void SCAN(lines)(const wg_scan *s)
{
    if (s->outer == 0 || s->n == 0 || s->inner == 0)
        return;
    const ptrdiff_t grain = pieces_per_chunk(SCAN_CHUNK, s->n * least(s->inner, SCAN_TILE));
    wg_parallel_for(s->outer * ceil_div(s->inner, SCAN_TILE), grain, SCAN(tiles), (void *)s);
}
