"""What a candidate is compared with: the problem's own Model, run by PyTorch, in workers like a candidate's."""
