/* householder.c - QR by Householder's reflections, for matrices that the second-level cache holds; determinants.
 *
 * G. Golub and C. Van Loan, "Matrix Computations", section 5.2. A reflection costs time where it is applied, which
 * vectors do (triangular.inc.c); what makes one of a column is here, once, in double precision. */
#include "grain.h"
#include "wengert.h"

#include <math.h>
#include <string.h>

enum { QR_CHUNK = CHUNK_OF(COST_FLOP, 1) };

typedef struct {
    wg_real real;
    ptrdiff_t m, n, columns;
    char *a, *q, *scratch;
} qr_job;

INLINE double qr_item(wg_real real, const void *x, ptrdiff_t i)
{
    return real == WG_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

INLINE void qr_put(wg_real real, void *x, ptrdiff_t i, double item)
{
    if (real == WG_F32)
        ((float *)x)[i] = (float)item;
    else
        ((double *)x)[i] = item;
}

/* Make the reflection v of m items of a column, `ld` apart, which become (beta, 0, 0, ...); gives tau. */
static double qr_reflection(wg_real real, ptrdiff_t m, void *x, ptrdiff_t ld, void *v)
{
    double sum = 0, scale = 1;
    for (ptrdiff_t i = 1; i < m; i++) {
        const double item = qr_item(real, x, i * ld);
        sum += item * item;
        qr_put(real, v, i, item);
        qr_put(real, x, i * ld, 0);
    }
    qr_put(real, v, 0, 1);
    if (sum <= 1e-200 || sum >= 1e200) { /* squares may have been too large, or too small */
        scale = sum = 0;
        for (ptrdiff_t i = 1; i < m; i++)
            scale = fmax(scale, fabs(qr_item(real, v, i)));
        for (ptrdiff_t i = 1; i < m && scale > 0; i++) {
            const double item = qr_item(real, v, i) / scale;
            sum += item * item;
        }
        if (sum == 0)
            return 0;
    }
    const double alpha = qr_item(real, x, 0), beta = -copysign(hypot(alpha, scale * sqrt(sum)), alpha);
    const double by = alpha - beta, inverse = 1 / by;
    const int tiny = isinf(inverse);
    for (ptrdiff_t i = 1; i < m; i++)
        qr_put(real, v, i, tiny ? qr_item(real, v, i) / by : qr_item(real, v, i) * inverse);
    qr_put(real, x, 0, beta);
    return (beta - alpha) / beta;
}

static void qr_matrices(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const qr_job *const job = context;
    const wg_real real = job->real;
    const ptrdiff_t m = job->m, n = job->n, columns = job->columns, k = least(m, n);
    const ptrdiff_t size = real == WG_F32 ? sizeof(float) : sizeof(double), row = (m + 1) * size;
    wg_reflect_fn *const reflect = wg_active->triangular->reflect[real];
    for (ptrdiff_t i = begin; i < end; i++) {
        char *const a = job->a + i * m * n * size, *const q = job->q + i * m * columns * size;
        char *const scratch = job->scratch + i * k * row; /* a row for each reflection, with its tau at the end */
        for (ptrdiff_t j = 0; j < k; j++) {
            char *const v = scratch + j * row, *const x = a + j * (n + 1) * size;
            const double tau = qr_reflection(real, m - j, x, n, v);
            qr_put(real, v, m, tau);
            if (tau != 0) /* else infinities would become NaN */
                reflect(m - j, n - j - 1, v, tau, x + size, n);
        }
        memset(q, 0, (size_t)(m * columns * size));
        for (ptrdiff_t j = 0; j < columns; j++)
            qr_put(real, q, j * (columns + 1), 1);
        for (ptrdiff_t j = least(k, columns) - 1; j >= 0; j--) {
            const char *const v = scratch + j * row;
            const double tau = qr_item(real, v, m);
            if (tau != 0)
                reflect(m - j, columns - j, v, tau, q + j * (columns + 1) * size, columns);
        }
    }
}

void wg_qr(wg_real real, ptrdiff_t count, ptrdiff_t m, ptrdiff_t n, ptrdiff_t columns, void *a, void *q, void *scratch)
{
    qr_job job = {real, m, n, columns, a, q, scratch};
    wg_parallel_for(count, pieces_per_chunk(QR_CHUNK, most(m * (n + columns) * least(m, n), 1)), qr_matrices, &job);
}

void wg_determinants(wg_real real, int what, ptrdiff_t count, ptrdiff_t n, const void *factors, const int64_t *order,
                     void *out)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        const ptrdiff_t first = i * n;
        double product = 1;
        long power = 0; /* of 2: the determinant is product * 2^power */
        for (ptrdiff_t k = 0; k < n; k++) {
            int exponent = 0;
            product = frexp(product * qr_item(real, factors, (first + k) * n + k), &exponent);
            power += exponent;
        }
        for (ptrdiff_t k = 0; k < n && what < 2; k++) { /* each row that stands behind one which it stood before */
            for (ptrdiff_t l = k + 1; l < n; l++)
                product = order[first + l] < order[first + k] ? -product : product;
        }
        if (fabs(product) < 0.7) { /* else the logarithm of what is near 1 would cancel */
            product *= 2;
            power--;
        }
        if (what == 0)
            product = ldexp(product, (int)(power < -4000 ? -4000 : power > 4000 ? 4000 : power));
        else if (what == 1)
            product = (product > 0) - (product < 0);
        else
            product = log(fabs(product)) + (double)power * log(2);
        qr_put(real, out, i, product);
    }
}
