/* inline.h - functions that are compiled anew for the constants they are called with. */
#ifndef WG_INLINE_H
#define WG_INLINE_H

/* WG_COMPACT leaves the choice to the compiler: half the code, at about half the speed. */
#ifdef WG_COMPACT
#define INLINE static inline __attribute__((unused))
#else
#define INLINE static inline __attribute__((always_inline, unused))
#endif

#endif
