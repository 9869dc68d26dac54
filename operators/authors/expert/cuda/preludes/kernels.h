// Functions of the generated kernels. A candidate carries the paragraphs that it needs.

#define k_infinity __int_as_float(0x7f800000)

#define k_nan __int_as_float(0x7fc00000)

struct k_half {
    // IEEE half precision, without the toolkit's headers.
    unsigned short bits;
    k_half() = default;
    __device__ explicit k_half(float x) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x)); }
};
__device__ inline float k_float(k_half x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}

struct k_bfloat {
    // Rounds to nearest even; NaN stays NaN.
    unsigned short bits;
    k_bfloat() = default;
    __device__ explicit k_bfloat(float x) {
        const unsigned u = __float_as_uint(x);
        bits = x != x ? 0x7fc0 : (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    }
};
__device__ inline float k_float(k_bfloat x) { return __uint_as_float((unsigned)x.bits << 16); }

// N neighbours in memory, which move together.
template <class T, int N> struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) k_vec {
    T at[N];
};

template <int N, class T> __device__ inline k_vec<T, N> k_load(const T* from) {
    return *reinterpret_cast<const k_vec<T, N>*>(from);
}

template <int BYTES> struct k_word;
template <> struct k_word<16> { using type = uint4; };
template <> struct k_word<8> { using type = uint2; };
template <> struct k_word<4> { using type = unsigned; };
template <> struct k_word<2> { using type = unsigned short; };
template <> struct k_word<1> { using type = unsigned char; };

// PAST: what is stored is the first to leave the cache again.
template <bool PAST, int N, class T> __device__ inline void k_store(T* to, k_vec<T, N> x) {
    using word = typename k_word<sizeof(T) * N>::type;
    if (PAST) __stcs(reinterpret_cast<word*>(to), *reinterpret_cast<const word*>(&x));
    else *reinterpret_cast<k_vec<T, N>*>(to) = x;
}

// The same where only `left` elements are left.
template <int N, class T> __device__ inline k_vec<T, N> k_load_some(const T* from, long left) {
    if (left >= N) return k_load<N>(from);
    k_vec<T, N> x = {};
    for (int e = 0; e < N; ++e)
        if (e < left) x.at[e] = from[e];
    return x;
}

template <bool PAST, int N, class T> __device__ inline void k_store_some(T* to, k_vec<T, N> x, long left) {
    if (left >= N) return k_store<PAST>(to, x);
    for (int e = 0; e < N; ++e)
        if (e < left) to[e] = x.at[e];
}

// Maximum and minimum that hand on NaN, as torch does.
template <class T> __device__ inline T k_max(T a, T b) { return a > b || a != a ? a : b; }

template <class T> __device__ inline T k_min(T a, T b) { return a < b || a != a ? a : b; }

template <class T> __device__ inline T k_abs(T x) { return x < 0 ? -x : x; }

template <class T> __device__ inline T k_sign(T x) { return (T)((x > 0) - (x < 0)); }

template <class T> __device__ inline bool k_isinf(T x) { return x == k_infinity || x == -k_infinity; }

// The quotient within 2 ulp, or rounded.
template <bool QUICK> __device__ inline float k_divide(float a, float b) {
    if (!QUICK) return a / b;
    float q;
    asm("div.full.f32 %0, %1, %2;" : "=f"(q) : "f"(a), "f"(b));
    return q;
}

// The same by an ordinary number.
template <bool QUICK> __device__ inline float k_divide_by(float a, float b) { return QUICK ? a * (1.0f / b) : a / b; }

// The same where `b` divides many: its reciprocal is made once, of a denormal after it was scaled.
template <bool QUICK> __device__ inline float k_divide_many(float a, float b) {
    const float scale = fabsf(b) < 0x1p-100f ? 0x1p64f : 1.0f;
    return QUICK ? a * scale * (1.0f / (b * scale)) : a / b;
}

// By the hardware's exp2 as it is, or within 2 ulp.
template <bool QUICK> __device__ inline float k_exp_by(float x) { return QUICK ? __expf(x) : expf(x); }

template <bool QUICK> __device__ inline float k_sigmoid_by(float x) {
    return __fdividef(1.0f, 1.0f + k_exp_by<QUICK>(-x));  // 0 where that is denormal
}

__device__ inline float k_sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ inline double k_sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

// log(1 + exp(x)) = max(x, 0) + log(1 + f), where f = exp(-|x|), and that = f - s (f - z q(z)), s = f / (2 + f), z = s^2.
__device__ inline float k_softplus(float x) {
    const float f = expf(-fabsf(x)), s = __fdividef(f, 2.0f + f), z = s * s;
    float q = fmaf(z, 2.80249276e-1f, 2.79990497e-1f);
    q = fmaf(q, z, 4.00217040e-1f);
    q = fmaf(q, z, 6.66664131e-1f);
    return fmaxf(x, 0.0f) + fmaf(-s, fmaf(-z, q, f), f);
}
__device__ inline double k_softplus(double x) { return fmax(x, 0.0) + log1p(exp(-fabs(x))); }

// tanh(log(1 + e)) = n / (n + 2), where e = exp(x), n = e (e + 2). It is 1 long before n overflows.
__device__ inline float k_mish_gate(float x) {
    const float e = expf(x > 20.0f ? 20.0f : x), n = e * (e + 2.0f);
    return __fdividef(n, n + 2.0f);
}
__device__ inline double k_mish_gate(double x) { return tanh(k_softplus(x)); }

// 1 + erf(x) within 2e-7: erfc(m) = 2^(m p(m)), m = |x|, is as far from 1 on the other side.
__device__ inline float k_erf_plus_one(float x) {
    const float m = fabsf(x);
    float p = fmaf(m, -4.53609209e-5f, 4.45524201e-4f);
    p = fmaf(p, m, -1.48948783e-3f);
    p = fmaf(p, m, -7.74565211e-4f);
    p = fmaf(p, m, 2.82536335e-2f);
    p = fmaf(p, m, -1.48481593e-1f);
    p = fmaf(p, m, -9.18416381e-1f);
    p = fmaf(p, m, -1.62790859f);
    const float y = exp2f(p * m);
    return x < 0 ? y : 2.0f - y;
}
__device__ inline double k_erf_plus_one(double x) { return 1.0 + erf(x); }

// The remainder that has the divisor's sign.
template <class T> __device__ inline T k_mod(T a, T b) {
    const T r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

template <class T> __device__ inline T k_floor_div(T a, T b) {
    const T r = fmod(a, b);
    T q = (a - r) / b;
    q = r != 0 && (r < 0) != (b < 0) ? q - 1 : q;
    const T f = floor(q);
    return b == 0 ? a / b : q - f > (T)0.5 ? f + 1 : f;
}

template <class T> __device__ inline T k_mod_int(T a, T b) {
    const T r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

template <class T> __device__ inline T k_floor_div_int(T a, T b) {
    const T q = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

template <class T> __device__ inline T k_pow_int(T a, T b) {
    T r = 1;
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    for (; b; b /= 2, a *= a)
        if (b % 2) r *= a;
    return r;
}

// Whether (b, j) comes before (a, i) when the largest is looked for: the first of equal values, and NaN above all.
template <class T, class I> __device__ inline bool k_above(T a, I i, T b, I j) {
    const bool better = b > a || (b != b && a == a), same = b == a || (b != b && a != a);
    return better || (same && j < i);
}

template <class T, class I> __device__ inline bool k_below(T a, I i, T b, I j) {
    const bool better = b < a || (b != b && a == a), same = b == a || (b != b && a != a);
    return better || (same && j < i);
}

// exp(x - top) where equal infinities differ by nothing.
__device__ inline float k_relative(float x, float top) { return x == top ? 1.0f : expf(x - top); }
__device__ inline double k_relative(double x, double top) { return x == top ? 1.0 : exp(x - top); }

// One more element for a maximum and a sum of exponentials relative to it.
template <class T> __device__ inline void k_online(T& top, T& total, T x) {
    const T before = top;
    top = k_max(top, x);
    if (before == top || top != top) total += k_relative(x, top);
    else total = total * k_relative(before, top) + 1;
}

// Joins two of them. Exact products and sums: threads that merge in either order get the same.
__device__ inline void k_online_merge(float& top, float& total, float top2, float total2) {
    const float m = k_max(top, top2);
    total = __fadd_rn(__fmul_rn(total, k_relative(top, m)), __fmul_rn(total2, k_relative(top2, m)));
    top = m;
}

// Count, sum, mean and squares around the mean (Welford).
__device__ inline void k_moments(float& count, float& total, float& mean, float& squares, float x) {
    const float change = x - mean;
    total += x;
    count += 1.0f;
    mean += __fdividef(change, count);
    squares += change * (x - mean);
}

// Joins two of them (Chan, Golub and LeVeque), the same in either order.
__device__ inline void k_moments_merge(
    float& count, float& total, float& mean, float& squares, float count2, float total2, float mean2, float squares2) {
    const float both = count + count2, some = k_max(both, 1.0f), away = mean - mean2;
    const float between = away * away * (count * count2 / some);
    mean = __fadd_rn(__fmul_rn(mean, count / some), __fmul_rn(mean2, count2 / some));
    squares = squares + squares2 + between;
    total += total2;
    count = both;
}

// Of a cluster's blocks: what one wrote to its shared memory before it arrived, all see when they have waited.
__device__ inline void k_cluster_arrive() { asm volatile("barrier.cluster.arrive.aligned;" ::: "memory"); }
__device__ inline void k_cluster_wait() { asm volatile("barrier.cluster.wait.aligned;" ::: "memory"); }

// A variable in the shared memory of block `rank` of the cluster.
template <class T> __device__ inline T k_of_block(const T& mine, unsigned rank) {
    const T* theirs;
    asm("mapa.u64 %0, %1, %2;" : "=l"(theirs) : "l"(&mine), "r"(rank));
    return *theirs;
}
