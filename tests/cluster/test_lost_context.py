"""Which errors say that a process's GPU context is lost."""

import subprocess
import sys

import pytest
import torch

from egg_search.cluster.lost_context import ending_with_its_context, is_lost_context
from egg_search.core.errors import UserError

TEXT = "CUDA error: an illegal memory access was encountered"
ENDS = """
from egg_search.cluster.lost_context import ending_with_its_context
with ending_with_its_context():
    raise RuntimeError("CUDA error: unspecified launch failure")
"""


def blamed(error):
    """As the problem's loader words what its code raises."""
    try:
        try:
            raise error
        except Exception as cause:
            raise UserError("scale.py: line 3 fails") from cause
    except UserError as found:
        return found


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError(TEXT), True),
        (torch.AcceleratorError(TEXT), True),
        (blamed(RuntimeError(TEXT)), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"), False),
        (UserError(f"baseline eager died: {TEXT}"), False),
    ],
)
def test_an_error_of_this_process_is_told_from_others(error, lost):
    assert is_lost_context(error) == lost


def test_other_errors_pass():
    with pytest.raises(UserError), ending_with_its_context():
        raise UserError("no such thing")


def test_the_process_ends_and_leaves_the_reason_in_its_log():
    done = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, text=True)
    assert done.returncode == 75
    assert "unspecified launch failure" in done.stderr
