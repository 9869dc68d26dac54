// Products of small blocks in scratch memory, and the running softmax between them.
namespace attention {

using gemm::i64;

// c[rows][columns] (+)= a[rows][depth] b[depth][columns], all dense with these leading dimensions.
// rows is a multiple of MR, columns of NR * VEC.
template <int MR, int NR, int VEC, int AHEAD>
inline void product(i64 rows, i64 columns, i64 depth, const float* a, i64 lda, const float* b, i64 ldb, float* c,
                    i64 ldc, bool accumulate) {
  for (i64 j = 0; j < columns; j += NR * VEC)
    for (i64 i = 0; i < rows; i += MR)
      gemm::multiply<MR, NR, VEC, AHEAD, true>(depth, {a + i * lda, lda}, {b + j, ldb}, c + i * ldc + j, ldc,
                                               accumulate);
}

// The largest of `count` scores and `top`; NaN wins. count is a multiple of VEC.
template <int VEC>
inline float largest(const float* score, i64 count, float top) {
  using V = typename gemm::Lanes<VEC>::type;
  V best = *(const V*)score;
  for (i64 j = VEC; j < count; j += VEC) {
    const V x = *(const V*)(score + j);
    best = ((x > best) | (x != x)) ? x : best;
  }
  for (int l = 0; l < VEC; ++l) top = k_max(top, best[l]);
  return top;
}

// Scores become exp(score - top); returns their sum.
template <int VEC>
inline float powers(float* score, i64 count, float top) {
  using V = typename gemm::Lanes<VEC>::type;
#pragma omp simd
  for (i64 j = 0; j < count; ++j) score[j] = k_exp(score[j] - top);
  V sum = *(const V*)score;
  for (i64 j = VEC; j < count; j += VEC) sum += *(const V*)(score + j);
  float total = 0;
  for (int l = 0; l < VEC; ++l) total += sum[l];
  return total;
}

}  // namespace attention
