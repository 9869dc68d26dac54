"""CUDA kernels of depthwise convolutions, emulated on the CPU, against float64."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from emulated import case, check, offers, structures, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.authors.expert.cuda.conv import ConvGenerator

CONV = ConvGenerator()


def data(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def block(x, w, b, s):
    return F.relu6(F.conv2d(x, w, b, padding=1, groups=5) * s[:, None, None]) + x


CASES = {
    "3 by 3": (lambda x, w: F.conv2d(x, w, padding=1, groups=6), data(2, 6, 9, 13), data(6, 1, 3, 3)),
    "strided": (lambda x, w: F.conv2d(x, w, None, 2, 2, groups=3), data(2, 3, 11, 12), data(3, 1, 5, 5)),
    "dilated": (lambda x, w: F.conv2d(x, w, None, 1, (2, 0), (2, 3), 4), data(1, 4, 9, 17), data(4, 1, 3, 4)),
    "multiplied": (lambda x, w: F.conv2d(x, w, groups=3), data(2, 3, 7, 9), data(6, 1, 3, 3)),
    "one dimension": (lambda x, w: F.silu(F.conv1d(x, w, None, padding=3, groups=5)), data(2, 5, 40), data(5, 1, 4)),
    "block": (block, data(2, 5, 8, 10), data(5, 1, 3, 3), data(5), data(5, seed=1)),
    "after": (lambda x, w: F.conv2d(F.gelu(x) + 1, w, padding=2, groups=4), data(1, 4, 8, 8), data(4, 1, 5, 5)),
}
SCHEDULES = {"defaults": {}, "small": {"tile_x": 8, "tile_y": 1, "strip": 1, "threads": 64}, "high": {"strip": 8}}


def test_agrees_with_float64(tmp_path):
    cases = {}
    for name, each in CASES.items():
        for choices in structures(*each, generator=CONV):
            for told, schedule in SCHEDULES.items():
                cases[f"{name} {choices} {told}"] = case(*each, choices=choices, generator=CONV, **schedule)
    assert len(cases) == 2 * len(SCHEDULES) * len(CASES)
    check(tmp_path, cases)


sizes = st.integers(1, 11)
axes = st.fixed_dictionaries(
    {"size": sizes, "taps": st.integers(1, 4), "stride": st.integers(1, 3), "dilation": st.integers(1, 3)}
)


@settings(max_examples=1)
@given(shapes=st.lists(st.lists(axes, min_size=1, max_size=2), min_size=5, max_size=5), pick=st.data())
def test_any_geometry_and_schedule(tmp_path_factory, shapes, pick):
    cases = {}
    for i, shape in enumerate(shapes):
        reach = [(a["taps"] - 1) * a["dilation"] for a in shape]
        function = {1: F.conv1d, 2: F.conv2d}[len(shape)]
        settings = [[a[name] for a in shape] for name in ("stride", "dilation")]

        def conv(x, w, function=function, settings=settings, reach=reach):
            return function(x, w, None, settings[0], [(r + 1) // 2 for r in reach], settings[1], 3)

        inputs = data(2, 3, *(a["size"] for a in shape)), data(3, 1, *(a["taps"] for a in shape))
        for choices in structures(conv, *inputs, generator=CONV):
            offered = offers(conv, inputs, choices, CONV)
            drawn = {name: pick.draw(st.sampled_from(values)) for name, values in offered.items()}
            cases[f"{i} {shape} {choices} {drawn}"] = case(conv, *inputs, choices=choices, generator=CONV, **drawn)
    check(tmp_path_factory.mktemp("any"), cases)


def test_half_precision_sums_in_float(tmp_path):
    inputs = [data(2, 4, 9, 9).bfloat16(), data(4, 1, 3, 3).bfloat16()]
    one = case(lambda x, w: F.conv2d(x, w, padding=1, groups=4), *inputs, generator=CONV)
    check(tmp_path, {"bfloat16": one}, 8e-3)


def test_other_convolutions_are_left_to_torch():
    for w, groups in ((data(8, 4, 3, 3), 1), (data(8, 2, 3, 3), 2), (data(4, 1, 9, 9), 4)):
        assert not CONV.supports(*whole(lambda x, w, g=groups: F.conv2d(x, w, None, groups=g), (data(1, 4, 12, 12), w)))
