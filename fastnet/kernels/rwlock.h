/* Counters that threads share, for rwlock.pxd: every access is sequentially consistent. */
#ifndef FASTNET_GUARD_H
#define FASTNET_GUARD_H

#ifdef _WIN32
#include <windows.h>
static __inline void guard_pause(void) { Sleep(0); }
#else
#include <time.h>
static inline void guard_pause(void)
{
    struct timespec briefly = {0, 20000};
    nanosleep(&briefly, 0);
}
#endif

#ifdef _MSC_VER
#include <intrin.h>
static __inline long guard_add(long *count, long n) { return _InterlockedExchangeAdd(count, n) + n; }
static __inline long guard_read(long *count) { return _InterlockedExchangeAdd(count, 0); }
#else
static inline long guard_add(long *count, long n)
{
    return __atomic_add_fetch(count, n, __ATOMIC_SEQ_CST);
}
static inline long guard_read(long *count) { return __atomic_load_n(count, __ATOMIC_SEQ_CST); }
#endif

#endif
