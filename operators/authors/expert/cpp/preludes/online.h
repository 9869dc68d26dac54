// Maximum and sum of exponentials, relative to it, in one pass (Milakov and Gimelshein, arXiv 1805.02867).
#pragma once

// exp(from - to), where equal infinities differ by nothing.
template <class T> K_INLINE T k_rescale(T from, T to) { return k_exp_flush(k_where(from == to, (T)0, from - to)); }

// One of the two exponentials is always that of 0, so that one call serves both.
template <class T> K_INLINE void k_online(T& max, T& sum, T x) {
    T e = k_exp_flush(k_where(x == max, (T)0, -k_abs(x - max)));
    sum = x > max ? sum * e + 1 : sum + e;
    max = k_max(max, x);
}
template <class T> K_INLINE void k_online_merge(T& max, T& sum, T other_max, T other_sum) {
    T top = k_max(max, other_max);
    sum = sum * k_rescale(max, top) + other_sum * k_rescale(other_max, top);
    max = top;
}
// The sum and its total so far, which is relative to an older maximum.
template <class T> K_INLINE double k_online_total(double total, T base, T max, T sum) {
    return total * k_rescale(base, max) + sum;
}

// The sum as separate passes leave it for an infinite or NaN maximum, which may have been replaced by 0 where infinite.
template <class T> K_INLINE T k_online_sum(T max, T sum) { return sum + (max - max); }
template <class T> K_INLINE T k_online_sum_guarded(T max, T sum) {
    return k_where(k_isinf(max), k_where(max > 0, max, (T)0), sum + (max - max));
}
