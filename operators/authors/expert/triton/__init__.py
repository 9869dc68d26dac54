"""The triton dialect of the expert: generators of Triton kernels. Nothing here imports triton."""
