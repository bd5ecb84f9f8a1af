/* inline.h - functions that are compiled anew for the constants they are called with. */
#ifndef WG_INLINE_H
#define WG_INLINE_H

#define INLINE static inline __attribute__((always_inline, unused))

#endif
