// Transcendental functions in float32, within about 1 ulp over the whole range, with torch's infinities and NaN.
// Branch-free on purpose: inlined into a loop they vectorise, as long as no two conditions are joined by || or &&.
// double goes to libm.
#pragma once

#define K_ONE(NAME)                                                \
    K_INLINE double k_##NAME(double x) { return __builtin_##NAME(x); }
#define K_LIBM(NAME) K_ONE(NAME) K_INLINE float k_##NAME(float x) { return __builtin_##NAME##f(x); }
K_ONE(exp) K_ONE(exp2) K_ONE(expm1) K_ONE(log) K_ONE(log2) K_ONE(log1p) K_ONE(sin) K_ONE(cos) K_ONE(tanh) K_ONE(erf)
K_ONE(erfc)
K_LIBM(tan) K_LIBM(asin) K_LIBM(acos) K_LIBM(atan) K_LIBM(asinh) K_LIBM(acosh) K_LIBM(atanh)
K_INLINE double k_atan2(double a, double b) { return __builtin_atan2(a, b); }
K_INLINE float k_atan2(float a, float b) { return __builtin_atan2f(a, b); }
K_INLINE double k_sigmoid(double x) { return 1 / (1 + __builtin_exp(-x)); }
K_INLINE double k_erf_plus_one(double x) { return 1 + __builtin_erf(x); }
K_INLINE double k_softplus(double x) {
    return (x < 0 ? 0 : x) + __builtin_log1p(__builtin_exp(-__builtin_fabs(x)));
}
K_INLINE double k_mish_gate(double x) { return __builtin_tanh(k_softplus(x)); }
K_INLINE double k_sinh(double x) { return __builtin_sinh(x); }
K_INLINE double k_cosh(double x) { return __builtin_cosh(x); }
K_INLINE double k_pow(double a, double b) { return __builtin_pow(a, b); }

// 2^n as a product of two normal factors, so that results may overflow to infinity or be denormal.
K_INLINE float k_scale(float x, int n) {
    int half = n >> 1;
    return x * k_float((unsigned)(half + 127) << 23) * k_float((unsigned)(n - half + 127) << 23);
}

// exp(r) - 1 for |r| <= ln(2)/2: r + r^2 q(r).
K_INLINE float k_expm1_core(float r) {
    float q = 1.98840107e-4f;
    q = __builtin_fmaf(q, r, 1.39304810e-3f);
    q = __builtin_fmaf(q, r, 8.33336823e-3f);
    q = __builtin_fmaf(q, r, 4.16664928e-2f);
    q = __builtin_fmaf(q, r, 1.66666657e-1f);
    q = __builtin_fmaf(q, r, 5.00000000e-1f);
    return __builtin_fmaf(q * r, r, r);
}

// x = n ln(2) + r; the sum with 1.5 * 2^23 rounds to an integer whose low bits are n.
struct k_reduced { float r; int n; };
K_INLINE k_reduced k_reduce(float x) {
    float t = __builtin_fmaf(x, 1.44269504f, 12582912.0f), n = t - 12582912.0f;
    float r = __builtin_fmaf(n, -6.93145752e-1f, x);
    return {__builtin_fmaf(n, -1.42860677e-6f, r), (int)k_bits(t) - 0x4b400000};
}

// The exponent of a normal number plus n: cheaper than a product, but only right for normal results.
K_INLINE float k_shift(float x, int n) { return k_float(k_bits(x) + ((unsigned)n << 23)); }

// Half of the range goes through 2^-64 or 2^64, so that results may overflow to infinity or be denormal.
K_INLINE float k_exp(float x) {
    k_reduced a = k_reduce(x);
    bool low = x < 0.0f;
    float y = k_shift(1.0f + k_expm1_core(a.r), a.n + (low ? 64 : -64)) * (low ? 5.42101086e-20f : 1.84467441e19f);
    y = x < -104.0f ? 0.0f : y;
    return x <= 88.8f ? y : x * __builtin_inff();
}

// exp whose denormal results are 0: for sums in which they vanish.
K_INLINE float k_exp_flush(float x) {
    k_reduced a = k_reduce(x);
    float y = k_shift(1.0f + k_expm1_core(a.r), a.n);
    y = x < -87.0f ? 0.0f : y;
    return x <= 88.72283f ? y : x * __builtin_inff();
}
K_INLINE double k_exp_flush(double x) { return __builtin_exp(x); }

K_INLINE float k_exp2(float x) {
    x = x > 129.0f ? 129.0f : x;
    x = x < -151.0f ? -151.0f : x;
    float t = x + 12582912.0f, r = (x - (t - 12582912.0f)) * 6.93147182e-1f;
    return k_scale(1.0f + k_expm1_core(r), (int)k_bits(t) - 0x4b400000);
}

K_INLINE float k_expm1(float x) {
    float c = x > 89.0f ? 89.0f : x;
    c = c < -18.0f ? -18.0f : c;
    k_reduced a = k_reduce(c);
    // 2 * (2^(n-1) (exp(r) - 1) + (2^(n-1) - 1/2)): n may be 128.
    float p = k_float((unsigned)(a.n - 1 + 127) << 23);
    float y = 2.0f * __builtin_fmaf(p, k_expm1_core(a.r), p - 0.5f);
    return x == 0.0f ? x : y;
}

// x = 2^e (1 + f) with 1 + f in [2/3, 4/3); `log` is log(1 + f) (after N. Juffa).
struct k_logarithm { float e, log; };
K_INLINE k_logarithm k_log_parts(float x) {
    bool tiny = x < 1.17549435e-38f;
    unsigned u = k_bits(tiny ? x * 8388608.0f : x), e = (u - 0x3f2aaaabu) & 0xff800000u;
    float f = k_float(u - e) - 1.0f, q = -1.30310059e-1f;
    q = __builtin_fmaf(q, f, 1.40869141e-1f);
    q = __builtin_fmaf(q, f, -1.21484190e-1f);
    q = __builtin_fmaf(q, f, 1.39814854e-1f);
    q = __builtin_fmaf(q, f, -1.66846052e-1f);
    q = __builtin_fmaf(q, f, 2.00120345e-1f);
    q = __builtin_fmaf(q, f, -2.49996200e-1f);
    q = __builtin_fmaf(q, f, 3.33331972e-1f);
    q = __builtin_fmaf(q, f, -5.00000000e-1f);
    return {(float)(((int)e >> 23) - (tiny ? 23 : 0)), __builtin_fmaf(q, f * f, f)};
}
// The values of a logarithm at 0, infinity, negative numbers and NaN.
K_INLINE float k_log_edges(float x, float y) {
    y = x == 0.0f ? -__builtin_inff() : y;
    y = x == __builtin_inff() ? x : y;
    return x >= 0.0f ? y : __builtin_nanf("");
}
K_INLINE float k_log(float x) {
    k_logarithm a = k_log_parts(x);
    return k_log_edges(x, __builtin_fmaf(a.e, 6.93147182e-1f, a.log));
}
K_INLINE float k_log2(float x) {
    k_logarithm a = k_log_parts(x);
    return k_log_edges(x, __builtin_fmaf(a.log, 1.44269504f, a.e));
}

K_INLINE float k_log1p(float x) {
    float u = 1.0f + x, lost = (x - (u - 1.0f)) / u;
    float v = k_log(u) + (lost < 1.0f ? lost : 0.0f);  // lost is NaN at -1 and infinity
    return u == 1.0f ? x : v;
}

K_INLINE float k_sigmoid(float x) { return 1.0f / (1.0f + k_exp_flush(-x)); }

// log(1 + exp(x)) = max(x, 0) + log(1 + f), where f = exp(-|x|), and that = f - s (f - z q(z)), s = f / (2 + f), z = s^2.
K_INLINE float k_softplus(float x) {
    float f = k_exp(-__builtin_fabsf(x)), s = f / (2.0f + f), z = s * s, q = 2.80249276e-1f;
    q = __builtin_fmaf(q, z, 2.79990497e-1f);
    q = __builtin_fmaf(q, z, 4.00217040e-1f);
    q = __builtin_fmaf(q, z, 6.66664131e-1f);
    return (x < 0.0f ? 0.0f : x) + __builtin_fmaf(-s, __builtin_fmaf(-z, q, f), f);
}

// tanh(log(1 + e)) = n / (n + 2), where e = exp(x), n = e (e + 2). It is 1 long before n overflows.
K_INLINE float k_mish_gate(float x) {
    float e = k_exp(x > 20.0f ? 20.0f : x), n = e * (e + 2.0f);
    return n / (n + 2.0f);
}

// exp(x) - 1 for |x| < 80.
K_INLINE float k_expm1_small(float x) {
    k_reduced a = k_reduce(x);
    float p = k_float((unsigned)(a.n + 127) << 23);
    return __builtin_fmaf(p, k_expm1_core(a.r), p - 1.0f);
}
// Near zero x + x^3 q(x^2), within 0.8 ulp: x - tanh(x) is all rounding there. Elsewhere by expm1.
K_INLINE float k_tanh(float x) {
    float m = __builtin_fabsf(x), s = m * m, q = -5.70404250e-3f;
    q = __builtin_fmaf(q, s, 2.06378624e-2f);
    q = __builtin_fmaf(q, s, -5.37391566e-2f);
    q = __builtin_fmaf(q, s, 1.33314312e-1f);
    q = __builtin_fmaf(q, s, -3.33332807e-1f);
    float near = __builtin_fmaf(q * s, m, m), a = 2.0f * m;
    float t = k_expm1_small(a > 20.0f ? 20.0f : a);
    float far = t / (t + 2.0f);
    return __builtin_copysignf(m < 0.6f ? near : far, x);
}
K_INLINE float k_sinh(float x) {
    float a = __builtin_fabsf(x), t = k_expm1(a), h = k_exp(0.5f * a);
    float y = a > 44.0f ? 0.5f * h * h : 0.5f * (t + t / (t + 1.0f));
    return __builtin_copysignf(y, x);
}
K_INLINE float k_cosh(float x) {
    float a = __builtin_fabsf(x), e = k_exp(a), h = k_exp(0.5f * a);
    return a > 44.0f ? 0.5f * h * h : 0.5f * (e + 1.0f / e);
}

// Two ranges, each a minimax polynomial of about 1 ulp (after N. Juffa, "faithfully rounded erff").
K_INLINE float k_erf(float x) {
    float s = x * x, t = __builtin_fabsf(x);
    t = t > 4.0f ? 4.0f : t;
    float r = __builtin_fmaf(-1.72853470e-5f, t, 3.83197126e-4f);
    r = __builtin_fmaf(r, t * t, __builtin_fmaf(-3.88396438e-3f, t, 2.42546219e-2f));
    r = __builtin_fmaf(r, t, -1.06777877e-1f);
    r = __builtin_fmaf(r, t, -6.34846687e-1f);
    r = __builtin_fmaf(r, t, -1.28717512e-1f);
    r = __builtin_fmaf(r, t, -t);
    float large = __builtin_copysignf(k_expm1_small(r), x);
    float q = __builtin_fmaf(-5.96761703e-4f, s, 4.99119423e-3f);
    q = __builtin_fmaf(q, s, -2.67681349e-2f);
    q = __builtin_fmaf(q, s, 1.12819925e-1f);
    q = __builtin_fmaf(q, s, -3.76125336e-1f);
    q = __builtin_fmaf(q, s, 1.28379166e-1f);
    return t > 0.927734375f ? large : __builtin_fmaf(q, x, x);
}
K_INLINE float k_erf_plus_one(float x) { return 1.0f + k_erf(x); }
K_INLINE float k_erfc(float x) { return (float)__builtin_erfc((double)x); }

// sin and cos: the argument is reduced in double, where three terms of pi/2 are exact to |x| < 2^50.
struct k_quadrant { float sin, cos; long n; };
K_INLINE k_quadrant k_circle(float x) {
    double t = __builtin_fma((double)x, 0.63661977236758134, 6755399441055744.0), n = t - 6755399441055744.0;
    double r = __builtin_fma(n, -1.5707963267948966, (double)x);
    r = __builtin_fma(n, -6.123233995736766e-17, r);
    double s = r * r;
    double p = __builtin_fma(s, 2.7183114939898219e-6, -1.9839334836096632e-4);
    p = __builtin_fma(p, s, 8.3333293858894632e-3);
    p = __builtin_fma(p, s, -1.6666666641626524e-1);
    double q = __builtin_fma(s, 2.4390448796277410e-5, -1.3886763774609930e-3);
    q = __builtin_fma(q, s, 4.1666623323739063e-2);
    q = __builtin_fma(q, s, -4.9999999725103100e-1);
    return {(float)__builtin_fma(p * s, r, r), (float)__builtin_fma(q, s, 1.0), __builtin_bit_cast(long, t)};
}
K_INLINE float k_turn(k_quadrant c, long n) {
    float y = n & 1 ? c.cos : c.sin;
    return n & 2 ? -y : y;
}
K_INLINE float k_sin(float x) {
    k_quadrant c = k_circle(x);
    float y = k_turn(c, c.n);
    return x == 0.0f ? x : __builtin_fabsf(x) == __builtin_inff() ? __builtin_nanf("") : y;
}
K_INLINE float k_cos(float x) {
    k_quadrant c = k_circle(x);
    float y = k_turn(c, c.n + 1);
    return __builtin_fabsf(x) == __builtin_inff() ? __builtin_nanf("") : y;
}
K_INLINE float k_pow(float a, float b) { return __builtin_powf(a, b); }
