"""C++ text of convolution kernels."""

from __future__ import annotations

from operators.authors.expert.cpp.conv.convolution import Convolution
from operators.authors.expert.cpp.conv.geometry import Geometry


def traits(g: Geometry) -> str:
    """The members that `gemm_conv.h` asks for beyond those of a product."""
    lines = g.lines
    slices = (lines[-2], g.out[-2]) if len(lines) > 1 else (1, 1)
    return (
        f"  static constexpr long CHANNELS = {g.group_channels}, PLANE = {g.plane};\n"
        f"  static constexpr long LINE = {lines[-1]}, LINES = {slices[0]}, OUT_W = {g.out[-1]}, OUT_H = {slices[1]};"
    )


def offsets(prefix: str, g: Geometry) -> str:
    """The table of every tap's offset in an image, one row of taps a channel; filled when the kernel is loaded."""
    return f"""static const struct {prefix}_Offsets {{
  int at[{g.depth}];
  {prefix}_Offsets() {{
    const int taps[] = {{{", ".join(map(str, g.taps))}}};
    for (int p = 0; p < {g.depth}; ++p) at[p] = p / {len(g.taps)} * {g.plane} + taps[p % {len(g.taps)}];
  }}
}} {prefix}_offsets;"""


def pad(found: Convolution) -> str:
    """The lambda that writes one padded channel, phase by phase and line by line."""
    g = found.geometry
    tables = [f"static const int phases{d}[] = {{{', '.join(map(str, p))}}};" for d, p in enumerate(g.phases)]
    last = len(g.size) - 1
    heads = [f"for (const int f{d} : phases{d})" for d in range(last + 1)]
    for d in range(last):
        heads.append(f"for (long h{d} = 0; h{d} < {g.lines[d]}; ++h{d})")
    inside = [f"const long y{d} = h{d} * {g.stride[d]} + f{d} - {g.padding[d]};" for d in range(last)]
    tests = " || ".join(f"y{d} < 0 || y{d} >= {g.size[d]}" for d in range(last)) or "false"
    body = " ".join([*found.input.lines, f"line[w] = {found.input.value};"])
    stride, length = g.stride[last], g.lines[last]
    newline = "\n    "
    return f"""const auto pad = [=](long plane, float* __restrict to) {{
    {newline.join(tables)}
    const long n = plane / {g.channels}, c = plane % {g.channels};
    float* __restrict line = to;
    {newline.join(heads)} {{
      {" ".join(inside)}
      const long from = f{last} - {g.padding[last]};
      const long low = from < 0 ? std::min<long>({length}, (-from + {stride - 1}) / {stride}) : 0;
      const long high = ({tests}) ? low
          : std::max<long>(low, std::min<long>({length}, ({g.size[last]} - from + {stride - 1}) / {stride}));
      for (long w = 0; w < low; ++w) line[w] = 0.0f;
#pragma GCC ivdep
      for (long w = low; w < high; ++w) {{ const long u = w * {stride} + from; {body} }}
      for (long w = high; w < {length}; ++w) line[w] = 0.0f;
      line += {length};
    }}
  }};"""
