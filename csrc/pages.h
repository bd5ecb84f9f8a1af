/* pages.h - where buffer.c gets memory from and gives it back to: the C library, and the system's pages.
 *
 *   memory_acquire    memory aligned to WG_ALIGNMENT, of a size that is a multiple of it; NULL if there is none. On
 *                     Linux, HUGE_PAGE bytes and more are mapped on their own, on a huge-page boundary, with huge pages
 *                     asked for
 *   memory_release    gives it back; `bytes` as it was acquired
 *   memory_trim       has the C library, which keeps what it is given back unless asked, return it to the system
 *   physical_memory   of this machine in bytes; infinity where the system does not tell
 *   GUARDS            whether guarded_acquire gives anything
 *   guarded_acquire   memory behind which lies a page that cannot be touched: gives its end, or NULL
 *   guarded_release   gives it back, by its end
 *   POISON, UNPOISON  tell AddressSanitizer that nobody owns some memory, and that somebody does */
#ifndef WG_PAGES_H
#define WG_PAGES_H

#include "wengert.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define HUGE_PAGE ((size_t)2 << 20)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WG_ADDRESS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(WG_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#define POISON(memory, bytes) ASAN_POISON_MEMORY_REGION(memory, bytes)
#define UNPOISON(memory, bytes) ASAN_UNPOISON_MEMORY_REGION(memory, bytes)
#else
#define POISON(memory, bytes) ((void)(memory), (void)(bytes))
#define UNPOISON(memory, bytes) ((void)(memory), (void)(bytes))
#endif

#ifdef __GLIBC__
#include <malloc.h>
static void memory_trim(void)
{
    malloc_trim(0);
}
#else
static void memory_trim(void)
{
}
#endif

/* ---------------------------------------------------------------- Linux */

#if defined(__linux__)

#include <sys/mman.h>
#include <unistd.h>

enum { GUARDS = 1 };

static size_t whole_pages(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

/* A private mapping, or MAP_FAILED. */
static char *map(size_t length)
{
    return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* A mapping that begins on a huge-page boundary, or NULL. Newer kernels place large mappings so by themselves; otherwise
 * map more and give back both ends. */
static void *map_aligned(size_t length)
{
    char *start = map(length);
    if (start != MAP_FAILED && (uintptr_t)start % HUGE_PAGE != 0) {
        munmap(start, length);
        start = map(length + HUGE_PAGE);
        if (start != MAP_FAILED) {
            const size_t before = (HUGE_PAGE - (uintptr_t)start % HUGE_PAGE) % HUGE_PAGE;
            if (before)
                munmap(start, before);
            start += before;
            if (before < HUGE_PAGE)
                munmap(start + length, HUGE_PAGE - before);
        }
    }
    if (start == MAP_FAILED)
        return NULL;
    madvise(start, length, MADV_HUGEPAGE); /* advice: a kernel without huge pages may decline */
    return start;
}

static void *memory_acquire(size_t bytes)
{
    return bytes >= HUGE_PAGE ? map_aligned(whole_pages(bytes)) : aligned_alloc(WG_ALIGNMENT, bytes);
}

static void memory_release(void *memory, size_t bytes)
{
    if (bytes >= HUGE_PAGE)
        munmap(memory, whole_pages(bytes));
    else
        free(memory);
}

static char *guarded_acquire(size_t bytes)
{
    const size_t length = whole_pages(bytes), page = whole_pages(1);
    char *start = map(length + page);
    if (start == MAP_FAILED)
        return NULL;
    mprotect(start + length, page, PROT_NONE);
    return start + length;
}

static void guarded_release(char *end, size_t bytes)
{
    const size_t length = whole_pages(bytes);
    munmap(end - length, length + whole_pages(1));
}

#else

enum { GUARDS = 0 };

static char *guarded_acquire(size_t bytes)
{
    (void)bytes;
    return NULL;
}

static void guarded_release(char *end, size_t bytes)
{
    (void)end, (void)bytes;
}

#endif

/* ---------------------------------------------------------------- all POSIX systems */

#ifndef _WIN32

#include <unistd.h>

static double physical_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (double)pages * (double)page : (double)INFINITY;
}

#ifndef __linux__

static void *memory_acquire(size_t bytes)
{
    void *memory;
    return posix_memalign(&memory, WG_ALIGNMENT, bytes) == 0 ? memory : NULL;
}

static void memory_release(void *memory, size_t bytes)
{
    (void)bytes;
    free(memory);
}

#endif

/* ---------------------------------------------------------------- Windows */

#else

#include "system.h"
#include <malloc.h>

static void *memory_acquire(size_t bytes)
{
    return _aligned_malloc(bytes, WG_ALIGNMENT);
}

static void memory_release(void *memory, size_t bytes)
{
    (void)bytes;
    _aligned_free(memory);
}

static double physical_memory(void)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof status};
    return GlobalMemoryStatusEx(&status) ? (double)status.ullTotalPhys : (double)INFINITY;
}

#endif

#endif
