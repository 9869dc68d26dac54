// Element types and exact arithmetic of the generated kernels. Everything is branch-free, so that loops vectorise.
#pragma once
#define K_INLINE static inline __attribute__((always_inline))

K_INLINE float k_float(unsigned bits) { return __builtin_bit_cast(float, bits); }
K_INLINE unsigned k_bits(float x) { return __builtin_bit_cast(unsigned, x); }

struct bfloat16 {
    unsigned short bits;
    // Round to nearest even; NaN stays NaN.
    K_INLINE bfloat16 of(float x) {
        unsigned u = k_bits(x), rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
        return {(unsigned short)(x != x ? 0x7fc0u : rounded)};
    }
};
K_INLINE float load(bfloat16 x) { return k_float((unsigned)x.bits << 16); }
K_INLINE float load(_Float16 x) { return (float)x; }

// A choice that evaluates both sides: the compiler must not turn it into a branch, which would keep loops scalar.
K_INLINE float k_where(bool c, float a, float b) {
    unsigned m = -(unsigned)c;
    return k_float((k_bits(a) & m) | (k_bits(b) & ~m));
}
template <class T> K_INLINE T k_where(bool c, T a, T b) { return c ? a : b; }

// Maximum and minimum that hand on NaN, as torch does: k_max and k_min for accumulators. In expressions the choice goes
// through bits: seeing a constant bound, the compiler would compute all that follows for it in a branch of its own.
#define K_EXTREMES(T)                                                          \
    K_INLINE T k_max(T a, T b) { T m = a > b ? a : b; return a != a ? a : m; } \
    K_INLINE T k_min(T a, T b) { T m = a < b ? a : b; return a != a ? a : m; }
K_EXTREMES(float) K_EXTREMES(double)
template <class T> K_INLINE T k_larger(T a, T b) { return k_where(a != a, a, k_where(a > b, a, b)); }
template <class T> K_INLINE T k_smaller(T a, T b) { return k_where(a != a, a, k_where(a < b, a, b)); }
// The same where b is not NaN.
template <class T> K_INLINE T k_at_least(T a, T b) { return k_where(a <= b, b, a); }
template <class T> K_INLINE T k_at_most(T a, T b) { return k_where(a >= b, b, a); }
#define K_INTEGER(T)                                                                                     \
    K_INLINE T k_max(T a, T b) { return a > b ? a : b; }                                                 \
    K_INLINE T k_min(T a, T b) { return a < b ? a : b; }                                                 \
    K_INLINE T k_abs(T x) { return x < 0 ? -x : x; }                                                     \
    K_INLINE T k_sign(T x) { return (x > 0) - (x < 0); }                                                 \
    K_INLINE T k_fmod(T a, T b) { return a % b; }                                                        \
    K_INLINE T k_mod(T a, T b) { T r = a % b; return r != 0 && ((r < 0) != (b < 0)) ? r + b : r; }       \
    K_INLINE T k_floor_div(T a, T b) { T q = a / b; return a % b != 0 && ((a < 0) != (b < 0)) ? q - 1 : q; } \
    K_INLINE T k_floor(T x) { return x; }                                                                \
    K_INLINE T k_ceil(T x) { return x; }                                                                 \
    K_INLINE T k_round(T x) { return x; }                                                                \
    K_INLINE T k_trunc(T x) { return x; }                                                                \
    K_INLINE bool k_isnan(T) { return false; }                                                           \
    K_INLINE bool k_isinf(T) { return false; }                                                           \
    K_INLINE T k_pow(T a, T b) {                                                                         \
        T r = 1;                                                                                         \
        if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;                                   \
        for (; b; b >>= 1, a *= a) if (b & 1) r *= a;                                                    \
        return r;                                                                                        \
    }
K_INTEGER(long) K_INTEGER(int) K_INTEGER(short) K_INTEGER(signed char) K_INTEGER(unsigned char) K_INTEGER(bool)

#define K_REAL(T, S)                                                                  \
    K_INLINE T k_abs(T x) { return __builtin_fabs##S(x); }                            \
    K_INLINE T k_sqrt(T x) { return __builtin_sqrt##S(x); }                           \
    K_INLINE T k_rsqrt(T x) { return 1 / __builtin_sqrt##S(x); }                      \
    K_INLINE T k_reciprocal(T x) { return 1 / x; }                                    \
    K_INLINE T k_floor(T x) { return __builtin_floor##S(x); }                         \
    K_INLINE T k_ceil(T x) { return __builtin_ceil##S(x); }                           \
    K_INLINE T k_trunc(T x) { return __builtin_trunc##S(x); }                         \
    K_INLINE T k_round(T x) { return __builtin_rint##S(x); }                          \
    K_INLINE T k_sign(T x) { return (T)((x > 0) - (x < 0)); }                         \
    K_INLINE bool k_isnan(T x) { return x != x; }                                     \
    K_INLINE bool k_isinf(T x) { return __builtin_fabs##S(x) == __builtin_inf##S(); } \
    K_INLINE T k_fmod(T a, T b) { return __builtin_fmod##S(a, b); }                   \
    K_INLINE T k_mod(T a, T b) {                                                      \
        T r = __builtin_fmod##S(a, b);                                                \
        return r != 0 && ((r < 0) != (b < 0)) ? r + b : r;                            \
    }                                                                                 \
    K_INLINE T k_floor_div(T a, T b) {                                                \
        T r = __builtin_fmod##S(a, b), q = (a - r) / b;                               \
        q = r != 0 && ((r < 0) != (b < 0)) ? q - 1 : q;                               \
        T f = __builtin_floor##S(q);                                                  \
        f = q - f > (T)0.5 ? f + 1 : f;                                               \
        return b == 0 ? a / b : q == 0 ? __builtin_copysign##S((T)0, a / b) : f;      \
    }
K_REAL(float, f) K_REAL(double, )

// A number known at compile time, as a value.
template <long N> struct k_const { constexpr operator long() const { return N; } };

#if defined(__AVX512F__)
#define K_LINE 64
#define K_STREAM __builtin_ia32_movntps512
#define K_FENCE __builtin_ia32_sfence
#elif defined(__AVX__)
#define K_LINE 32
#define K_STREAM __builtin_ia32_movntps256
#define K_FENCE __builtin_ia32_sfence
#else
#define K_LINE 16
#define K_STREAM(TO, X) __builtin_memcpy(TO, &X, K_LINE)
#define K_FENCE()
#endif

// Copies a block of results past the caches, but for lines of `to` that it only has a part of.
template <class T> K_INLINE void k_stream(T* to, const T* from, long n) {
    typedef float line __attribute__((vector_size(K_LINE)));
    long bytes = n * (long)sizeof(T), at = -(unsigned long)to & (K_LINE - 1);
    at = at < bytes ? at : bytes;
    __builtin_memcpy((char*)to, (const char*)from, at);
    for (; at + K_LINE <= bytes; at += K_LINE) {
        line x;
        __builtin_memcpy(&x, (const char*)from + at, K_LINE);
        K_STREAM((float*)((char*)to + at), x);
    }
    __builtin_memcpy((char*)to + at, (const char*)from + at, bytes - at);
    K_FENCE();
}
