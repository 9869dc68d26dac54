"""The closed list of ops. Anything that is not expressible here is one `library` node.

Leaf       input(position, path)                  argument `position` of forward, a tensor; where tensors are inside
                                                  lists or dicts, `path` holds the keys that lead there, else ()
           state(name)                            parameter or buffer, by its qualified name in the module
           const(value)                           a scalar, shape ()
           iota(axis)                             0, 1, 2, ... along `axis` of its shape
Map        elementwise; inputs broadcast against each other as in NumPy, to the node's shape
           MAPS below; `cast` converts to the node's dtype, `softplus` is log(1 + exp(x)), `mish_gate` its tanh,
           `erf_plus_one` 1 + erf(x)
Reduce     reduce(op, axes)                       op of sum prod max min any all; reduced axes stay with size 1
           argreduce(op, axis)                    op of max min; int64; first index wins; NaN wins; axis stays as 1
Scan       scan(op, axis, reverse)                op of sum prod max min; inclusive; same shape
View       reshape() permute(dims) broadcast() slice(start, step) flip(axes) pad(low, high, value) concat(axis)
           the result's shape is the node's shape; `slice` takes start and step per axis (steps > 0);
           `permute`: axis i of the result is axis dims[i] of the input; `broadcast` aligns as NumPy does
Gather     take(axis)       (data, index)         data.shape[:axis] + index.shape + data.shape[axis+1:]
           gather(axis)     (data, index)         torch.gather; index has data's rank
Contract   dot()            (a, b)                [*batch, m, k] x [*batch, k, n]; batches broadcast; fp32 accumulation
           conv(stride, padding, dilation, groups)  (x, w)   [n, c, *s] with [o, c/groups, *k]; no bias; zero padding
           conv_transpose(stride, padding, output_padding, dilation, groups)  (x, w)   the gradient of `conv` by its
           input: [n, c, *s] with [c, o/groups, *k]; input position i adds to output i * stride - padding + dilation * k
           of either as many of the first outputs as the node's shape has
Window     window(op, kernel, stride, padding, dilation)   op of max sum, over the last len(kernel) axes;
           outside the input the op's identity is read
Library    library(target, args, kwargs)          a torch call as captured: target is "aten.NAME.OVERLOAD"; args and
           kwargs are nested tuples and dicts in which ("node", k) stands for the k-th input, ("dtype", name) for
           torch.NAME; when the call returns a tuple, `results` holds the types and the readers are
           item(index)      (library)             one tensor of a library node's tuple
"""

from __future__ import annotations

UNARY = frozenset(
    "neg abs sign exp exp2 expm1 log log2 log1p sqrt rsqrt reciprocal sin cos tan tanh sigmoid erf erfc asin acos atan "
    "sinh cosh asinh acosh atanh softplus mish_gate erf_plus_one floor ceil round trunc logical_not bitwise_not "
    "isnan isinf cast".split()
)
BINARY = frozenset(
    "add sub mul div floor_div mod fmod pow max min atan2 eq ne lt le gt ge logical_and logical_or logical_xor "
    "bitwise_and bitwise_or bitwise_xor".split()
)
TERNARY = frozenset(["where"])  # (condition, then, otherwise)
MAPS = UNARY | BINARY | TERNARY
LEAVES = frozenset(["input", "state", "const", "iota"])
VIEWS = frozenset(["reshape", "permute", "broadcast", "slice", "flip", "pad", "concat"])
GATHERS = frozenset(["take", "gather"])
REDUCES = frozenset(["reduce", "argreduce"])
CONTRACTS = frozenset(["dot", "conv", "conv_transpose"])
LIBRARY = frozenset(["library", "item"])
OPS = MAPS | LEAVES | VIEWS | GATHERS | REDUCES | CONTRACTS | LIBRARY | {"scan", "window"}
# `max` and `min` of two numbers, of a reduction, scan or window propagate NaN, as torch does.
