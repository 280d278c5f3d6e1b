/* Copying the non-zeros of a row: of any row, of a contiguous one, and of a contiguous one with the
 * instructions of AVX2 and of AVX-512. All versions write the same.
 *
 * A KeepRow returns the number of non-zeros. marks[m] is their number in columns below
 * (m + 1) << shift, for each m for which that is not the whole row. `odd` tells whether an element
 * is NaN or beyond +-limit, or would change when converted to the type of the values.
 *
 * The cursor cannot leave the arrays, which have room for a whole row, because it never overtakes
 * the input.
 */
#ifndef FASTNET_NONZEROS_H
#define FASTNET_NONZEROS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

typedef ptrdiff_t (*KeepRow)(
    const char *row, ptrdiff_t stride, ptrdiff_t n, double limit, uint16_t *cols, void *values,
    uint16_t *marks, int shift, int *odd);

#define ODD(element, value, x) \
    ((sizeof(element) > 1 && !(fabs((double)(x)) <= limit)) \
     | (sizeof(value) < sizeof(element) && (element)(value)(x) != (x)))

/* Defines a KeepRow from elements to values, whose types are in its name. It takes most of a row
 * `width` elements at a time with a STEP, which gets the first column and the destination. */
#define KEEP_ROW(attributes, name, element, value, width, step) \
    attributes static ptrdiff_t name( \
        const char *row, ptrdiff_t stride, ptrdiff_t n, double limit, uint16_t *cols, void *into, \
        uint16_t *marks, int shift, int *odd) \
    { \
        value *values = (value *)into; \
        ptrdiff_t col = 0, j = 0; \
        int bad = 0; \
        for (ptrdiff_t stop = (ptrdiff_t)1 << shift;; stop += (ptrdiff_t)1 << shift) { \
            const ptrdiff_t end = stop < n ? stop : n; \
            for (; end - col >= width; col += width) \
                j += step((const element *)row + col, col, cols + j, values + j, limit, &bad); \
            for (; col < end; col++) { \
                const element x = *(const element *)(row + col * stride); \
                /* Written always and kept only if the cursor moves: no branch to mispredict. */ \
                cols[j] = (uint16_t)col; \
                values[j] = (value)x; \
                j += x != 0; \
                bad |= ODD(element, value, x); \
            } \
            if (stop >= n) \
                break; \
            *marks++ = (uint16_t)j; \
        } \
        *odd = bad; \
        return j; \
    }
#define KEEP_ROWS(attributes, suffix, width) \
    KEEP_ROW(attributes, row_f64_f64_##suffix, double, double, width, f64_f64_##suffix) \
    KEEP_ROW(attributes, row_f64_f32_##suffix, double, float, width, f64_f32_##suffix) \
    KEEP_ROW(attributes, row_f32_f32_##suffix, float, float, width, f32_f32_##suffix) \
    KEEP_ROW(attributes, row_u8_f32_##suffix, uint8_t, float, width, u8_f32_##suffix)
#define KEEPERS(suffix) \
    { row_f64_f64_##suffix, row_f64_f32_##suffix, row_f32_f32_##suffix, row_u8_f32_##suffix }
#define STEP(element, value, name) ptrdiff_t name( \
    const element *x, ptrdiff_t col, uint16_t *cols, value *values, double limit, int *bad)

/* Eight elements at a time, which are mostly all zero or all non-zero. */
#define KEEP_EIGHT(element, value, name) \
    static inline STEP(element, value, name) \
    { \
        ptrdiff_t j = 0; \
        if ((x[0] == 0) & (x[1] == 0) & (x[2] == 0) & (x[3] == 0) \
            & (x[4] == 0) & (x[5] == 0) & (x[6] == 0) & (x[7] == 0)) \
            return 0; \
        for (int i = 0; i < 8; i++) { \
            cols[j] = (uint16_t)(col + i); \
            values[j] = (value)x[i]; \
            *bad |= ODD(element, value, x[i]); \
            j += x[i] != 0; \
        } \
        return j; \
    }
KEEP_EIGHT(double, double, f64_f64_plain)
KEEP_EIGHT(double, float, f64_f32_plain)
KEEP_EIGHT(float, float, f32_f32_plain)
KEEP_EIGHT(uint8_t, float, u8_f32_plain)
KEEP_ROWS(, plain, 8)

/* Never called, because no row is that wide. */
#define f64_f64_strided f64_f64_plain
#define f64_f32_strided f64_f32_plain
#define f32_f32_strided f32_f32_plain
#define u8_f32_strided u8_f32_plain
KEEP_ROWS(, strided, PTRDIFF_MAX)

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

/* For every byte, the positions of its set bits in rising order, one per byte. */
static uint64_t places_of[256];

static void make_places(void)
{
    for (int bits = 0; bits < 256; bits++)
        for (int place = 0, n = 0; place < 8; place++)
            if (bits >> place & 1)
                places_of[bits] |= (uint64_t)place << 8 * n++;
}

#define AVX2 __attribute__((target("avx2,popcnt")))
#define AVX2_STEP AVX2 __attribute__((always_inline)) static inline

AVX2_STEP __m128i places_in(int kept)
{
    return _mm_loadl_epi64((const __m128i *)&places_of[kept]);
}

AVX2_STEP ptrdiff_t keep_cols(int kept, ptrdiff_t col, uint16_t *cols)
{
    const __m128i places = _mm_cvtepu8_epi16(places_in(kept));
    _mm_storeu_si128((__m128i *)cols, _mm_add_epi16(_mm_set1_epi16((short)col), places));
    return _mm_popcnt_u32(kept);
}

AVX2_STEP ptrdiff_t keep_8(__m256 x, ptrdiff_t col, uint16_t *cols, float *values)
{
    const int kept = _mm256_movemask_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NEQ_UQ));
    _mm256_storeu_ps(
        values, _mm256_permutevar8x32_ps(x, _mm256_cvtepu8_epi32(places_in(kept))));
    return keep_cols(kept, col, cols);
}

AVX2_STEP __m256d within(__m256d x, double limit)
{
    return _mm256_cmp_pd(
        _mm256_andnot_pd(_mm256_set1_pd(-0.0), x), _mm256_set1_pd(limit), _CMP_LE_OQ);
}

AVX2_STEP STEP(double, double, f64_f64_avx2)
{
    ptrdiff_t j = 0;
    for (int i = 0; i < 8; i += 4) {
        const __m256d y = _mm256_loadu_pd(x + i);
        const __m256d other = _mm256_cmp_pd(y, _mm256_setzero_pd(), _CMP_NEQ_UQ);
        /* Two 32-bit positions for each number. */
        const __m256i places =
            _mm256_cvtepu8_epi32(places_in(_mm256_movemask_ps(_mm256_castpd_ps(other))));
        const __m256 kept = _mm256_permutevar8x32_ps(_mm256_castpd_ps(y), places);
        _mm256_storeu_pd(values + j, _mm256_castps_pd(kept));
        /* Four columns, not eight, because there may be no room for more. */
        const int four = _mm256_movemask_pd(other);
        const __m128i at =
            _mm_add_epi16(_mm_set1_epi16((short)(col + i)), _mm_cvtepu8_epi16(places_in(four)));
        _mm_storel_epi64((__m128i *)(cols + j), at);
        j += _mm_popcnt_u32(four);
        *bad |= _mm256_movemask_pd(within(y, limit)) != 15;
    }
    return j;
}

AVX2_STEP STEP(double, float, f64_f32_avx2)
{
    const __m256d low = _mm256_loadu_pd(x), high = _mm256_loadu_pd(x + 4);
    const __m128 narrow_low = _mm256_cvtpd_ps(low), narrow_high = _mm256_cvtpd_ps(high);
    const __m256d same = _mm256_and_pd(
        _mm256_cmp_pd(_mm256_cvtps_pd(narrow_low), low, _CMP_EQ_OQ),
        _mm256_cmp_pd(_mm256_cvtps_pd(narrow_high), high, _CMP_EQ_OQ));
    const __m256d good = _mm256_and_pd(same, _mm256_and_pd(within(low, limit), within(high, limit)));
    *bad |= _mm256_movemask_pd(good) != 15;
    return keep_8(_mm256_set_m128(narrow_high, narrow_low), col, cols, values);
}

AVX2_STEP STEP(float, float, f32_f32_avx2)
{
    const __m256 y = _mm256_loadu_ps(x);
    const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), y);
    const __m256 good = _mm256_cmp_ps(magnitude, _mm256_set1_ps((float)limit), _CMP_LE_OQ);
    *bad |= _mm256_movemask_ps(good) != 255;
    return keep_8(y, col, cols, values);
}

AVX2_STEP STEP(uint8_t, float, u8_f32_avx2)
{
    const __m256i y = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)x));
    (void)limit, (void)bad;
    return keep_8(_mm256_cvtepi32_ps(y), col, cols, values);
}

KEEP_ROWS(AVX2, avx2, 8)

#define AVX512 __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,popcnt")))
#define AVX512_STEP AVX512 __attribute__((always_inline)) static inline

AVX512_STEP ptrdiff_t keep_16(__m512 x, ptrdiff_t col, uint16_t *cols, float *values)
{
    const __mmask16 kept = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i at = _mm512_add_epi32(_mm512_set1_epi32((int)col), lanes);
    _mm512_storeu_ps(values, _mm512_maskz_compress_ps(kept, x));
    _mm256_storeu_si256(
        (__m256i *)cols, _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(kept, at)));
    return _mm_popcnt_u32(kept);
}

AVX512_STEP STEP(double, double, f64_f64_avx512)
{
    ptrdiff_t j = 0;
    for (int i = 0; i < 16; i += 8) {
        const __m512d y = _mm512_loadu_pd(x + i);
        const __mmask8 kept = _mm512_cmp_pd_mask(y, _mm512_setzero_pd(), _CMP_NEQ_UQ);
        const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256i at = _mm256_add_epi32(_mm256_set1_epi32((int)(col + i)), lanes);
        *bad |= _mm512_cmp_pd_mask(_mm512_abs_pd(y), _mm512_set1_pd(limit), _CMP_NLE_UQ);
        _mm512_storeu_pd(values + j, _mm512_maskz_compress_pd(kept, y));
        _mm_storeu_si128((__m128i *)(cols + j),
                         _mm256_cvtepi32_epi16(_mm256_maskz_compress_epi32(kept, at)));
        j += _mm_popcnt_u32(kept);
    }
    return j;
}

AVX512_STEP STEP(double, float, f64_f32_avx512)
{
    const __m512d low = _mm512_loadu_pd(x), high = _mm512_loadu_pd(x + 8);
    const __m256 narrow_low = _mm512_cvtpd_ps(low), narrow_high = _mm512_cvtpd_ps(high);
    *bad |= _mm512_cmp_pd_mask(_mm512_abs_pd(low), _mm512_set1_pd(limit), _CMP_NLE_UQ)
        | _mm512_cmp_pd_mask(_mm512_abs_pd(high), _mm512_set1_pd(limit), _CMP_NLE_UQ)
        | _mm512_cmp_pd_mask(_mm512_cvtps_pd(narrow_low), low, _CMP_NEQ_UQ)
        | _mm512_cmp_pd_mask(_mm512_cvtps_pd(narrow_high), high, _CMP_NEQ_UQ);
    return keep_16(
        _mm512_insertf32x8(_mm512_castps256_ps512(narrow_low), narrow_high, 1), col, cols, values);
}

AVX512_STEP STEP(float, float, f32_f32_avx512)
{
    const __m512 y = _mm512_loadu_ps(x);
    *bad |= _mm512_cmp_ps_mask(_mm512_abs_ps(y), _mm512_set1_ps((float)limit), _CMP_NLE_UQ);
    return keep_16(y, col, cols, values);
}

AVX512_STEP STEP(uint8_t, float, u8_f32_avx512)
{
    const __m512i y = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)x));
    (void)limit, (void)bad;
    return keep_16(_mm512_cvtepi32_ps(y), col, cols, values);
}

KEEP_ROWS(AVX512, avx512, 16)
#else
static void make_places(void) {}
#define row_f64_f64_avx2 row_f64_f64_plain
#define row_f64_f32_avx2 row_f64_f32_plain
#define row_f32_f32_avx2 row_f32_f32_plain
#define row_u8_f32_avx2 row_u8_f32_plain
#define row_f64_f64_avx512 row_f64_f64_plain
#define row_f64_f32_avx512 row_f64_f32_plain
#define row_f32_f32_avx512 row_f32_f32_plain
#define row_u8_f32_avx512 row_u8_f32_plain
#endif

enum { STRIDED, PLAIN, WITH_AVX2, WITH_AVX512 };

/* Returns the KeepRow for these elements (in the order of `Storage`) and instructions. */
static inline KeepRow row_keeper(int instructions, int storage, int single)
{
    static const KeepRow keepers[4][4] = {
        KEEPERS(strided), KEEPERS(plain), KEEPERS(avx2), KEEPERS(avx512)};
    return keepers[instructions][storage + (storage > 0 || single)];
}

#endif
