"""What kernels of every dialect share: index arithmetic, views, the walk from a value down to memory."""
