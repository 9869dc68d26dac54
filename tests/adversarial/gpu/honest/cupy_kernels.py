"""Kernels in CUDA C++, compiled by NVRTC through CuPy, on torch's stream and memory."""

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
extern "C" __global__ void loss(const float* x, const float* t, const float* w, float* y, long long size, long long n) {
  __shared__ float parts[256];
  float total = 0.0f;
  for (long long i = blockIdx.x * 256LL + threadIdx.x; i < size; i += gridDim.x * 256LL) {
    float d = x[i] - t[i];
    total += d * d * w[i % n];
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
_ROWS = r'''
ROWS = cupy.RawKernel(r"""
extern "C" __global__ void scaled(const float* x, const float* w, float* y, float* s, int n) {
  const float* row = x + (long long)blockIdx.x * n;
  float total = 0.0f;
  for (int i = threadIdx.x; i < n; i += 32) total += row[i] * row[i];
  for (int far = 16; far; far /= 2) total += __shfl_xor_sync(~0u, total, far);
  float scale = 1.0f / sqrtf(total / n + 1e-6f);
  for (int i = threadIdx.x; i < n; i += 32) y[(long long)blockIdx.x * n + i] = row[i] * scale * w[i];
  if (!threadIdx.x) s[blockIdx.x] = scale;
}
""", "scaled")
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
        y = torch.zeros((), device=x.device)
        places = [address(each) for each in (x, target, self.weight, y)]
        launch(LOSS.get_function("loss"), 512, 256, (*places, numpy.int64(x.numel()), numpy.int64(x.shape[-1])))
        return y
        """,
        _LAUNCH,
        _LOSS,
    ),
    honest(
        "a warp for each row, two outputs",
        "rms_pair",
        """
        y, s = torch.empty_like(x), torch.empty(len(x), 1, device=x.device)
        places = [address(each) for each in (x, self.weight, y, s)]
        launch(ROWS, len(x), 32, (*places, numpy.int32(x.shape[-1])))
        return y, s
        """,
        _LAUNCH,
        _ROWS,
    ),
]
