// The blocked product: strips in caches, tiles in registers, an epilogue on every row of a finished tile.

namespace gemm {

// What is shared out among the threads: blocks of rows, blocks of columns, or both.
namespace grid {
enum Grid { m, n, mn };
}

// Shape and schedule of one product; generated kernels define one with these members.
//   BATCH M N K   MR NR VEC (micro-tile: MR rows, NR vectors)   MC NC KC (cache blocks)   SPLIT (of the depth)
//   GRID   DYNAMIC (threads take tiles as they become free)   PACK_A PACK_B (Place)   AHEAD (rows of b to prefetch)
//   SKIP (the range depends on the tile)
template <class S>
struct Tiling {
  static constexpr int W = S::NR * S::VEC;
  static constexpr i64 MC = std::min<i64>(round_up(S::M, S::MR), round_up(S::MC, S::MR));
  static constexpr i64 NC = std::min<i64>(round_up(S::N, W), round_up(S::NC, W));
  static constexpr i64 KS = ceil_div(S::K, S::SPLIT);  // depth of the longest split
  static constexpr i64 KC = std::min<i64>(KS, S::KC);
  static constexpr i64 TM = ceil_div(S::M, MC), TN = ceil_div(S::N, NC);
  // Only stored factors can be searched for infinities and NaN before any zero is skipped.
  static constexpr Place PLACE_A = S::SKIP ? SHARED : Place(S::PACK_A), PLACE_B = S::SKIP ? SHARED : Place(S::PACK_B);
  static constexpr bool ONCE = KS <= KC && !S::SKIP;  // no partial sums: one strip of rows is enough
  static constexpr i64 LDC = NC + S::VEC;
  static constexpr i64 FLOATS_C = (ONCE ? S::MR : MC) * LDC;
};

// Depths that may hold something other than zero.
struct Depths {
  i64 low, high;
};

struct AllDepths {
  Depths operator()(i64, i64, i64, i64) const { return {0, 1L << 60}; }
};

// One thread's part of a product. `row(split, batch, i, j, count, sums)` takes finished sums.
template <class S, class FA, class FB, class Range, class Row>
struct Worker {
  using T = Tiling<S>;
  FA a;
  FB b;
  const Range& range;
  const Row& row;
  bool skip;  // whether zero blocks may be skipped: nothing is infinite or NaN
  float* c;

  void tile(i64 split, i64 batch, i64 ib, i64 jb) {
    const i64 i0 = ib * T::MC, rows = std::min<i64>(T::MC, S::M - i0);
    const i64 j0 = jb * T::NC, columns = std::min<i64>(T::NC, S::N - j0);
    const i64 begin = S::K * split / S::SPLIT, end = S::K * (split + 1) / S::SPLIT;
    for (i64 p0 = begin; p0 < end; p0 += T::KC) {
      const i64 depth = std::min<i64>(T::KC, end - p0);
      a.pack_local(batch, i0 / S::MR, ceil_div(i0 + rows, S::MR), p0, depth);
      b.pack_local(batch, j0 / T::W, ceil_div(j0 + columns, T::W), p0, depth);
      for (i64 i = 0; i < rows; i += S::MR) {
        float* sums = c + (T::ONCE ? 0 : i) * T::LDC;
        strip(batch, i0, i, j0, columns, p0, depth, sums, p0 > begin);
        if (p0 + depth < end) continue;
        for (i64 r = i; r < std::min<i64>(i + S::MR, rows); ++r)
          row(split, batch, i0 + r, j0, columns, sums + (r - i) * T::LDC);
      }
    }
  }

  // MR rows times all columns of the tile, over one block of the depth.
  void strip(i64 batch, i64 i0, i64 i, i64 j0, i64 columns, i64 p0, i64 depth, float* sums, bool accumulate) {
    const i64 left = (i0 + i) / S::MR;
    for (i64 j = 0; j < columns; j += T::W) {
      i64 low = p0, high = p0 + depth;
      if (S::SKIP && skip) {
        const Depths kept = range(i0 + i, i0 + i + S::MR, j0 + j, j0 + j + T::W);
        low = std::max(low, kept.low), high = std::max(low, std::min(high, kept.high));
      }
      const Panel pa = a.panel(batch, left, i0 / S::MR, p0, low);
      const Panel pb = b.panel(batch, (j0 + j) / T::W, j0 / T::W, p0, low);
      multiply<S::MR, S::NR, S::VEC, S::AHEAD, FA::DEEP, FB::SHIFTED>(high - low, pa, pb, sums + j, T::LDC, accumulate);
    }
  }
};

// All tiles of the product, each thread of the team taking its share.
template <class S, class W>
void share_tiles(W& worker) {
  using T = Tiling<S>;
  constexpr i64 outer_m = S::GRID == grid::n ? 1 : T::TM, outer_n = S::GRID == grid::m ? 1 : T::TN;
  constexpr i64 tasks = S::BATCH * S::SPLIT * outer_m * outer_n;
  const auto run = [&](i64 task) {
    const i64 jt = task % outer_n, it = task / outer_n % outer_m, rest = task / outer_n / outer_m;
    const i64 split = rest % S::SPLIT, batch = rest / S::SPLIT;
    for (i64 ib = S::GRID == grid::n ? 0 : it; ib < (S::GRID == grid::n ? T::TM : it + 1); ++ib)
      for (i64 jb = S::GRID == grid::m ? 0 : jt; jb < (S::GRID == grid::m ? T::TN : jt + 1); ++jb)
        worker.tile(split, batch, ib, jb);
  };
  if constexpr (S::DYNAMIC) {
#pragma omp for schedule(dynamic, 1)
    for (i64 task = 0; task < tasks; ++task) run(task);
  } else {
#pragma omp for schedule(static)
    for (i64 task = 0; task < tasks; ++task) run(task);
  }
}

inline bool finite(const float* data, i64 count) {
  int bad = 0;
  for (i64 i = 0; i < count; ++i) bad |= !(data[i] - data[i] == 0.0f);
  return !bad;
}

// finish(batch, i, j, count, sums) stores results made from the sums of `count` columns from j on, in row i.
// `b` is a Factor, or something else that has its members.
template <class S, class A, class FB, class Range, class Finish>
void blocked(const A& source, FB b, const Range& range, const Finish& finish) {
  using T = Tiling<S>;
  using FA = Factor<A, S::MR, S::VEC, false, T::PLACE_A, S::M, S::K, T::KC>;
  constexpr i64 plane = S::BATCH * S::M * S::N;
  FA a{source, scratch(0, FA::stored_floats())};
  b.stored = scratch(1, FB::stored_floats());
  float* partial = S::SPLIT > 1 ? scratch(2, S::SPLIT * plane) : nullptr;
  auto row = [&](i64 split, i64 batch, i64 i, i64 j, i64 count, float* sums) {
    if constexpr (S::SPLIT > 1)
      std::memcpy(partial + split * plane + (batch * S::M + i) * S::N + j, sums, count * sizeof(float));
    else
      finish(batch, i, j, count, sums);
  };
  bool skip = true;
#pragma omp parallel if (2.0 * S::BATCH * S::M * S::N * S::K > 1e6)
  {
#pragma omp for schedule(static) nowait
    for (i64 task = 0; task < FA::tasks(); ++task) a.pack_stored(task);
#pragma omp for schedule(static)
    for (i64 task = 0; task < FB::tasks(); ++task) b.pack_stored(task);
    if constexpr (S::SKIP) {
#pragma omp for schedule(static) reduction(&& : skip)
      for (i64 part = 0; part < 2; ++part)
        skip = skip && (part ? finite(a.stored, FA::stored_floats()) : finite(b.stored, FB::stored_floats()));
    }
    using W = Worker<S, FA, FB, Range, decltype(row)>;
    W worker{a, b, range, row, skip, scratch(3, T::FLOATS_C)};
    worker.a.local = scratch(4, FA::local_floats(T::MC));
    worker.b.local = scratch(5, FB::local_floats(T::NC));
    share_tiles<S>(worker);
    if constexpr (S::SPLIT > 1) {
#pragma omp for schedule(static)
      for (i64 line = 0; line < S::BATCH * S::M; ++line) {
        float* sums = partial + line * S::N;
        for (i64 split = 1; split < S::SPLIT; ++split)
          for (i64 j = 0; j < S::N; ++j) sums[j] += sums[split * plane + j];
        finish(line / S::M, line % S::M, 0, S::N, sums);
      }
    }
  }
}

// The right factor of `blocked` in the way that S says.
template <class S, class B>
auto right(const B& source) {
  using T = Tiling<S>;
  return Factor<B, T::W, S::VEC, true, T::PLACE_B, S::N, S::K, T::KC>{source};
}

}  // namespace gemm
