"""Names of torch and Python that are no operators: they pass tensors on, or give none."""

from __future__ import annotations

import builtins

PLAIN = frozenset(dir(builtins))
POINTERS = frozenset(["data_ptr", "untyped_storage", "numpy", "__dlpack__", "from_dlpack", "from_numpy", "asarray"])
ALLOCATIONS = frozenset(
    "empty empty_like empty_strided zeros zeros_like ones ones_like full full_like new_empty new_zeros new_ones "
    "new_full new_empty_strided rand randn arange".split()
)
SIZES = frozenset(
    "shape size numel dim ndim ndimension stride dtype device is_cuda layout itemsize nbytes element_size "
    "is_contiguous requires_grad is_floating_point training is_grad_enabled get_num_threads set_num_threads argtypes "
    "restype bit_length type".split()
)
VIEWS = frozenset(
    "contiguous detach view view_as reshape reshape_as expand expand_as broadcast_to flatten unflatten squeeze "
    "unsqueeze t mT T transpose permute movedim swapaxes narrow unbind split chunk as_strided data alias "
    "requires_grad_ no_grad inference_mode is_tensor get_submodule get_parameter get_buffer items values keys "
    "get append".split()
)
