"""The cuda dialect of the expert: CUDA C++ compiled by NVRTC."""
