/* Ground between the pieces of a workspace that nobody may touch, where AddressSanitizer watches.
 *
 * A workspace is one allocation: without fences, what runs out of one of its pieces runs into the
 * next, and nobody sees it. Other builds have none.
 */
#ifndef FASTNET_FENCE_H
#define FASTNET_FENCE_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define FASTNET_FENCED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FASTNET_FENCED 1
#endif
#endif

#ifdef FASTNET_FENCED
#include <sanitizer/asan_interface.h>
enum { FENCE = 64 };
static inline void fence(const char *p, size_t size) { __asan_poison_memory_region(p, size); }
#else
enum { FENCE = 0 };
static inline void fence(const char *p, size_t size) { (void)p, (void)size; }
#endif

#endif
