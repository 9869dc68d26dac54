// Convolution as a blocked product: rows are output channels, columns are positions, the depth is channels and taps.
//
// The input is copied into planes with its padding. A stride cuts a plane into phases, so that every tap of every
// output position is `position + offset[tap]`: no patch needs to be gathered. Positions run over padded lines, and
// those between the lines of the output are computed in vain.
namespace gemm {

// A convolution; generated kernels define one with these members, after those that `blocked` needs:
//   CHANNELS (of one group)  PLANE (floats of a padded channel)  LINE LINES (positions of one line; lines to a slice)
//   OUT_W OUT_H (columns and rows of the output; OUT_H is LINES where there are no slices)

// The padded input read in place, tap by tap. `pad(plane, to)` writes one padded channel.
template <class S, class Pad>
struct Shifted {
  static constexpr bool SHIFTED = true;
  static constexpr i64 SLACK = 16 * S::VEC;  // vectors run past the last position
  const Pad& pad;
  const int* offsets;
  float* stored = nullptr;
  float* local = nullptr;
  i64 tag = -1;

  static constexpr i64 planes() { return S::BATCH * S::CHANNELS; }
  static constexpr i64 stored_floats() { return S::PACK_B != LOCAL ? planes() * S::PLANE + SLACK : 0; }
  static constexpr i64 local_floats(i64) { return S::PACK_B == LOCAL ? S::CHANNELS * S::PLANE + SLACK : 0; }
  static constexpr i64 tasks() { return S::PACK_B != LOCAL ? planes() : 0; }
  void pack_stored(i64 plane) const { pad(plane, stored + plane * S::PLANE); }

  void pack_local(i64 batch, i64, i64, i64, i64) {
    if (S::PACK_B != LOCAL || tag == batch) return;
    for (i64 c = 0; c < S::CHANNELS; ++c) pad(batch * S::CHANNELS + c, local + c * S::PLANE);
    tag = batch;
  }

  const float* image(i64 batch) const {
    return S::PACK_B == LOCAL ? local : stored + batch * S::CHANNELS * S::PLANE;
  }

  Panel panel(i64 batch, i64 strip, i64, i64, i64 p) const {
    return {image(batch) + strip * Tiling<S>::W, 0, offsets + p};
  }
};

// Patches gathered into strips, one block of the depth at a time; columns are output positions only.
template <class S, class Pad>
struct Patches : Shifted<S, Pad> {
  static constexpr bool SHIFTED = false;
  static constexpr int W = Tiling<S>::W;
  static constexpr i64 KC = Tiling<S>::KC, IMAGE = Shifted<S, Pad>::local_floats(0);
  i64 block = -1;

  static constexpr i64 local_floats(i64 width) { return IMAGE + width * KC + S::VEC; }

  void pack_local(i64 batch, i64 strip, i64 end, i64 p0, i64 depth) {
    Shifted<S, Pad>::pack_local(batch, strip, end, p0, depth);
    const i64 wanted = (batch * ceil_div(S::N, W) + strip) * (S::K + 1) + p0;
    if (wanted == block) return;
    block = wanted;
    for (i64 s = strip; s < end; ++s)
      gather(this->local + IMAGE + (s - strip) * W * KC, this->image(batch), s * W, this->offsets + p0, depth);
  }

  // Copies the parts of output lines that make up one strip, tap by tap. Whole vectors are copied: what runs past the
  // end of a line is written again by the next line, tap or strip, or belongs to columns that nobody reads.
  void gather(float* to, const float* image, i64 j0, const int* taps, i64 depth) const {
    using V = typename Lanes<S::VEC>::type;
    const float* from[W];
    i64 at[W + 1], parts = 0;
    const i64 width = std::min<i64>(W, S::N - j0);
    for (i64 w = 0; w < width; ++parts) {
      const i64 line = (j0 + w) / S::OUT_W, x = (j0 + w) % S::OUT_W;
      from[parts] = image + (line / S::OUT_H * S::LINES + line % S::OUT_H) * S::LINE + x;
      at[parts] = w;
      w += S::OUT_W - x;
    }
    at[parts] = width;
    for (i64 p = 0; p < depth; ++p, to += W)
      for (i64 part = 0; part < parts; ++part)
        for (i64 x = 0; x < at[part + 1] - at[part]; x += S::VEC)
          *(V*)(to + at[part] + x) = *(const V*)(from[part] + taps[p] + x);
  }

  Panel panel(i64, i64 strip, i64 first, i64 begin, i64 p) const {
    return {this->local + IMAGE + (strip - first) * W * KC + (p - begin) * W, W};
  }
};

// Positions of one padded line after another as runs of output columns: finish(batch, i, j, count, sums).
template <class S, class Finish>
auto lines_of(const Finish& finish) {
  return [&finish](i64 batch, i64 i, i64 from, i64 count, const float* sums) {
    for (i64 q = from; q < from + count;) {
      const i64 line = q / S::LINE, x = q % S::LINE, end = std::min(from + count, (line + 1) * S::LINE);
      if (x < S::OUT_W && line % S::LINES < S::OUT_H)
        finish(batch, i, (line / S::LINES * S::OUT_H + line % S::LINES) * S::OUT_W + x,
               std::min(end - q, S::OUT_W - x), sums + (q - from));
      q = end;
    }
  };
}

}  // namespace gemm
