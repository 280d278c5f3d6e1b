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
    """With e = exp(-2 |z|) - 1: -e / (2 + e) up to |z| = 1, beyond 1 - 2 (e + 1) / (2 + e).

    The first form loses nothing where z is small, the second nothing where tanh is near 1.
    """
    cdef vreal size = v_abs(z)
    cdef vreal x = v_splat(-2.0) * size
    cdef vreal one = v_splat(1.0)
    cdef vreal k, power, e, top, ratio
    # e is -1 to the last bit long before `low`, and 2**k stays a normal number up to there.
    cdef vreal low = v_splat(-60.0 if FASTNET_DIGITS == 24 else -100.0)
    x = v_where_greater(low, x, low, x)
    k = v_round(x * v_splat(1.44269504088896340736))
    power = v_power_of_two(k)
    x = power * expm1_reduced(reduced(x, k))
    e = x + (power - one)
    top = v_where_greater(size, one, v_splat(2.0) * (x + power), v_splat(0.0) - e)
    ratio = top / (v_splat(2.0) + e)
    return v_copy_sign(v_where_greater(size, one, one - ratio, ratio), z)
