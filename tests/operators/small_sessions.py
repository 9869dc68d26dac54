"""The expert's session on a problem of one expression over one input."""

from egg_search.core.problem import Problem
from operators.authors.expert.cpp.dialect import CppDialect
from operators.authors.expert.session import Session


def small_session(name, forward, shape, hardware, dialect=CppDialect):
    source = f"""
import torch
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.ones(8, 8, 3, 3))
    def forward(self, x):
        return {forward}
def get_inputs():
    return [torch.randn({shape})]
def get_init_inputs():
    return []
"""
    return Session(Problem(name, source), dialect(), hardware)
