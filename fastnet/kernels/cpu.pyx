"""The kernel variants that this processor can run."""

cdef extern from *:
    """
    #if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
    static int has_avx2(void)
    {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    }
    static int has_avx512(void)
    {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
            && has_avx2();
    }
    #else
    static int has_avx2(void) { return 0; }
    static int has_avx512(void) { return 0; }
    #endif
    """
    int has_avx2()
    int has_avx512()


def supported():
    """Return the variants that this processor and operating system can run, the best last."""
    variants = ["baseline"]
    if has_avx2():
        variants.append("avx2")
    if has_avx512():
        variants.append("avx512")
    return variants
