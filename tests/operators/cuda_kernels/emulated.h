// CUDA C++ on a CPU, for kernels on small shapes: the threads of a block, or of a cluster of blocks, are fibers that take
// turns at every barrier. Shared memory is a section of the library, of which each block of a cluster has a copy.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <utility>
#include <vector>
using std::min;

#define __global__
#define __device__
#define __shared__ static __attribute__((section("block_shared")))
#define __launch_bounds__(...)
#define __cluster_dims__(...)

struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
template <class T> void __stcs(T* to, T x) { *to = x; }

struct Dim { unsigned x, y; };
static Dim threadIdx, blockIdx;
extern char __start_block_shared[], __stop_block_shared[];
__shared__ __attribute__((used)) char section_exists;  // and with it the section

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
inline float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
inline float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
inline unsigned short to_half(float x) { return __builtin_bit_cast(unsigned short, (_Float16)x); }
inline float from_half(unsigned short x) { return __builtin_bit_cast(_Float16, x); }

namespace emulation {
constexpr int most = 8 * 1024, stack_bytes = 32 << 10;
struct Fiber {
    ucontext_t context;
    char* stack = nullptr;
    int waits = 0;  // at which kind of barrier; 0 when it has ended
    char given[16];
};
static Fiber fibers[most];
static std::vector<char> shared[8];  // of the blocks whose turn it is not
static unsigned turn;                // whose it is
static ucontext_t scheduler;
static int current;
static void (*body)(void*);
static void* body_data;

inline void wait(int kind) {
    fibers[current].waits = kind;
    swapcontext(&fibers[current].context, &scheduler);
}
static void enter() {
    body(body_data);
    fibers[current].waits = 0;
}

// The threads of block `first` and of those that are in its cluster.
inline void run_cluster(unsigned first, int blocks, int threads) {
    const size_t bytes = __stop_block_shared - __start_block_shared;
    for (int b = 0; b < blocks; ++b) shared[b].resize(bytes);
    for (int t = 0; t < blocks * threads; ++t) {
        Fiber& f = fibers[t];
        if (!f.stack) f.stack = (char*)malloc(stack_bytes);
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = f.stack;
        f.context.uc_stack.ss_size = stack_bytes;
        f.context.uc_link = &scheduler;
        makecontext(&f.context, enter, 0);
        f.waits = -1;
    }
    for (bool alive = true; alive;) {
        for (int b = 0; b < blocks; ++b) {
            turn = b;
            blockIdx.x = first + b;
            memcpy(__start_block_shared, shared[b].data(), bytes);
            for (int t = 0; t < threads; ++t) {
                current = b * threads + t;
                threadIdx = {(unsigned)t, 0};
                swapcontext(&scheduler, &fibers[current].context);
            }
            memcpy(shared[b].data(), __start_block_shared, bytes);
            if (fibers[current].waits == 0) memset(shared[b].data(), 255, bytes);  // it has ended: nobody may read it
        }
        alive = fibers[0].waits != 0;
        for (int t = 1; t < blocks * threads; ++t)
            if (fibers[t].waits != fibers[0].waits) {
                fprintf(stderr, "threads 0 and %d wait at different barriers\n", t);
                exit(3);
            }
    }
}

template <class... A, size_t... I>
void launch(
    void (*kernel)(A...), unsigned gx, unsigned gy, int cluster, int threads, void** arguments, std::index_sequence<I...>) {
    auto call = [&] { kernel((A)arguments[I]...); };
    body_data = &call;
    body = [](void* data) { (*(decltype(call)*)data)(); };
    for (unsigned y = 0; y < gy; ++y)
        for (unsigned x = 0; x < gx; x += cluster) {
            blockIdx.y = y;
            run_cluster(x, cluster, threads);
        }
}
template <class... A>
void launch(void (*kernel)(A...), unsigned gx, unsigned gy, int cluster, int threads, void** arguments) {
    launch(kernel, gx, gy, cluster, threads, arguments, std::index_sequence_for<A...>());
}

// Where block `rank` of the cluster has what this one has at `mine`.
template <class T> const T* of_block(const T* mine, unsigned rank) {
    return rank == turn ? mine : (const T*)(shared[rank].data() + ((const char*)mine - __start_block_shared));
}
}  // namespace emulation

inline void __syncthreads() { emulation::wait(1); }
template <class T> T __shfl_xor_sync(unsigned, T x, int w) {
    using namespace emulation;
    memcpy(fibers[current].given, &x, sizeof x);
    wait(2);
    T y;
    memcpy(&y, fibers[current ^ w].given, sizeof y);
    wait(3);
    return y;
}
