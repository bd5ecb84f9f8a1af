/* cgroup.c - what the control groups of Linux, and so containers, allow this process: processors and memory.
 *
 * A process is in one group of version 2's only hierarchy, or in one per controller of version 1, or both; a limit of
 * any group above holds as well. Everything is read from files, whose text is not trusted: what is missing, is "max",
 * or makes no sense limits nothing. */
#include "wengert.h"

#include <math.h>

#ifdef __linux__
#include <stdio.h>
#include <string.h>

enum { LONGEST_PATH = 4096 };

/* The numbers at the start of directory/file, at most two; gives how many there are, 0 if there is no such file. The
 * kernel writes "max" for no limit, which is no number. */
static int read_numbers(const char *directory, const char *file, long long *first, long long *second)
{
    char path[LONGEST_PATH + 64];
    snprintf(path, sizeof path, "%s/%s", directory, file);
    FILE *stream = fopen(path, "re");
    if (!stream)
        return 0;
    const int count = fscanf(stream, "%lld %lld", first, second);
    fclose(stream);
    return count > 0 ? count : 0;
}

/* A group's quota in processors. */
static double quota_of(const char *directory)
{
    long long quota, period, unused;
    if (read_numbers(directory, "cpu.max", &quota, &period) == 2 ||
        (read_numbers(directory, "cpu.cfs_quota_us", &quota, &unused) &&
         read_numbers(directory, "cpu.cfs_period_us", &period, &unused)))
        if (quota > 0 && period > 0)
            return (double)quota / (double)period;
    return INFINITY;
}

/* A group's bytes of memory. */
static double memory_of(const char *directory)
{
    long long bytes, unused;
    if (read_numbers(directory, "memory.max", &bytes, &unused) ||
        read_numbers(directory, "memory.limit_in_bytes", &bytes, &unused))
        if (bytes >= 0)
            return (double)bytes;
    return INFINITY;
}

/* Does the comma-separated list contain the name? */
static int lists(const char *list, const char *name)
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

/* The least of what `limit_of` gives for mount + group and for every group above it. A container that sees the host's
 * path to its group, but not the group there, still finds its limits at the mount, where its own group is. */
static double least_above(const char *mount, const char *group, double (*limit_of)(const char *directory))
{
    char directory[LONGEST_PATH];
    snprintf(directory, sizeof directory, "%s%s", mount, group); /* cut short, it still begins with those above */
    char *const top = directory + strlen(mount);
    double least = limit_of(directory);
    for (char *end; (end = strrchr(top, '/'));) {
        *end = '\0';
        least = fmin(least, limit_of(directory));
    }
    return least;
}

static double limit(const char *root, const char *controller, double (*limit_of)(const char *directory))
{
    char path[LONGEST_PATH], line[LONGEST_PATH];
    if (snprintf(path, sizeof path, "%s/proc/self/cgroup", root) >= (int)sizeof path)
        return INFINITY;
    FILE *groups = fopen(path, "re"); /* lines "id:controllers:path"; version 2 names no controllers */
    if (!groups)
        return INFINITY;
    double least = INFINITY;
    while (fgets(line, sizeof line, groups)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        controllers++;
        const int version_1 = *controllers != '\0';
        if (version_1 && !lists(controllers, controller))
            continue;
        snprintf(path, sizeof path, version_1 ? "%s/sys/fs/cgroup/%s" : "%s/sys/fs/cgroup", root, controller);
        least = fmin(least, least_above(path, group, limit_of));
    }
    fclose(groups);
    return least;
}

double wg_cgroup_processors(const char *root)
{
    return limit(root, "cpu", quota_of);
}

double wg_cgroup_memory(const char *root)
{
    return limit(root, "memory", memory_of);
}

#else

double wg_cgroup_processors(const char *root)
{
    (void)root;
    return INFINITY;
}

double wg_cgroup_memory(const char *root)
{
    (void)root;
    return INFINITY;
}

#endif
