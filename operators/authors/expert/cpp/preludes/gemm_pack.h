// Packing a factor into strips, with whatever it computes on the way from memory (`From::operator()`).

namespace gemm {

// Transposes VEC vectors in registers: log2(VEC) perfect shuffles.
template <int VEC>
inline void transpose(typename Lanes<VEC>::type* rows) {
  using V = typename Lanes<VEC>::type;
  typename Lanes<VEC>::mask low{}, high{};
  for (int i = 0; i < VEC; ++i) {
    low[i] = i / 2 + (i % 2) * VEC;
    high[i] = low[i] + VEC / 2;
  }
#pragma GCC unroll 8
  for (int step = 1; step < VEC; step *= 2) {
    V next[VEC];
#pragma GCC unroll 32
    for (int i = 0; i < VEC / 2; ++i) {
      next[2 * i] = __builtin_shuffle(rows[i], rows[i + VEC / 2], low);
      next[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + VEC / 2], high);
    }
#pragma GCC unroll 32
    for (int i = 0; i < VEC; ++i) rows[i] = next[i];
  }
}

// to[p * W + w] = value(w, p) for w < width, 0 up to W; read along w.
template <int W, class Value>
inline void pack_across(float* to, i64 width, i64 depth, Value value) {
  if (width == W) {
    for (i64 p = 0; p < depth; ++p)
#pragma GCC ivdep
      for (int w = 0; w < W; ++w) to[p * W + w] = value(w, p);
  } else {
    for (i64 p = 0; p < depth; ++p) {
#pragma GCC ivdep
      for (i64 w = 0; w < width; ++w) to[p * W + w] = value(w, p);
      for (i64 w = width; w < W; ++w) to[p * W + w] = 0.0f;
    }
  }
}

// The same, read along p, through square tiles that are transposed in registers; `plain` is value's address, or null.
template <int W, int VEC, class Value>
__attribute__((noinline)) void pack_transposed(float* to, i64 width, i64 depth, Value value, const float* plain,
                                               i64 stride) {
  static_assert(W % VEC == 0, "strips are whole vectors wide");
  using V = typename Lanes<VEC>::type;
  for (i64 w0 = 0; w0 < W; w0 += VEC) {
    const i64 rows = std::min<i64>(VEC, width - w0);
    i64 p0 = 0;
    for (; rows == VEC && p0 + VEC <= depth; p0 += VEC) {
      V lanes[VEC];
      if (plain) {
#pragma GCC unroll 32
        for (int w = 0; w < VEC; ++w) lanes[w] = *(const V*)(plain + (w0 + w) * stride + p0);
      } else {
        float tile[VEC][VEC];
        for (int w = 0; w < VEC; ++w)
#pragma GCC ivdep
          for (int p = 0; p < VEC; ++p) tile[w][p] = value(w0 + w, p0 + p);
#pragma GCC unroll 32
        for (int w = 0; w < VEC; ++w) lanes[w] = *(const V*)tile[w];
      }
      transpose<VEC>(lanes);
#pragma GCC unroll 32
      for (int p = 0; p < VEC; ++p) *(V*)(to + (p0 + p) * W + w0) = lanes[p];
    }
    for (; p0 < depth; ++p0)
      for (i64 w = 0; w < VEC; ++w) to[p0 * W + w0 + w] = w < rows ? value(w0 + w, p0) : 0.0f;
  }
}

// to[w * stride + p] = value(w, p) for w < width, 0 up to W.
template <int W, class Value>
inline void pack_deep(float* to, i64 stride, i64 width, i64 depth, Value value) {
  for (i64 w = 0; w < width; ++w)
#pragma GCC ivdep
    for (i64 p = 0; p < depth; ++p) to[w * stride + p] = value(w, p);
  for (i64 w = width; w < W; ++w) std::memset(to + w * stride, 0, depth * sizeof(float));
}

enum Place { IN_PLACE = 0, SHARED = 1, LOCAL = 2 };

// Where a factor comes from: `value(batch, w, p)`. If it is PLAIN memory, its address is `at(batch, w, p)`, with the
// STRIDE of the axis that is not contiguous. DEEP: memory is contiguous along p rather than along w.
// BATCHES is 1 when all products of the batch share the factor.
template <bool DEEP_, bool PLAIN_, i64 BATCHES_, i64 STRIDE_, class Value, class At>
struct Source {
  static constexpr bool DEEP = DEEP_, PLAIN = PLAIN_;
  static constexpr i64 BATCHES = BATCHES_, STRIDE = STRIDE_;
  Value value;
  At at;
};

template <bool DEEP, bool PLAIN, i64 BATCHES, i64 STRIDE, class Value, class At>
Source<DEEP, PLAIN, BATCHES, STRIDE, Value, At> source(Value value, At at) {
  return {value, at};
}

// One factor, cut into strips W wide, WIDTH by DEPTH in all. Strips of the left factor keep the order of their
// source; strips of the right one (TURN) are never DEEP. What cannot be read in place is SHARED instead.
template <class From, int W, int VEC, bool TURN, Place WANTED, i64 WIDTH, i64 DEPTH, i64 BLOCK>
struct Factor {
  static constexpr bool DEEP = From::DEEP && !TURN, SHIFTED = false;
  static constexpr Place PLACE = WANTED == IN_PLACE && (!From::PLAIN || DEEP != From::DEEP) ? SHARED : WANTED;
  static constexpr i64 STRIPS = ceil_div(WIDTH, W);
  static constexpr i64 FULL = WIDTH / W;  // strips that can be read in place
  static constexpr i64 FIRST = PLACE == IN_PLACE ? FULL : 0;
  static constexpr i64 STORED = PLACE == LOCAL ? 0 : STRIPS - FIRST;  // strips kept for the whole call
  const From& source;
  float* stored = nullptr;
  float* local = nullptr;
  i64 tag = -1;

  static constexpr i64 stored_floats() { return From::BATCHES * STORED * W * DEPTH; }
  static constexpr i64 local_floats(i64 width) { return PLACE == LOCAL ? width * BLOCK : 0; }
  static constexpr i64 chunks() { return ceil_div(DEPTH, BLOCK); }
  static constexpr i64 tasks() { return From::BATCHES * STORED * chunks(); }

  void pack(float* to, i64 stride, i64 batch, i64 strip, i64 p0, i64 depth) const {
    const i64 w0 = strip * W, width = std::min<i64>(W, WIDTH - w0);
    auto value = [&](i64 w, i64 p) { return source.value(batch, w0 + w, p0 + p); };
    if constexpr (DEEP)
      pack_deep<W>(to, stride, width, depth, value);
    else if constexpr (From::DEEP)
      pack_transposed<W, VEC>(to, width, depth, value, From::PLAIN ? source.at(batch, w0, p0) : nullptr, From::STRIDE);
    else
      pack_across<W>(to, width, depth, value);
  }

  float* strip_of(i64 batch, i64 strip) const {
    return stored + ((From::BATCHES > 1 ? batch : 0) * STORED + strip - FIRST) * W * DEPTH;
  }

  void pack_stored(i64 task) const {
    const i64 strip = FIRST + task % STORED, chunk = task / STORED % chunks(), batch = task / STORED / chunks();
    const i64 p0 = chunk * BLOCK, depth = std::min(BLOCK, DEPTH - p0);
    pack(strip_of(batch, strip) + (DEEP ? p0 : p0 * W), DEPTH, batch, strip, p0, depth);
  }

  // Packs strips [strip, end) of one depth block into this thread's own memory, unless they are there already.
  void pack_local(i64 batch, i64 strip, i64 end, i64 p0, i64 depth) {
    const i64 wanted = ((From::BATCHES > 1 ? batch : 0) * STRIPS + strip) * (DEPTH + 1) + p0;
    if (PLACE != LOCAL || wanted == tag) return;
    for (i64 s = strip; s < end; ++s) pack(local + (s - strip) * W * BLOCK, BLOCK, batch, s, p0, depth);
    tag = wanted;
  }

  Panel panel(i64 batch, i64 strip, i64 first, i64 block, i64 p) const {
    if constexpr (PLACE == LOCAL) {
      const float* data = local + (strip - first) * W * BLOCK;
      return {data + (p - block) * (DEEP ? 1 : W), DEEP ? BLOCK : W};
    } else {
      if (PLACE == IN_PLACE && strip < FULL) return {source.at(batch, strip * W, p), From::STRIDE};
      return {strip_of(batch, strip) + p * (DEEP ? 1 : W), DEEP ? DEPTH : W};
    }
  }
};

}  // namespace gemm
