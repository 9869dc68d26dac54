"""What a GPU's candidate leaves to torch, as a kind of kernel with choices and decisions of its own."""
