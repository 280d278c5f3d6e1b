/* Threads that work on one network together. They are started for each call and end with it.
 *
 * No thread outlives its call, so that a fork loses none. At a barrier a thread first spins for a
 * moment, because the others are about to arrive; then it sleeps, because on a busy machine they
 * may not be running at all.
 */
#ifndef FASTNET_THREADS_H
#define FASTNET_THREADS_H

#if defined(__GNUC__) && !defined(_WIN32)
#include <pthread.h>
#include <sched.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { HAVE_THREADS = 1, SPINS = 1000 };

typedef struct {
    int size;
    int sleepers __attribute__((aligned(64)));
    int arrived __attribute__((aligned(64)));
    int phase __attribute__((aligned(64)));
} Barrier;

typedef pthread_t ThreadHandle;

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* Sleep while *place is `value`; may return early. */
static inline void sleep_while(int *place, int value)
{
#if defined(__linux__)
    syscall(SYS_futex, place, FUTEX_WAIT_PRIVATE, value, 0, 0, 0);
#else
    (void)place, (void)value;
    sched_yield();
#endif
}

static inline void wake_all(int *place, int n)
{
#if defined(__linux__)
    syscall(SYS_futex, place, FUTEX_WAKE_PRIVATE, n, 0, 0, 0);
#else
    (void)place, (void)n;
#endif
}

static inline void barrier_start(Barrier *barrier, int size)
{
    barrier->size = size;
    barrier->sleepers = 0;
    barrier->arrived = 0;
    barrier->phase = 0;
}

/* Wait for all threads. What any of them wrote before is visible to all of them after. */
static inline void barrier_wait(Barrier *barrier)
{
    int phase = __atomic_load_n(&barrier->phase, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == barrier->size) {
        __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
        /* Sequentially consistent, as the sleepers' two steps: one side sees the other's. */
        __atomic_store_n(&barrier->phase, phase + 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&barrier->sleepers, __ATOMIC_SEQ_CST))
            wake_all(&barrier->phase, barrier->size);
        return;
    }
    for (int spins = 0; spins < SPINS; spins++) {
        if (__atomic_load_n(&barrier->phase, __ATOMIC_ACQUIRE) != phase)
            return;
        pause_briefly();
    }
    __atomic_add_fetch(&barrier->sleepers, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&barrier->phase, __ATOMIC_SEQ_CST) == phase)
        sleep_while(&barrier->phase, phase);
    __atomic_sub_fetch(&barrier->sleepers, 1, __ATOMIC_SEQ_CST);
}

/* Threads that have been started wait here until it is known whether all could be started. */
static inline void say_whether_to_start(int *shared, int decision)
{
    __atomic_store_n(shared, decision, __ATOMIC_RELEASE);
}

static inline int wait_whether_to_start(int *shared)
{
    int decision;
    while (!(decision = __atomic_load_n(shared, __ATOMIC_ACQUIRE)))
        sched_yield();
    return decision;
}

static inline int thread_start(ThreadHandle *handle, void *(*work)(void *), void *argument)
{
    return pthread_create(handle, 0, work, argument) == 0;
}

static inline void thread_join(ThreadHandle *handle) { pthread_join(*handle, 0); }

#else
enum { HAVE_THREADS = 0 };
typedef struct { int size; } Barrier;
typedef int ThreadHandle;
static inline void barrier_start(Barrier *barrier, int size) { barrier->size = size; }
static inline void barrier_wait(Barrier *barrier) { (void)barrier; }
static inline void say_whether_to_start(int *shared, int decision) { *shared = decision; }
static inline int wait_whether_to_start(int *shared) { return *shared; }
static inline int thread_start(ThreadHandle *handle, void *(*work)(void *), void *argument)
{
    (void)handle, (void)work, (void)argument;
    return 0;
}
static inline void thread_join(ThreadHandle *handle) { (void)handle; }
#endif

#endif
