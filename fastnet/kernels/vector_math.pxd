# cython: language_level=3
"""exp, the logistic sigmoid, tanh and the smooth activations on vectors.

x = k ln 2 + r with k whole and |r| <= ln(2)/2 (Cody and Waite's two-part ln 2 keeps r exact to the
last bit); exp(r) is its Taylor sum, long enough that the first term left out is below a tenth of
an ulp; 2**k is written straight into the exponent, in two halves so that subnormal results and
the last binade before overflow come out right. NaN stays NaN.

The smooth activations compute their derivative too, which shares most of the work. Polynomials
other than Taylor's interpolate their function at Chebyshev nodes, closer than a tenth of an ulp.
The C library is used only for sines of large numbers.
"""
from libc.math cimport cos, fabs, sin

from fastnet.kernels.simd cimport (
    FASTNET_DIGITS, LANES, real, v_abs, v_any_greater, v_at_least, v_at_most, v_copy_sign, v_load,
    v_power_of_two, v_round, v_splat, v_store, v_where_greater, vreal,
)


cdef inline vreal reduced(vreal x, vreal k) noexcept nogil:
    """Return x - k ln 2, in which the product with the upper part of ln 2 is exact."""
    if FASTNET_DIGITS == 24:
        return (x - k * v_splat(0.693359375)) - k * v_splat(-2.12194440054690583e-4)
    return (x - k * v_splat(6.93147180369123816490e-1)) - k * v_splat(1.90821492927058770002e-10)


cdef inline vreal expm1_reduced(vreal r) noexcept nogil:
    """Return exp(r) - 1 for |r| <= ln(2)/2, by Horner's rule on the Taylor series."""
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
    """Return x clipped to just beyond the range in which exp neither underflows nor overflows."""
    cdef vreal low = v_splat(-104.0 if FASTNET_DIGITS == 24 else -746.0)
    cdef vreal high = v_splat(89.0 if FASTNET_DIGITS == 24 else 710.0)
    return v_at_most(high, v_at_least(low, x))


cdef inline vreal times_power_of_two(vreal x, vreal k) noexcept nogil:
    """Return x 2**k, for any k that `clamped` allows."""
    cdef vreal half = v_round(k * v_splat(0.5))
    return (x * v_power_of_two(half)) * v_power_of_two(k - half)


cdef inline vreal v_exp(vreal x) noexcept nogil:
    """Return e**x, within 2 ulp from the smallest subnormal to the largest finite result."""
    cdef vreal k
    x = clamped(x)
    k = v_round(x * v_splat(1.44269504088896340736))
    return times_power_of_two(expm1_reduced(reduced(x, k)) + v_splat(1.0), k)


cdef inline vreal v_sigmoid(vreal z) noexcept nogil:
    """Return 1 / (1 + e**-z), with the same bits as computed with `v_exp`.

    Where e**-z is so small that `v_exp` writes 2**k in two halves, the sum is 1 whatever it is. So
    one power of two is enough, and 2**(k - 1) with twice e**r does not overflow before its time.
    """
    cdef vreal low = v_splat(-80.0 if FASTNET_DIGITS == 24 else -700.0)
    cdef vreal high = v_splat(89.0 if FASTNET_DIGITS == 24 else 710.0)
    cdef vreal x = v_splat(0.0) - z
    cdef vreal one = v_splat(1.0)
    cdef vreal k, twice
    x = v_at_most(high, v_at_least(low, x))
    k = v_round(x * v_splat(1.44269504088896340736))
    twice = expm1_reduced(reduced(x, k)) * v_splat(2.0) + v_splat(2.0)
    return one / (one + twice * v_power_of_two(k - one))


cdef inline vreal v_tanh(vreal z) noexcept nogil:
    """Return tanh z, from tanh y = y + top / bottom, Lambert's continued fraction (1768), cut off.

    Up to |z| = 0.55, y is |z|, and the result is accurate for small z. Beyond, with
    2 |z| = k ln 2 + 2 y, it gives e**(2 y) = (bottom + n) / (bottom - n), where n = y bottom + top,
    and tanh |z| = 1 - 2 (bottom - n) / (2**k (bottom + n) + (bottom - n)), which is accurate where
    tanh is near 1. Both need one division.
    """
    cdef vreal size = v_abs(z)
    cdef vreal one = v_splat(1.0)
    cdef vreal split = v_splat(0.55)
    # tanh is 1 to the last bit long before `high`, and 2**k is a normal number up to there.
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


cdef inline vreal v_scaled_elu(vreal z, real scale, real low, vreal *slope) noexcept nogil:
    """Return scale z for z > 0, else low (e**z - 1); at 0 the derivative is the left one."""
    cdef vreal zero = v_splat(0.0)
    cdef vreal x = clamped(v_where_greater(zero, z, z, zero))
    cdef vreal k = v_round(x * v_splat(1.44269504088896340736))
    cdef vreal grown = expm1_reduced(reduced(x, k))
    cdef vreal power = times_power_of_two(v_splat(1.0), k)
    slope[0] = v_where_greater(z, zero, v_splat(scale),
                               v_splat(low) * times_power_of_two(grown + v_splat(1.0), k))
    x = v_splat(low) * (grown * power + (power - v_splat(1.0)))
    return v_where_greater(zero, z, x, v_splat(scale) * z)


cdef inline vreal v_elu(vreal z, vreal *slope) noexcept nogil:
    """Return z for z > 0, else e**z - 1."""
    return v_scaled_elu(z, 1, 1, slope)


cdef inline vreal v_selu(vreal z, vreal *slope) noexcept nogil:
    """Return lambda z for z > 0, else lambda alpha (e**z - 1): it keeps mean 0 and variance 1."""
    return v_scaled_elu(z, 1.0507009873554804934, 1.7580993408473768599, slope)


cdef inline vreal gaussian(vreal y, vreal *k) noexcept nogil:
    """Return g, and set k, so that e**(-y**2 / 2) = (1 + g) 2**k, for 0 <= y <= 40.

    The upper part of y has so few digits that its square is exact; the rest of y**2 is added
    separately. Multiply by 1 + g as a + a g, which rounds once less.
    """
    cdef vreal upper, rest
    if FASTNET_DIGITS == 24:
        upper = v_round(y * v_splat(256.0)) * v_splat(1.0 / 256.0)
    else:
        upper = v_round(y * v_splat(1048576.0)) * v_splat(1.0 / 1048576.0)
    rest = (y - upper) * (v_splat(-0.5) * (y + upper))
    upper = v_splat(-0.5) * (upper * upper)
    k[0] = v_round(upper * v_splat(1.44269504088896340736))
    return expm1_reduced(reduced(upper, k[0]) + rest)


cdef inline vreal v_gelu(vreal z, vreal *slope) noexcept nogil:
    """Return z Phi(z), with Phi(z) = (1 + erf(z / sqrt(2))) / 2.

    The derivative is Phi(z) + z Phi'(z). Phi(-y) = e**(-y**2 / 2) p(x) / (1 + y), with y = |z| and
    a polynomial in x = (y - c) / (y + c), is accurate in the tail, where 1 + erf is not. The
    rounding errors of p and of 1 + y are computed and added to g; without that, errors exceed 4
    ulp.
    """
    cdef vreal zero = v_splat(0.0)
    cdef vreal one = v_splat(1.0)
    cdef vreal high = v_splat(15.0 if FASTNET_DIGITS == 24 else 40.0)  # e**(-y**2 / 2) is 0 there
    cdef vreal centre = v_splat(4.0 if FASTNET_DIGITS == 24 else 6.0)
    cdef vreal y = v_abs(z)
    cdef vreal x, p, last, q, top, left_out, g, k, density, tail
    y = v_where_greater(y, high, high, y)
    x = (y - centre) / (y + centre)
    if FASTNET_DIGITS == 24:
        p = v_splat(-7.437454417e-5)
        p = p * x + v_splat(-6.673718492e-5)
        p = p * x + v_splat(6.908448556e-4)
        p = p * x + v_splat(-2.999187613e-4)
        p = p * x + v_splat(-5.002140853e-3)
        p = p * x + v_splat(1.793944948e-2)
        p = p * x + v_splat(-3.219781535e-2)
        p = p * x + v_splat(2.86000328e-2)
        p = p * x + v_splat(1.399963659e-2)
        p = p * x + v_splat(-9.670346798e-2)
        last = v_splat(4.720532064e-1)
    else:
        p = v_splat(1.5695921634584024e-9)
        p = p * x + v_splat(2.94263907527978882e-9)
        p = p * x + v_splat(-1.56398649427466447e-8)
        p = p * x + v_splat(-2.00278932782708465e-8)
        p = p * x + v_splat(1.32367901589381673e-7)
        p = p * x + v_splat(-4.29136582696614175e-10)
        p = p * x + v_splat(-9.99589852649191548e-7)
        p = p * x + v_splat(1.78381160229581246e-6)
        p = p * x + v_splat(4.41240454391289758e-6)
        p = p * x + v_splat(-2.63533935724090732e-5)
        p = p * x + v_splat(3.77949016773717594e-5)
        p = p * x + v_splat(1.19489655717179587e-4)
        p = p * x + v_splat(-8.68994665616747783e-4)
        p = p * x + v_splat(2.93565551791461649e-3)
        p = p * x + v_splat(-7.05981942106870707e-3)
        p = p * x + v_splat(1.32468641540121344e-2)
        p = p * x + v_splat(-1.97664792199702885e-2)
        p = p * x + v_splat(2.25924670627830158e-2)
        p = p * x + v_splat(-1.61415173321973665e-2)
        p = p * x + v_splat(-4.37338677959322544e-3)
        p = p * x + v_splat(3.98114245624298218e-2)
        p = p * x + v_splat(-8.50253623057707224e-2)
        last = v_splat(4.53455200271127945e-1)
    x = p * x
    p = x + last
    q = p / (one + y)
    top = v_where_greater(y, one, y, one)
    left_out = v_where_greater(y, one, one, y) - ((one + y) - top)
    left_out = v_splat(2.15) * ((x - (p - last)) - q * left_out)  # divided by p, 0.4 to 0.53
    g = gaussian(y, &k)
    density = y * v_splat(0.39894228040143267794)
    density = times_power_of_two(density * g + density, k)
    g = g + left_out * (one + g)
    tail = times_power_of_two(q * g + q, k)
    slope[0] = v_where_greater(z, zero, (one - tail) + density, tail - density)
    q = y * q
    tail = times_power_of_two(q * g + q, k)
    return v_where_greater(zero, z, zero - tail, z - tail)


cdef inline vreal v_silu(vreal z, vreal *slope) noexcept nogil:
    """Return z s, with s = 1 / (1 + e**-z); the derivative is s + z s (1 - s).

    At -y, y > 0, the derivative is u (d - y) / d**2, with u = e**-y, d = 1 + u; at y it is 1 minus
    that. u is (1 + g) 2**k as in `v_gelu`; the rounding error of d is subtracted from g.
    """
    cdef vreal zero = v_splat(0.0)
    cdef vreal one = v_splat(1.0)
    cdef vreal far = v_splat(104.0 if FASTNET_DIGITS == 24 else 746.0)  # as in `clamped`
    cdef vreal y = v_abs(z)
    cdef vreal x = clamped(zero - y)
    cdef vreal k = v_round(x * v_splat(1.44269504088896340736))
    cdef vreal g = expm1_reduced(reduced(x, k))
    cdef vreal u = times_power_of_two(one + g, k)
    cdef vreal d = one + u
    cdef vreal left_out = (u - (d - one)) * (one - v_splat(0.5) * u)  # divided by d, roughly
    cdef vreal n, below
    y = v_where_greater(y, far, zero, y)  # the product with u is 0 there
    left_out = left_out * (one + g)
    n = d - y
    below = times_power_of_two(n * (g - (left_out + left_out)) + n, k) / (d * d)
    slope[0] = v_where_greater(z, zero, one - below, below)
    n = v_copy_sign(y, z)
    n = times_power_of_two(n * (g - left_out) + n, k)
    return v_where_greater(z, zero, z, n) / d


cdef inline vreal v_softplus(vreal z, vreal *slope) noexcept nogil:
    """Return ln(1 + e**z) = max(z, 0) + ln(1 + u), u = e**-|z|; the derivative is 1 / (1 + e**-z).

    ln(1 + u) = 2 artanh(s), s = u / (2 + u), is a series in s**2 that begins with 2 s.
    """
    cdef vreal zero = v_splat(0.0)
    cdef vreal one = v_splat(1.0)
    cdef vreal small = v_exp(zero - v_abs(z))
    cdef vreal s = small / (v_splat(2.0) + small)
    cdef vreal w = s * s
    cdef vreal p
    if FASTNET_DIGITS == 24:
        p = v_splat(0.2322432922)
        p = p * w + v_splat(0.217065758)
        p = p * w + v_splat(0.2859235799)
        p = p * w + v_splat(0.3999970633)
        p = p * w + v_splat(0.6666666732)
    else:
        p = v_splat(0.161640456119435322)
        p = p * w + v_splat(0.0880073848614467388)
        p = p * w + v_splat(0.120010728095907125)
        p = p * w + v_splat(0.133141442096549362)
        p = p * w + v_splat(0.153855700649586231)
        p = p * w + v_splat(0.181817894361328582)
        p = p * w + v_splat(0.22222222717427863)
        p = p * w + v_splat(0.285714285671087572)
        p = p * w + v_splat(0.400000000000145827)
        p = p * w + v_splat(0.666666666666666586)
    slope[0] = v_where_greater(z, zero, one, small) / (one + small)
    return v_where_greater(z, zero, z, zero) + (s * (w * p) + v_splat(2.0) * s)


cdef inline vreal v_softsign(vreal z, vreal *slope) noexcept nogil:
    """Return z / (1 + |z|); the derivative is 1 / (1 + |z|)**2."""
    cdef vreal far = v_splat(1e30 if FASTNET_DIGITS == 24 else 1e300)
    cdef vreal y = v_abs(z)
    cdef vreal inverse
    y = v_where_greater(y, far, far, y)  # so that 1 / (1 + y) is a normal number
    inverse = v_splat(1.0) / (v_splat(1.0) + y)
    slope[0] = inverse * inverse
    return v_copy_sign(y * inverse, z)


cdef inline vreal quarter_turns(vreal z, vreal k) noexcept nogil:
    """Return z - k pi/2, with parts of pi/2 whose products with k are exact in `v_sine`'s range."""
    if FASTNET_DIGITS == 24:
        z = z - k * v_splat(1.5706787109375)
        z = z - k * v_splat(1.1761486530303955078125e-4)
        z = z - k * v_splat(9.920313459588214755e-10)
        return z - k * v_splat(6.223372171896613392e-14)
    z = z - k * v_splat(1.57079632673412561416626)
    z = z - k * v_splat(6.077100506303965976595549e-11)
    z = z - k * v_splat(2.022266248711166455795996e-21)
    return z - k * v_splat(8.478427660368899643958701e-32)


cdef inline vreal v_sine(vreal z, vreal *slope) noexcept nogil:
    """Return sin z; the derivative is cos z. Both are Taylor sums at r = z - k pi/2, |r| <= pi/4.

    k = 2 m + p with p from -1 to 1; if p is not 0, m is even, because m was rounded to even. So
    with e = cos(k pi/2), sin z = e sin r + p cos r and cos z = e cos r - p sin r; one of the two
    products is 0.
    """
    cdef vreal one = v_splat(1.0)
    cdef vreal k = v_round(z * v_splat(0.63661977236758134308))
    cdef vreal m = v_round(v_splat(0.5) * k)
    cdef vreal turned = m - v_splat(2.0) * v_round(v_splat(0.5) * m)
    cdef vreal r = quarter_turns(z, k)
    cdef vreal square = r * r
    cdef vreal p, s, c, e
    cdef real limit = 1600 if FASTNET_DIGITS == 24 else 1600000
    if FASTNET_DIGITS == 24:
        s = v_splat(1.0 / 362880.0)
        c = v_splat(-1.0 / 3628800.0)
        c = c * square + v_splat(1.0 / 40320.0)
    else:
        s = v_splat(1.0 / 355687428096000.0)
        s = s * square + v_splat(-1.0 / 1307674368000.0)
        s = s * square + v_splat(1.0 / 6227020800.0)
        s = s * square + v_splat(-1.0 / 39916800.0)
        s = s * square + v_splat(1.0 / 362880.0)
        c = v_splat(1.0 / 20922789888000.0)
        c = c * square + v_splat(-1.0 / 87178291200.0)
        c = c * square + v_splat(1.0 / 479001600.0)
        c = c * square + v_splat(-1.0 / 3628800.0)
        c = c * square + v_splat(1.0 / 40320.0)
    s = s * square + v_splat(-1.0 / 5040.0)
    s = s * square + v_splat(1.0 / 120.0)
    s = s * square + v_splat(-1.0 / 6.0)
    s = (s * square) * r + r
    c = c * square + v_splat(-1.0 / 720.0)
    c = c * square + v_splat(1.0 / 24.0)
    c = c * square + v_splat(-0.5)
    c = c * square + one
    p = k - v_splat(2.0) * m
    e = (one - p * p) * (one - v_splat(2.0) * (turned * turned))
    slope[0] = e * c - p * s
    s = e * s + p * c
    if v_any_greater(v_abs(z), v_splat(limit)):
        s = far_sine(z, limit, s, slope)
    return s


cdef inline vreal far_sine(vreal z, real limit, vreal s, vreal *slope) noexcept nogil:
    """Return `s`, and set `slope`, with the C library's values where |z| > limit."""
    cdef real zs[LANES]
    cdef real sines[LANES]
    cdef real cosines[LANES]
    cdef int lane
    v_store(zs, z)
    v_store(sines, s)
    v_store(cosines, slope[0])
    for lane in range(<int> LANES):
        if fabs(zs[lane]) > limit:
            sines[lane] = <real> sin(zs[lane])
            cosines[lane] = <real> cos(zs[lane])
    slope[0] = v_load(cosines)
    return v_load(sines)
