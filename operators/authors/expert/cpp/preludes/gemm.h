// Register-blocked product of two panels, and the scratch memory that blocked products share.
#include <omp.h>
#include <sys/mman.h>
#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace gemm {

using i64 = long;

constexpr i64 ceil_div(i64 a, i64 b) { return (a + b - 1) / b; }
constexpr i64 round_up(i64 a, i64 b) { return ceil_div(a, b) * b; }

template <int VEC>
struct Lanes {
  typedef float type __attribute__((vector_size(VEC * 4), aligned(4), may_alias));
  typedef int mask __attribute__((vector_size(VEC * 4)));
};

// Buffer `slot` of the calling thread, with room for `count` floats. It is kept between calls: fresh pages are slow.
inline float* scratch(int slot, size_t count) {
  struct Buffer {
    void* data = nullptr;
    size_t size = 0;
    ~Buffer() { std::free(data); }
  };
  static thread_local Buffer buffers[8];
  Buffer& buffer = buffers[slot];
  constexpr size_t huge = size_t(2) << 20;
  const size_t size = round_up(count * sizeof(float), 4096);
  if (size > buffer.size) {
    std::free(buffer.data);
    const bool large = size >= huge;
    buffer.data = std::aligned_alloc(large ? huge : 4096, large ? round_up(size, huge) : size);
    if (large) madvise(buffer.data, round_up(size, huge), MADV_HUGEPAGE);
    buffer.size = size;
  }
  return static_cast<float*>(buffer.data);
}

// A strip of a factor: element (w, p), w across the strip and p along the depth, is data[w * stride + p] if the
// strip is DEEP, data[offsets[p] + w] if it is SHIFTED, and data[p * stride + w] otherwise.
struct Panel {
  const float* data;
  i64 stride;
  const int* offsets = nullptr;
};

// c[MR][NR * VEC] (+)= a strip of MR rows times a strip of NR * VEC columns (not DEEP). All of c stays in registers.
template <int MR, int NR, int VEC, int AHEAD, bool DEEP, bool SHIFTED = false>
__attribute__((noinline)) void multiply(i64 depth, Panel a, Panel b, float* c, i64 ldc, bool accumulate) {
  using V = typename Lanes<VEC>::type;
  V sum[MR][NR];
#pragma GCC unroll 64
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < NR; ++j) sum[i][j] = V{};
  const float* column = a.data;
  const float* row = b.data;
  for (i64 p = 0; p < depth; ++p) {
    if (SHIFTED) row = b.data + b.offsets[p];
    V right[NR];
#pragma GCC unroll 16
    for (int j = 0; j < NR; ++j) {
      right[j] = *(const V*)(row + j * VEC);
      if (AHEAD && !SHIFTED) __builtin_prefetch(row + AHEAD * b.stride + j * VEC);
    }
#pragma GCC unroll 64
    for (int i = 0; i < MR; ++i) {
      const float left = DEEP ? column[i * a.stride] : column[i];
#pragma GCC unroll 16
      for (int j = 0; j < NR; ++j) sum[i][j] += right[j] * left;
    }
    column += DEEP ? 1 : a.stride;
    if (!SHIFTED) row += b.stride;
  }
  // Blocks of the depth are summed on their own: short chains of additions round less.
#pragma GCC unroll 64
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < NR; ++j) {
      V* to = (V*)(c + i * ldc + j * VEC);
      *to = accumulate ? *to + sum[i][j] : sum[i][j];
    }
}

}  // namespace gemm
