/* peak.inc.c - the measured ceiling of one thread: how many floating-point operations a second this instruction set
 * reaches when nothing but multiply-adds is done. Every figure of a matrix product is quoted against it.
 *
 * A fused multiply-add has a latency of about four cycles and up to two start in each, so eight independent chains keep
 * the units busy; twelve leave room, and fit the sixteen registers of x86 without AVX-512. Where there is no fused
 * instruction (x86 `base`) a multiplication and an addition are measured, since those are what the kernels use there. */

#include "system.h"

#define PEAK_CHAINS 12

/* `rounds` steps of every chain, all in registers; gives the sum of the chains, so that none can be left out. */
static NOINLINE vreal INTERNAL(peak_rounds)(ptrdiff_t rounds, real start, real factor, real term)
{
    const vreal factors = V(splat)(factor), terms = V(splat)(term);
    vreal chain[PEAK_CHAINS];
    for (int i = 0; i < PEAK_CHAINS; i++)
        chain[i] = V(splat)(start * (real)i); /* different, or the compiler would compute one chain for all */
    for (ptrdiff_t round = 0; round < rounds; round++)
        for (int i = 0; i < PEAK_CHAINS; i++)
            chain[i] = V(fma)(chain[i], factors, terms);
    vreal sum = chain[0];
    for (int i = 1; i < PEAK_CHAINS; i++)
        sum += chain[i];
    return sum;
}

/* FLOP/s of the calling thread, the best of the samples of about a millisecond that fit into `seconds` (at least
 * three): the best, because whatever else the machine does can only make a sample slower. */
static double K(peak_flops)(double seconds)
{
    const ptrdiff_t rounds = 1 << 18;
    const double flops = 2.0 * PEAK_CHAINS * (double)LANES * (double)rounds;
    /* Ordinary numbers that converge to ordinary numbers. */
    volatile real start = 1, factor = (real)0.5, term = (real)0.5;
    volatile real sink;
    double best = 0;
    const double begin = clock_seconds();
    for (int sample = 0; sample < 3 || clock_seconds() - begin < seconds; sample++) {
        const double started = clock_seconds();
        sink = INTERNAL(peak_rounds)(rounds, start, factor, term)[0];
        const double elapsed = clock_seconds() - started;
        if (elapsed > 0 && flops / elapsed > best)
            best = flops / elapsed;
    }
    (void)sink;
    return best;
}

#if REAL_BITS == 64
const wg_peak_kernels TABLE(peak) = {.peak_flops = BOTH(peak_flops)};
#endif
