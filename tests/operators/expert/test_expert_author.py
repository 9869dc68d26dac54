"""The expert writes candidates that build, agree with the problem, and keep its promises outside its shapes."""

import types

import pytest
import torch
from expert_problems import PROBLEMS, problem

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware, detect_cpu
from egg_search.core.problem.outputs import flatten_outputs
from operators.authors.expert import author, session
from operators.authors.expert.author import ExpertAuthor
from operators.base import AuthorError, Brief

HARDWARE = detect_cpu()
GPU = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536, capability=90)


def write(of, operator="seed", limit=8, **rest):
    return ExpertAuthor().write(Brief(operator, of, HARDWARE, Dialect.CPP, seed=0, limit=limit, **rest))


def module(source):
    made = types.ModuleType("candidate")
    exec(compile(source, "candidate.py", "exec"), made.__dict__)
    return made


def pair(of, source):
    """The problem's model and the candidate's with the same weights, and inputs."""
    loaded = of.load()
    reference, inputs = loaded.make_model(3), loaded.make_inputs(4)
    arguments = loaded.init_inputs(3)
    candidate = module(source).ModelNew(*arguments)
    candidate.load_state_dict(reference.state_dict(), strict=True)
    return reference, candidate, inputs


@pytest.fixture(autouse=True)
def build_dir(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("EGG_BUILD_DIR", str(tmp_path_factory.getbasetemp() / "build"))


POOLED = problem(
    "norm_then_pool",
    "return F.avg_pool2d(F.silu(self.norm(self.mix(x))), 2)",
    "torch.randn(3, 12, 10, 14)",
    init="self.mix = nn.Conv2d(12, 16, 1); self.norm = nn.GroupNorm(4, 16)",
)


def test_what_is_normalised_joins_what_reads_it():
    """Else all of it is written and read once more."""
    told = {each.change: each.source for each in write(POOLED, limit=20)}
    (apart, *_) = [source for change, source in told.items() if "statistics apart" in change]
    reference, candidate, inputs = pair(POOLED, Candidate(apart, Dialect.CPP).source)
    with torch.no_grad():
        torch.testing.assert_close(candidate(*inputs), reference(*inputs), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("of", PROBLEMS, ids=lambda p: p.name)
def test_every_seed_agrees_with_the_problem(of):
    writings = write(of, limit=4)
    assert writings
    for writing in writings:
        reference, candidate, inputs = pair(of, Candidate(writing.source, Dialect.CPP).source)
        with torch.no_grad():
            assert candidate._egg_fits(tuple(inputs))
            expected, got = flatten_outputs(reference(*inputs)), flatten_outputs(candidate(*inputs))
        assert len(expected) == len(got)
        for want, have in zip(expected, got, strict=True):
            torch.testing.assert_close(have, want, rtol=2e-5, atol=2e-6)
        for name, buffer in reference.named_buffers():
            torch.testing.assert_close(dict(candidate.named_buffers())[name], buffer)


def test_an_argument_is_written_into_as_the_problem_does():
    of = problem("in_place", "return torch.sqrt(F.relu(x, inplace=True)).sum(1)", "torch.randn(7, 9)")
    reference, candidate, (x,) = pair(of, write(of, limit=1)[0].source)
    for each in (x, x.t().contiguous().t()):
        changed, also = each.clone(), each.clone()
        torch.testing.assert_close(candidate(changed), reference(also))
        torch.testing.assert_close(changed, also)


def test_equal_briefs_give_equal_writings():
    assert write(PROBLEMS[1]) == write(PROBLEMS[1])


def test_seeds_differ():
    sources = [writing.source for writing in write(PROBLEMS[4])]
    assert len(sources) == len(set(sources)) > 1


def test_other_calls_run_the_original_forward():
    of = PROBLEMS[2]
    reference, candidate, inputs = pair(of, write(of, limit=1)[0].source)
    wider = [torch.randn(3, 40) for _ in inputs]
    assert not candidate._egg_fits(tuple(wider))
    torch.testing.assert_close(candidate(*wider), reference(*wider))
    doubled = [x.double() for x in inputs]
    torch.testing.assert_close(candidate.double()(*doubled), reference.double()(*doubled))


def test_gradients_come_from_the_original_forward():
    of = PROBLEMS[2]
    reference, candidate, inputs = pair(of, write(of, limit=1)[0].source)
    candidate(*inputs).sum().backward()
    reference(*inputs).sum().backward()
    torch.testing.assert_close(candidate.norm.weight.grad, reference.norm.weight.grad)


def test_another_constructor_argument_is_not_taken_for_the_problems():
    of = problem(
        "eps",
        "return x / (x.abs() + self.eps)",
        "torch.randn(4, 8)",
        init="self.eps = eps",
        parameters=", eps",
        values="1.0",
    )
    made = module(write(of, limit=1)[0].source)
    x = torch.randn(4, 8)
    torch.testing.assert_close(made.ModelNew(5.0)(x), x / (x.abs() + 5.0))


def test_inputs_that_are_not_dense_are_read_right():
    of = PROBLEMS[0]
    reference, candidate, inputs = pair(of, write(of, limit=1)[0].source)
    strided = inputs[0].t().contiguous().t()
    with torch.no_grad():
        torch.testing.assert_close(candidate(strided), reference(inputs[0]))


def test_a_model_that_cannot_be_read_is_said_so():
    of = problem("opaque", "return x * float(x.sum().item() > 0 and len(str(x.tolist())) % 7)", "torch.randn(3)")
    with pytest.raises(AuthorError, match="opaque"):
        write(of)


def test_dialects_of_one_device_share_what_was_read_of_the_problem(monkeypatch):
    """Reading a large network takes seconds."""
    read, of = [], problem("shared", "return torch.relu(x) @ x.T", "torch.randn(4, 8)")
    monkeypatch.setattr(session, "capture", lambda *args, capture=session.capture: read.append(1) or capture(*args))
    ExpertAuthor().begin(of, GPU)
    triton, cuda = (author._session(of.id, dialect, GPU, of) for dialect in (Dialect.TRITON, Dialect.CUDA))
    assert len(read) == 1 and triton is not cuda and triton.graph(()) is cuda.graph(())
