// CUDA C++ on a CPU, for kernels on small shapes: the threads of a block are fibers that take turns at every barrier.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <utility>
using std::min;

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)

struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
template <class T> void __stcs(T* to, T x) { *to = x; }

struct Dim { unsigned x, y; };
static Dim threadIdx, blockIdx;

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
inline float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
inline float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
inline unsigned short to_half(float x) { return __builtin_bit_cast(unsigned short, (_Float16)x); }
inline float from_half(unsigned short x) { return __builtin_bit_cast(_Float16, x); }

namespace emulation {
constexpr int most = 1024, stack_bytes = 32 << 10;
struct Fiber {
    ucontext_t context;
    char* stack = nullptr;
    int waits = 0;  // at which kind of barrier; 0 when it has ended
    char given[16];
};
static Fiber fibers[most];
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

inline void run_block(int threads) {
    for (int t = 0; t < threads; ++t) {
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
        for (int t = 0; t < threads; ++t) {
            current = t;
            threadIdx = {(unsigned)t, 0};
            swapcontext(&scheduler, &fibers[t].context);
        }
        alive = fibers[0].waits != 0;
        for (int t = 1; t < threads; ++t)
            if (fibers[t].waits != fibers[0].waits) {
                fprintf(stderr, "threads 0 and %d of a block wait at different barriers\n", t);
                exit(3);
            }
    }
}

template <class... A, size_t... I>
void launch(void (*kernel)(A...), unsigned gx, unsigned gy, int threads, void** arguments, std::index_sequence<I...>) {
    auto call = [&] { kernel((A)arguments[I]...); };
    body_data = &call;
    body = [](void* data) { (*(decltype(call)*)data)(); };
    for (unsigned y = 0; y < gy; ++y)
        for (unsigned x = 0; x < gx; ++x) {
            blockIdx = {x, y};
            run_block(threads);
        }
}
template <class... A> void launch(void (*kernel)(A...), unsigned gx, unsigned gy, int threads, void** arguments) {
    launch(kernel, gx, gy, threads, arguments, std::index_sequence_for<A...>());
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
