/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A time of day for the nodes of a lab, instead of the system's: loaded in front of the C library.
 *
 * The file that LAB_CLOCK names has the seconds by which the clock is behind. It is read again at
 * most ten times a second. Other clocks are left alone. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long behind(void) {
    static atomic_long seconds, looked = -1;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long tenth = now.tv_sec * 10 + now.tv_nsec / 100000000;
    if (atomic_exchange(&looked, tenth) != tenth) {
        const char* path = getenv("LAB_CLOCK");
        FILE* file = path ? fopen(path, "re") : NULL;
        long read = 0;
        if (file) {
            if (fscanf(file, "%ld", &read) == 1) {
                atomic_store(&seconds, read);
            }
            fclose(file);
        }
    }
    return atomic_load(&seconds);
}

int gettimeofday(struct timeval* restrict time, void* restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec - behind();
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}
