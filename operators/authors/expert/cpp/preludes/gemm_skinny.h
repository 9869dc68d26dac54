// Products with few rows or few columns: one factor is small, the big one streams through once and is never packed.
namespace gemm {

// Shape and schedule of a skinny product, in terms of its small and its big factor:
//   BATCH  SMALL (width of the small factor)  BIG (width of the big one)  K   VEC
//   ROWS (strips of the big factor at once)   CHUNK (of what is contiguous, in floats)   SPLIT (of the depth)
//   TURNED  the big factor is the left one: its width runs over rows of the result
// A big factor that is not PLAIN memory is computed into a buffer on the way.

// The small factor as [BATCHES][SMALL][K], dense.
template <class S, class Small>
const float* copy_small(const Small& small) {
  float* to = scratch(0, Small::BATCHES * S::SMALL * S::K);
  for (i64 batch = 0; batch < Small::BATCHES; ++batch)
    for (i64 s = 0; s < S::SMALL; ++s)
#pragma GCC ivdep
      for (i64 p = 0; p < S::K; ++p) to[(batch * S::SMALL + s) * S::K + p] = small.value(batch, s, p);
  return to;
}

// sums[s][r] (+)= dot of row s of the small factor with row r of the big one, over one chunk of the depth.
template <int SMALL, int ROWS, int VEC>
__attribute__((noinline)) void dots(i64 depth, const float* small, i64 small_stride, const float* const* big, float* sums,
                                    i64 lds, bool accumulate) {
  using V = typename Lanes<VEC>::type;
  V lanes[SMALL][ROWS] = {};
  i64 p = 0;
  for (; p + VEC <= depth; p += VEC) {
    V right[ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) right[r] = *(const V*)(big[r] + p);
#pragma GCC unroll 16
    for (int s = 0; s < SMALL; ++s) {
      const V left = *(const V*)(small + s * small_stride + p);
#pragma GCC unroll 16
      for (int r = 0; r < ROWS; ++r) lanes[s][r] += left * right[r];
    }
  }
#pragma GCC unroll 16
  for (int s = 0; s < SMALL; ++s)
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) {
      float sum = accumulate ? sums[s * lds + r] : 0.0f;
      for (int half = VEC / 2; half > 0; half /= 2)
        for (int l = 0; l < half; ++l) lanes[s][r][l] += lanes[s][r][l + half];
      for (i64 q = p; q < depth; ++q) sum += small[s * small_stride + q] * big[r][q];
      sums[s * lds + r] = sum + lanes[s][r][0];
    }
}

// sums[s][w] += small[s][p] * big[p][w] for ROWS consecutive p and `width` contiguous w.
template <int SMALL, int ROWS, int VEC>
__attribute__((noinline)) void combine_rows(i64 width, const float* small, i64 small_stride, const float* const* big,
                                            float* sums, i64 lds) {
  using V = typename Lanes<VEC>::type;
  i64 w = 0;
  for (; w + VEC <= width; w += VEC) {
    V right[ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) right[r] = *(const V*)(big[r] + w);
#pragma GCC unroll 16
    for (int s = 0; s < SMALL; ++s) {
      V sum = *(const V*)(sums + s * lds + w);
#pragma GCC unroll 16
      for (int r = 0; r < ROWS; ++r) sum += right[r] * small[s * small_stride + r];
      *(V*)(sums + s * lds + w) = sum;
    }
  }
  for (; w < width; ++w)
    for (int s = 0; s < SMALL; ++s)
      for (int r = 0; r < ROWS; ++r) sums[s * lds + w] += big[r][w] * small[s * small_stride + r];
}

// Pointers to `count` rows of the big factor, `length` long: in place, or computed into `buffer`.
template <class S, int COUNT, class Big>
inline void rows_of(const Big& big, i64 batch, i64 row, i64 start, i64 length, float* buffer, const float** rows) {
  for (int r = 0; r < COUNT; ++r) {
    if constexpr (Big::PLAIN) {
      rows[r] = Big::DEEP ? big.at(batch, row + r, start) : big.at(batch, start, row + r);
    } else {
      float* to = buffer + r * S::CHUNK;
#pragma GCC ivdep
      for (i64 x = 0; x < length; ++x)
        to[x] = Big::DEEP ? big.value(batch, row + r, start + x) : big.value(batch, start + x, row + r);
      rows[r] = to;
    }
  }
}

// sums[s][w] over depths [low, high) for w in [w0, w0 + width).
template <class S, class Big>
void skinny_block(const Big& big, const float* small, i64 batch, i64 w0, i64 width, i64 low, i64 high, float* sums,
                  i64 lds, float* buffer) {
  const float* rows[S::ROWS];
  if constexpr (Big::DEEP) {
    for (i64 p = low; p < high; p += S::CHUNK) {
      const i64 depth = std::min<i64>(S::CHUNK, high - p);
      i64 w = 0;
      for (; w + S::ROWS <= width; w += S::ROWS) {
        rows_of<S, S::ROWS>(big, batch, w0 + w, p, depth, buffer, rows);
        dots<S::SMALL, S::ROWS, S::VEC>(depth, small + p, S::K, rows, sums + w, lds, p > low);
      }
      for (; w < width; ++w) {
        rows_of<S, 1>(big, batch, w0 + w, p, depth, buffer, rows);
        dots<S::SMALL, 1, S::VEC>(depth, small + p, S::K, rows, sums + w, lds, p > low);
      }
    }
  } else {
    constexpr i64 CHAIN = 512;  // rows summed on their own: short chains of additions round less
    float* part = scratch(6, S::SMALL * lds);
    for (i64 p = low; p < high;) {
      const i64 end = std::min(high, p + CHAIN);
      float* to = p == low ? sums : part;
      for (int s = 0; s < S::SMALL; ++s) std::memset(to + s * lds, 0, width * sizeof(float));
      for (; p + S::ROWS <= end; p += S::ROWS) {
        rows_of<S, S::ROWS>(big, batch, p, w0, width, buffer, rows);
        combine_rows<S::SMALL, S::ROWS, S::VEC>(width, small + p, S::K, rows, to, lds);
      }
      for (; p < end; ++p) {
        rows_of<S, 1>(big, batch, p, w0, width, buffer, rows);
        combine_rows<S::SMALL, 1, S::VEC>(width, small + p, S::K, rows, to, lds);
      }
      for (int s = 0; to == part && s < S::SMALL; ++s)
        for (i64 w = 0; w < width; ++w) sums[s * lds + w] += part[s * lds + w];
    }
  }
}

// Hands the sums of one block to `finish`, row by row of the result.
template <class S, class Finish>
inline void finish_block(i64 batch, i64 w0, i64 width, const float* sums, i64 lds, const Finish& finish) {
  if constexpr (!S::TURNED) {
    for (int s = 0; s < S::SMALL; ++s) finish(batch, s, w0, width, sums + s * lds);
  } else {
    for (i64 w = 0; w < width; ++w) {
      float row[S::SMALL];
      for (int s = 0; s < S::SMALL; ++s) row[s] = sums[s * lds + w];
      finish(batch, w0 + w, 0, S::SMALL, row);
    }
  }
}

template <class S, class Small, class Big, class Finish>
void skinny(const Small& source_small, const Big& big, const Finish& finish) {
  // Blocks of the result: CHUNK wide where the big factor is contiguous along the result, else a few strips.
  constexpr i64 BLOCK = std::min<i64>(S::BIG, Big::DEEP ? 16 * S::ROWS : S::CHUNK);
  constexpr i64 BLOCKS = ceil_div(S::BIG, BLOCK);
  constexpr i64 plane = S::BATCH * BLOCKS * S::SMALL * BLOCK;
  const float* small = copy_small<S>(source_small);
  float* sums = scratch(2, S::SPLIT * plane);
#pragma omp parallel if (1.0 * S::BATCH * S::BIG * S::K > 5e4)
  {
    float* buffer = Big::PLAIN ? nullptr : scratch(3, S::ROWS * S::CHUNK);
#pragma omp for schedule(static)
    for (i64 task = 0; task < S::BATCH * BLOCKS * S::SPLIT; ++task) {
      const i64 split = task % S::SPLIT, block = task / S::SPLIT % BLOCKS, batch = task / S::SPLIT / BLOCKS;
      const i64 w0 = block * BLOCK, width = std::min(BLOCK, S::BIG - w0);
      float* own = sums + split * plane + (batch * BLOCKS + block) * S::SMALL * BLOCK;
      const float* from = small + (Small::BATCHES > 1 ? batch : 0) * S::SMALL * S::K;
      skinny_block<S>(big, from, batch, w0, width, S::K * split / S::SPLIT,
                      S::K * (split + 1) / S::SPLIT, own, BLOCK, buffer);
      if (S::SPLIT == 1) finish_block<S>(batch, w0, width, own, BLOCK, finish);
    }
    if constexpr (S::SPLIT > 1) {
#pragma omp for schedule(static)
      for (i64 task = 0; task < S::BATCH * BLOCKS; ++task) {
        float* own = sums + task * S::SMALL * BLOCK;
        for (i64 split = 1; split < S::SPLIT; ++split)
          for (i64 x = 0; x < S::SMALL * BLOCK; ++x) own[x] += own[split * plane + x];
        const i64 w0 = task % BLOCKS * BLOCK;
        finish_block<S>(task / BLOCKS, w0, std::min(BLOCK, S::BIG - w0), own, BLOCK, finish);
      }
    }
  }
}

}  // namespace gemm
