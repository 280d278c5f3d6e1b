# cython: language_level=3
"""exp, the logistic sigmoid and tanh on vectors, without any help from the C library.

x = k ln 2 + r with k whole and |r| <= ln(2)/2 (Cody and Waite's two-part ln 2 keeps r exact to the
last bit); exp(r) is its Taylor sum, long enough that the first term left out is below a tenth of
an ulp; 2**k is written straight into the exponent, in two halves so that subnormal results and
the last binade before overflow come out right. NaN stays NaN.
"""
from fastnet.kernels.simd cimport (
    FASTNET_DIGITS, v_abs, v_copy_sign, v_power_of_two, v_round, v_splat, v_where_greater, vreal,
)


cdef inline vreal reduced(vreal x, vreal k) noexcept nogil:
    """x - k ln 2, the product with the upper part of ln 2 being exact."""
    if FASTNET_DIGITS == 24:
        return (x - k * v_splat(0.693359375)) - k * v_splat(-2.12194440054690583e-4)
    return (x - k * v_splat(6.93147180369123816490e-1)) - k * v_splat(1.90821492927058770002e-10)


cdef inline vreal expm1_reduced(vreal r) noexcept nogil:
    """exp(r) - 1 for |r| <= ln(2)/2, by Horner's rule on the Taylor series."""
    cdef vreal p
    if FASTNET_DIGITS == 24:
        p = v_splat(1.0 / 5040.0)
    else:
        p = v_splat(1.0 / 6227020800.0)
        p = p * r + v_splat(1.0 / 479001600.0)
        p = p * r + v_splat(1.0 / 39916800.0)
        p = p * r + v_splat(1.0 / 3628800.0)
        p = p * r + v_splat(1.0 / 362880.0)
        p = p * r + v_splat(1.0 / 40320.0)
        p = p * r + v_splat(1.0 / 5040.0)
    p = p * r + v_splat(1.0 / 720.0)
    p = p * r + v_splat(1.0 / 120.0)
    p = p * r + v_splat(1.0 / 24.0)
    p = p * r + v_splat(1.0 / 6.0)
    p = p * r + v_splat(0.5)
    return (p * r) * r + r


cdef inline vreal clamped(vreal x) noexcept nogil:
    """x cut to where exp neither has underflowed to 0 nor overflowed to infinity for long."""
    cdef vreal low = v_splat(-104.0 if FASTNET_DIGITS == 24 else -746.0)
    cdef vreal high = v_splat(89.0 if FASTNET_DIGITS == 24 else 710.0)
    x = v_where_greater(low, x, low, x)
    return v_where_greater(x, high, high, x)


cdef inline vreal v_exp(vreal x) noexcept nogil:
    """e**x, within 2 ulp from the smallest subnormal to the largest finite result."""
    cdef vreal k, half
    x = clamped(x)
    k = v_round(x * v_splat(1.44269504088896340736))
    half = v_round(k * v_splat(0.5))
    x = expm1_reduced(reduced(x, k)) + v_splat(1.0)
    return (x * v_power_of_two(half)) * v_power_of_two(k - half)


cdef inline vreal v_sigmoid(vreal z) noexcept nogil:
    """1 / (1 + e**-z)."""
    return v_splat(1.0) / (v_splat(1.0) + v_exp(v_splat(0.0) - z))


cdef inline vreal v_tanh(vreal z) noexcept nogil:
    """With tanh y = y + top / bottom, a convergent of Lambert's continued fraction (1768).

    Up to |z| = 0.55 that is all, with y = |z|, and loses nothing where z is small. Beyond, with
    2 |z| = k ln 2 + 2 y, it gives e**(2 y) = (bottom + n) / (bottom - n), where n = y bottom + top,
    and tanh |z| = 1 - 2 (bottom - n) / (2**k (bottom + n) + (bottom - n)), which loses nothing
    where tanh is near 1. Either way there is one division.
    """
    cdef vreal size = v_abs(z)
    cdef vreal one = v_splat(1.0)
    cdef vreal split = v_splat(0.55)
    # tanh is 1 to the last bit long before `high`, and 2**k stays a normal number up to there.
    cdef vreal high = v_splat(30.0 if FASTNET_DIGITS == 24 else 50.0)
    cdef vreal k, y, s, n, power, top, bottom
    y = v_where_greater(size, high, high, size)
    k = v_round(y * v_splat(2 * 1.44269504088896340736))
    power = v_power_of_two(k)
    y = v_where_greater(size, split, reduced(y, v_splat(0.5) * k), size)
    s = y * y
    if FASTNET_DIGITS == 24:
        top = v_splat(-14.0) * s - v_splat(315.0)
        bottom = v_splat(15.0) * s + v_splat(420.0)
        bottom = bottom * s + v_splat(945.0)
    else:
        top = v_splat(0.0) - s - v_splat(594.0)
        top = top * s - v_splat(45045.0)
        top = top * s - v_splat(675675.0)
        bottom = s + v_splat(630.0)
        bottom = bottom * s + v_splat(51975.0)
        bottom = bottom * s + v_splat(945945.0)
        bottom = bottom * s + v_splat(2027025.0)
    top = (y * s) * top
    n = y * bottom + top
    top = v_where_greater(size, split, v_splat(2.0) * (n - bottom), top)
    bottom = v_where_greater(size, split, power * (bottom + n) + (bottom - n), bottom)
    y = v_where_greater(size, split, one, y)
    return v_copy_sign(y + top / bottom, z)
