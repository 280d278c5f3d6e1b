/* Poisoned memory between the buffers of a workspace, for builds with AddressSanitizer.
 *
 * A workspace is one allocation: without these fences, an access past the end of one buffer would be
 * in the next and stay unnoticed. Other builds have no fences.
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
