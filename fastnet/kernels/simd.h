/* The number type, its vector type, and the few operations on it that Cython cannot express.
 *
 * The build sets FASTNET_REAL to float or double and the instruction set by -m flags; everything
 * else follows. Arithmetic (+ - * /) on `vreal` is written with the ordinary operators. A compiler
 * without GNU vector extensions gets vectors of one element, which are plain numbers.
 */
#ifndef FASTNET_SIMD_H
#define FASTNET_SIMD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#ifndef FASTNET_REAL
#define FASTNET_REAL double
#endif
#ifndef FASTNET_DIGITS /* significand bits, to tell float (24) from double (53) in #if */
#define FASTNET_DIGITS 53
#endif

/* A register tile with literal loop bounds is only fast if it is inlined. Cython before 3.3 also
 * generates inline functions that are recursive, for which this attribute is an error. */
#if defined(CYTHON_INLINE) && defined(__GNUC__) && CYTHON_HEX_VERSION >= 0x03030000
#undef CYTHON_INLINE
#define CYTHON_INLINE inline __attribute__((always_inline))
#endif

typedef FASTNET_REAL real;

#if FASTNET_DIGITS == 24
#define real_sqrt sqrtf
typedef uint32_t real_bits; /* unsigned, so that shifts and overflow are defined */
#define REAL_MANTISSA 23
#define REAL_BIAS 127
#else
#define real_sqrt sqrt
typedef uint64_t real_bits;
#define REAL_MANTISSA 52
#define REAL_BIAS 1023
#endif

/* Rows are padded to 64 bytes in every variant, so that all of them share one layout. */
enum { PAD = 64 / sizeof(real) };

#if defined(__GNUC__)
#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define TILE_SHAPE TILE_ROWS = 5, TILE_VECTORS = 4 /* of 32 registers */
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#define TILE_SHAPE TILE_ROWS = 6, TILE_VECTORS = 2 /* of 16 registers */
#else
#define VECTOR_BYTES 16
#define TILE_SHAPE TILE_ROWS = 6, TILE_VECTORS = 2
#endif
#define VECTOR(type, alignment) \
    type __attribute__((vector_size(VECTOR_BYTES), aligned(alignment), may_alias))
typedef VECTOR(real, VECTOR_BYTES) vreal;
typedef VECTOR(real, sizeof(real)) vreal_anywhere;
typedef VECTOR(real_bits, VECTOR_BYTES) vbits;
#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* Subtracts zero, because -0.0 + 0.0 would be +0.0, and sign masks are made from -0.0. */
#define v_splat(x) ((real)(x) - (vreal){0})
#else
#define VECTOR_BYTES sizeof(real)
#define TILE_SHAPE TILE_ROWS = 4, TILE_VECTORS = 4
typedef real vreal;
typedef real vreal_anywhere;
typedef real_bits vbits;
#define ALWAYS_INLINE static inline
#define v_splat(x) ((real)(x))
#endif

/* Room for any tile, even those that no variant has, which a compiler cannot know. */
enum { LANES = VECTOR_BYTES / sizeof(real), TILE_SHAPE, WIDEST_TILE = 4, TILE_SUMS = 6 * WIDEST_TILE };
#ifndef BLOCK_KB
#define BLOCK_KB 44
#endif
enum { GROUP_VECTORS = 8, WIDE_GROUP = 13, PANEL_DEPTH = 256, BLOCK_BYTES = BLOCK_KB << 10 };

ALWAYS_INLINE vreal v_load(const real *p) { return *(const vreal_anywhere *)p; }
ALWAYS_INLINE void v_store(real *p, vreal x) { *(vreal_anywhere *)p = x; }

/* The same address, computed once. Otherwise the compiler splits the sum, keeps the parts of a
 * whole tile in memory, and adds them up again for every vector. */
ALWAYS_INLINE real *address(const real *p)
{
#if defined(__GNUC__)
    __asm__("" : "+r"(p));
#endif
    return (real *)p;
}

ALWAYS_INLINE vbits v_as_bits(vreal x) { vbits b; memcpy(&b, &x, sizeof b); return b; }
ALWAYS_INLINE vreal v_from_bits(vbits b) { vreal x; memcpy(&x, &b, sizeof x); return x; }

/* Returns a where x > y, else b. A NaN compares false. */
ALWAYS_INLINE vreal v_where_greater(vreal x, vreal y, vreal a, vreal b)
{
    /* With intrinsics, because compilers do not recognize a blend in operations on mask bits. */
#if defined(__GNUC__) && defined(__AVX512F__) && FASTNET_DIGITS == 24
    const __mmask16 mask = _mm512_cmp_ps_mask((__m512)x, (__m512)y, _CMP_GT_OQ);
    return (vreal)_mm512_mask_blend_ps(mask, (__m512)b, (__m512)a);
#elif defined(__GNUC__) && defined(__AVX512F__)
    const __mmask8 mask = _mm512_cmp_pd_mask((__m512d)x, (__m512d)y, _CMP_GT_OQ);
    return (vreal)_mm512_mask_blend_pd(mask, (__m512d)b, (__m512d)a);
#elif defined(__GNUC__) && defined(__AVX__) && FASTNET_DIGITS == 24
    return (vreal)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)(x > y));
#elif defined(__GNUC__) && defined(__AVX__)
    return (vreal)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)(x > y));
#elif defined(__GNUC__)
    vbits mask = (vbits)(x > y);
    return v_from_bits((v_as_bits(a) & mask) | (v_as_bits(b) & ~mask));
#else
    return x > y ? a : b;
#endif
}

/* x, but at least `low`; x, but at most `high`. A NaN stays, for the instructions give their second
 * operand where the comparison is false. */
#if defined(__GNUC__) && defined(__AVX512F__)
#define WIDE_VECTOR(name, type) _mm512_##name##_##type
#elif defined(__GNUC__) && defined(__AVX__)
#define WIDE_VECTOR(name, type) _mm256_##name##_##type
#endif
#if !defined(WIDE_VECTOR)
ALWAYS_INLINE vreal v_at_least(vreal low, vreal x) { return v_where_greater(low, x, low, x); }
ALWAYS_INLINE vreal v_at_most(vreal high, vreal x) { return v_where_greater(x, high, high, x); }
#elif FASTNET_DIGITS == 24
ALWAYS_INLINE vreal v_at_least(vreal low, vreal x) { return WIDE_VECTOR(max, ps)(low, x); }
ALWAYS_INLINE vreal v_at_most(vreal high, vreal x) { return WIDE_VECTOR(min, ps)(high, x); }
#else
ALWAYS_INLINE vreal v_at_least(vreal low, vreal x) { return WIDE_VECTOR(max, pd)(low, x); }
ALWAYS_INLINE vreal v_at_most(vreal high, vreal x) { return WIDE_VECTOR(min, pd)(high, x); }
#endif

/* Whether x > y in any lane. */
ALWAYS_INLINE int v_any_greater(vreal x, vreal y)
{
#if defined(__GNUC__) && defined(__AVX512F__) && FASTNET_DIGITS == 24
    return _mm512_cmp_ps_mask((__m512)x, (__m512)y, _CMP_GT_OQ) != 0;
#elif defined(__GNUC__) && defined(__AVX512F__)
    return _mm512_cmp_pd_mask((__m512d)x, (__m512d)y, _CMP_GT_OQ) != 0;
#elif defined(__GNUC__) && defined(__AVX__) && FASTNET_DIGITS == 24
    return _mm256_movemask_ps((__m256)(x > y)) != 0;
#elif defined(__GNUC__) && defined(__AVX__)
    return _mm256_movemask_pd((__m256d)(x > y)) != 0;
#else
    real first[LANES], second[LANES];
    int found = 0;
    memcpy(first, &x, sizeof x);
    memcpy(second, &y, sizeof y);
    for (int i = 0; i < LANES; i++)
        found |= first[i] > second[i];
    return found;
#endif
}

ALWAYS_INLINE vreal v_abs(vreal x)
{
    const vbits sign = v_as_bits(v_splat(-0.0));
    return v_from_bits(v_as_bits(x) & ~sign);
}

ALWAYS_INLINE vreal v_copy_sign(vreal magnitude, vreal sign_of)
{
    const vbits sign = v_as_bits(v_splat(-0.0));
    return v_from_bits((v_as_bits(magnitude) & ~sign) | (v_as_bits(sign_of) & sign));
}

/* 2 ** k for whole numbers k, given as floating point, with REAL_BIAS + k in the exponent's range.
 * `k + shifter` with shifter = 1.5 * 2 ** REAL_MANTISSA has k in its low bits. */
ALWAYS_INLINE vreal v_power_of_two(vreal k)
{
    const vreal shifter = v_splat((real)3 * ((real_bits)1 << (REAL_MANTISSA - 1)));
    vbits whole = v_as_bits(k + shifter) - v_as_bits(shifter);
    return v_from_bits((whole + REAL_BIAS) << REAL_MANTISSA);
}

/* The nearest whole number, for |x| < 2 ** (REAL_MANTISSA - 1). */
ALWAYS_INLINE vreal v_round(vreal x)
{
    const vreal shifter = v_splat((real)3 * ((real_bits)1 << (REAL_MANTISSA - 1)));
    return (x + shifter) - shifter;
}

/* Load elements that are `stride` apart into one vector, and store them. */
ALWAYS_INLINE vreal v_gather(const real *p, ptrdiff_t stride)
{
    real lanes[LANES];
    for (int i = 0; i < LANES; i++)
        lanes[i] = p[i * stride];
    return v_load(lanes);
}

ALWAYS_INLINE void v_scatter(real *p, ptrdiff_t stride, vreal x)
{
    real lanes[LANES];
    v_store(lanes, x);
    for (int i = 0; i < LANES; i++)
        p[i * stride] = lanes[i];
}

ALWAYS_INLINE real v_sum(vreal x)
{
    real lanes[LANES];
    v_store(lanes, x);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            lanes[i] += lanes[i + width];
    return lanes[0];
}

/* Transposes a square of LANES x LANES numbers: of each 2d x 2d, two blocks of d x d change places. */
#if defined(__GNUC__)
#define VECTOR_LANES (VECTOR_BYTES / (FASTNET_DIGITS == 24 ? 4 : 8))
#define LOW_LANE(i, d) ((i) & (d) ? VECTOR_LANES + (i) - (d) : (i))
#define HIGH_LANE(i, d) ((i) & (d) ? VECTOR_LANES + (i) : (i) + (d))
#define LANES_2(f, i, d) f(i, d), f((i) + 1, d)
#define LANES_4(f, i, d) LANES_2(f, i, d), LANES_2(f, (i) + 2, d)
#define LANES_8(f, i, d) LANES_4(f, i, d), LANES_4(f, (i) + 4, d)
#define LANES_16(f, i, d) LANES_8(f, i, d), LANES_8(f, (i) + 8, d)
#if VECTOR_LANES == 2
#define EACH_LANE LANES_2
#elif VECTOR_LANES == 4
#define EACH_LANE LANES_4
#elif VECTOR_LANES == 8
#define EACH_LANE LANES_8
#else
#define EACH_LANE LANES_16
#endif
#if defined(__clang__)
#define v_pick(a, b, f, d) __builtin_shufflevector(a, b, EACH_LANE(f, 0, d))
#else
#define v_pick(a, b, f, d) __builtin_shuffle(a, b, (vbits){EACH_LANE(f, 0, d)})
#endif
#define EXCHANGE(rows, d) \
    for (int i = 0; i < LANES; i++) \
        if (!(i & (d))) { \
            const vreal a = (rows)[i], b = (rows)[i + (d)]; \
            (rows)[i] = v_pick(a, b, LOW_LANE, d); \
            (rows)[i + (d)] = v_pick(a, b, HIGH_LANE, d); \
        }
#endif
ALWAYS_INLINE void v_transpose(vreal *rows)
{
#if defined(__GNUC__)
    EXCHANGE(rows, 1)
#if VECTOR_LANES > 2
    EXCHANGE(rows, 2)
#endif
#if VECTOR_LANES > 4
    EXCHANGE(rows, 4)
#endif
#if VECTOR_LANES > 8
    EXCHANGE(rows, 8)
#endif
#endif
}

/* Writes the non-zeros of LANES inputs, from column `col` on, and their columns; the rest of the
 * LANES written elements is undefined. Returns the number of non-zeros. */
#if defined(__AVX512F__) && defined(__AVX512VL__)
#define KEEPS_VECTORS 1
#if FASTNET_DIGITS == 53
ALWAYS_INLINE ptrdiff_t v_keep(const real *x, int col, uint16_t *cols, real *values)
{
    const __m512d all = _mm512_loadu_pd(x);
    const __mmask8 kept = _mm512_cmp_pd_mask(all, _mm512_setzero_pd(), _CMP_NEQ_UQ);
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i at = _mm256_add_epi32(_mm256_set1_epi32(col), lanes);
    _mm512_storeu_pd(values, _mm512_maskz_compress_pd(kept, all));
    _mm_storeu_si128((__m128i *)cols, _mm256_cvtepi32_epi16(_mm256_maskz_compress_epi32(kept, at)));
    return _mm_popcnt_u32(kept);
}
#else
ALWAYS_INLINE ptrdiff_t v_keep(const real *x, int col, uint16_t *cols, real *values)
{
    const __m512 all = _mm512_loadu_ps(x);
    const __mmask16 kept = _mm512_cmp_ps_mask(all, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i at = _mm512_add_epi32(_mm512_set1_epi32(col), lanes);
    _mm512_storeu_ps(values, _mm512_maskz_compress_ps(kept, all));
    _mm256_storeu_si256((__m256i *)cols, _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(kept, at)));
    return _mm_popcnt_u32(kept);
}
#endif
#elif defined(__AVX2__) && defined(__GNUC__)
#define KEEPS_VECTORS 1
/* For each mask of eight lanes, the lanes whose bits are set, one byte each, from the lowest on. */
#define KEPT_BIT(mask, bit) ((uint64_t)(mask) >> (bit) & 1)
#define KEPT_FROM(mask, bit, rest) \
    ((rest) * (1 + 255 * KEPT_BIT(mask, bit)) + (bit) * KEPT_BIT(mask, bit))
#define KEPT_1(m) KEPT_FROM(m, 0, KEPT_FROM(m, 1, KEPT_FROM(m, 2, KEPT_FROM(m, 3, \
    KEPT_FROM(m, 4, KEPT_FROM(m, 5, KEPT_FROM(m, 6, KEPT_FROM(m, 7, 0))))))))
#define KEPT_4(m) KEPT_1(m), KEPT_1((m) + 1), KEPT_1((m) + 2), KEPT_1((m) + 3)
#define KEPT_16(m) KEPT_4(m), KEPT_4((m) + 4), KEPT_4((m) + 8), KEPT_4((m) + 12)
#define KEPT_64(m) KEPT_16(m), KEPT_16((m) + 16), KEPT_16((m) + 32), KEPT_16((m) + 48)
static const uint64_t kept_lanes[256] = {KEPT_64(0), KEPT_64(64), KEPT_64(128), KEPT_64(192)};
#define v_kept(mask) _mm_loadl_epi64((const __m128i *)(kept_lanes + (mask)))
#if FASTNET_DIGITS == 53
ALWAYS_INLINE ptrdiff_t v_keep(const real *x, int col, uint16_t *cols, real *values)
{
    const __m256d all = _mm256_loadu_pd(x);
    const __m256d kept = _mm256_cmp_pd(all, _mm256_setzero_pd(), _CMP_NEQ_UQ);
    const int mask = _mm256_movemask_pd(kept), halves = _mm256_movemask_ps(_mm256_castpd_ps(kept));
    const __m128i at = _mm_add_epi16(_mm_cvtepu8_epi16(v_kept(mask)), _mm_set1_epi16((short)col));
    _mm256_storeu_ps((float *)values, _mm256_permutevar8x32_ps(
        _mm256_castpd_ps(all), _mm256_cvtepu8_epi32(v_kept(halves))));
    _mm_storel_epi64((__m128i *)cols, at);
    return __builtin_popcount((unsigned)mask);
}
#else
ALWAYS_INLINE ptrdiff_t v_keep(const real *x, int col, uint16_t *cols, real *values)
{
    const __m256 all = _mm256_loadu_ps(x);
    const int mask = _mm256_movemask_ps(_mm256_cmp_ps(all, _mm256_setzero_ps(), _CMP_NEQ_UQ));
    const __m128i lanes = v_kept(mask);
    const __m128i at = _mm_add_epi16(_mm_cvtepu8_epi16(lanes), _mm_set1_epi16((short)col));
    _mm256_storeu_ps(values, _mm256_permutevar8x32_ps(all, _mm256_cvtepu8_epi32(lanes)));
    _mm_storeu_si128((__m128i *)cols, at);
    return __builtin_popcount((unsigned)mask);
}
#endif
#else
#define KEEPS_VECTORS 0
#define v_keep(x, col, cols, values) 0
#endif

/* Calls f(..., n) with n, which is 1 .. 8 or 13 and at most `most`, as a literal, so that f is
 * inlined once for each n and its loops over n are unrolled. */
#define WITH_LITERAL(f, n, most, ...) \
    switch (n) { \
    case 13: if ((most) >= 13) f(__VA_ARGS__, 13); break; \
    case 8: if ((most) >= 8) f(__VA_ARGS__, 8); break; \
    case 7: if ((most) >= 7) f(__VA_ARGS__, 7); break; \
    case 6: if ((most) >= 6) f(__VA_ARGS__, 6); break; \
    case 5: if ((most) >= 5) f(__VA_ARGS__, 5); break; \
    case 4: if ((most) >= 4) f(__VA_ARGS__, 4); break; \
    case 3: if ((most) >= 3) f(__VA_ARGS__, 3); break; \
    case 2: if ((most) >= 2) f(__VA_ARGS__, 2); break; \
    default: f(__VA_ARGS__, 1); \
    }

#if defined(__GNUC__)
#define prefetch_read(p) __builtin_prefetch((p), 0, 3)
#else
#define prefetch_read(p) ((void)(p))
#endif

#endif
