// Inclusive scans of a register of lanes in log2(lanes) steps; the carry from block to block is kept by the caller.
#pragma once

template <class T, int N> struct k_lanes { typedef T type __attribute__((vector_size(N * sizeof(T)))); };
template <int BYTES> struct k_integer;
template <> struct k_integer<1> { typedef signed char type; };
template <> struct k_integer<2> { typedef short type; };
template <> struct k_integer<4> { typedef int type; };
template <> struct k_integer<8> { typedef long type; };

struct k_scan_sum { template <class V> K_INLINE V join(V a, V b) { return a + b; } };
struct k_scan_prod { template <class V> K_INLINE V join(V a, V b) { return a * b; } };
struct k_scan_max {
    template <class V> K_INLINE V join(V a, V b) { V m = a > b ? a : b; return a != a ? a : m; }
};
struct k_scan_min {
    template <class V> K_INLINE V join(V a, V b) { V m = a < b ? a : b; return a != a ? a : m; }
};

// x[l] becomes carry op x[0] op ... op x[l], for `count` elements, a multiple of N; the carry goes on.
template <class OP, class T, int N, class C> K_INLINE void k_scan(T* x, int count, T identity, C& carry) {
    typedef typename k_lanes<T, N>::type V;
    typedef typename k_integer<sizeof(T)>::type I;
    typedef typename k_lanes<I, N>::type M;
    V e;
    M lane;
    for (int l = 0; l < N; ++l) { e[l] = identity; lane[l] = (I)l; }
    for (int at = 0; at < count; at += N) {
        V v;
        __builtin_memcpy(&v, x + at, sizeof(V));
        // Lanes 0 to N-1 of a shuffle come from the first operand, N to 2N-1 from the second.
#define K_STEP(K)                                                                      \
    if (N > K) {                                                                       \
        M from = lane - (I)K;                                                          \
        v = OP::join(__builtin_shuffle(v, e, from < 0 ? from + (I)(2 * N) : from), v); \
    }
        K_STEP(1) K_STEP(2) K_STEP(4) K_STEP(8) K_STEP(16) K_STEP(32)
#undef K_STEP
        C total = OP::join(carry, (C)v[N - 1]);
        v = OP::join(V{} + (T)carry, v);
        carry = total;
        __builtin_memcpy(x + at, &v, sizeof(V));
    }
}
