"""EGG search: an evolutionary search engine for faster PyTorch kernels."""
