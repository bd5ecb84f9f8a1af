/* system.h - what pool.c and buffer.c both ask of the processor and the operating system: how to wait for another
 * thread, and what a container allows this process. */
#ifndef WG_SYSTEM_H
#define WG_SYSTEM_H

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <sched.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif
#ifdef __linux__
#include <math.h>
#include <stdio.h>
#include <string.h>
#endif

/* One turn of a loop that waits for another thread: leaves the core's execution units and memory pipeline alone for
 * some tens of cycles. */
static inline void cpu_pause(void)
{
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb"); /* `yield` is a no-op on most cores */
#endif
}

/* Let another thread that is ready to run have this processor. */
static inline void cpu_yield(void)
{
#ifdef _WIN32
    SwitchToThread();
#else
    sched_yield();
#endif
}

#ifdef __linux__
/* The numbers at the start of directory/file, at most two; gives how many there are, 0 if there is no such file. The
 * kernel writes "max" for no limit, which is no number. */
static inline int cgroup_read(const char *directory, const char *file, long long *first, long long *second)
{
    char path[4352];
    if (snprintf(path, sizeof path, "%s/%s", directory, file) >= (int)sizeof path)
        return 0;
    FILE *stream = fopen(path, "re");
    if (!stream)
        return 0;
    const int count = fscanf(stream, "%lld %lld", first, second);
    fclose(stream);
    return count > 0 ? count : 0;
}

/* Does the comma-separated list contain the name? */
static inline int cgroup_lists(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (;;) {
        const size_t item = strcspn(list, ",");
        if (item == length && memcmp(list, name, length) == 0)
            return 1;
        if (!list[item])
            return 0;
        list += item + 1;
    }
}

/* The least of what `limit_of` gives for the control group of this process and for every group above it, in version 2
 * and version 1 hierarchies alike; infinity when nothing limits. A container that sees the host's path to its group,
 * but not the group there, still finds its limits at the root, where its own group is mounted. */
static inline double cgroup_limit(const char *controller, double (*limit_of)(const char *directory))
{
    double least = INFINITY;
    FILE *groups = fopen("/proc/self/cgroup", "re"); /* lines "id:controllers:path"; version 2 names no controllers */
    if (!groups)
        return least;
    char line[4096];
    while (fgets(line, sizeof line, groups)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        controllers++;
        const int version_1 = *controllers != '\0';
        if (version_1 && !cgroup_lists(controllers, controller))
            continue;
        char directory[4224];
        const int root = snprintf(directory, sizeof directory, version_1 ? "/sys/fs/cgroup/%s" : "/sys/fs/cgroup",
                                  controller);
        snprintf(directory + root, sizeof directory - (size_t)root, "%s", path);
        for (char *end = directory; end; end = strrchr(directory + root, '/')) {
            if (end != directory)
                *end = '\0';
            least = fmin(least, limit_of(directory));
        }
    }
    fclose(groups);
    return least;
}
#endif

#endif
