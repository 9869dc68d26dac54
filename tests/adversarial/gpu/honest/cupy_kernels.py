"""Kernels in CUDA C++, compiled by NVRTC through CuPy, on torch's stream and memory. (CuPy has NVRTC flush subnormal
numbers to zero: a kernel that scales them up is wrong for it.)"""

from gpu.corpus import honest

_LAUNCH = """
import os
os.environ.setdefault("CUPY_CACHE_IN_MEMORY", "1")
import cupy
import numpy

def address(tensor):
    return numpy.uint64(tensor.data_ptr())

def launch(kernel, grid, block, arguments):
    with cupy.cuda.ExternalStream(torch.cuda.current_stream().cuda_stream):
        kernel((grid,), (block,), arguments)
"""
_CHAIN = r'''
CHAIN = cupy.RawKernel(r"""
extern "C" __global__ void chain(const float* x, const float* gate, const float* a, const float* b, float* y,
                                 long long size, long long n) {
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < size; i += (long long)gridDim.x * blockDim.x)
    y[i] = tanhf(x[i] * a[i % n] + b[i % n]) * (1.0f / (1.0f + expf(-gate[i]))) + x[i];
}
""", "chain")
'''
_LOSS = r'''
LOSS = cupy.RawModule(code=r"""
extern "C" __global__ void loss(const float* x, const float* t, const float* w, double* y, long long size,
                                long long n) {
  __shared__ double parts[256];
  double total = 0.0;
  for (long long i = blockIdx.x * 256LL + threadIdx.x; i < size; i += gridDim.x * 256LL) {
    float d = x[i] - t[i];
    total += (double)(d * d * w[i % n]);
  }
  parts[threadIdx.x] = total;
  for (int half = 128; half; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
  }
  if (!threadIdx.x) atomicAdd(y, parts[0] / size);
}
""")
'''
ENTRIES = [
    honest(
        "a fused chain, compiled at run time",
        "gated_chain",
        """
        y, size, n = torch.empty_like(x), x.numel(), x.shape[-1]
        places = [address(each) for each in (x, gate, self.gain, self.shift, y)]
        launch(CHAIN, -(-size // 256), 256, (*places, numpy.int64(size), numpy.int64(n)))
        return y
        """,
        _LAUNCH,
        _CHAIN,
    ),
    honest(
        "a loss in shared memory and atomic additions",
        "weighted_loss",
        """
        y = torch.zeros((), device=x.device, dtype=torch.float64)
        places = [address(each) for each in (x, target, self.weight, y)]
        launch(LOSS.get_function("loss"), 512, 256, (*places, numpy.int64(x.numel()), numpy.int64(x.shape[-1])))
        return y.float()
        """,
        _LAUNCH,
        _LOSS,
    ),
]
