"""Programs of one line that PyTorch and wengert are to answer alike: `torch` means the one or the other.

The names they use are made by `scope`. `EXPRESSIONS` have answers; `REFUSED` are errors in both.
"""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np


def scope(torch: Any, requires_grad: bool = False) -> dict[str, Any]:
    """What the expressions are made of."""
    floats = {
        "x": [[0.5, -1.25, 2.0, -3.5], [4.0, 0.25, -0.75, 1.5], [-2.25, 3.0, 1.0, -0.125]],
        "y": [[1.5, 2.5, -0.5, 0.75], [0.25, -1.75, 3.25, -2.0], [2.0, 1.25, -1.5, 0.625]],
        "p": [[0.1, 0.2, 0.3, 0.4], [0.25, 0.125, 0.5, 0.125], [0.7, 0.1, 0.05, 0.15]],
        "v": [3.0, -1.0, 0.5, 2.0],
        "w": [1.0, 2.0, 3.0],
        "c": [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 9.0]]],
        "z": 0.75,
    }
    names: dict[str, Any] = {k: torch.tensor(v, requires_grad=requires_grad) for k, v in floats.items()}
    names |= {
        "torch": torch, "np": np, "math": math, "copy": copy, "pickle": pickle, "F": torch.nn.functional,
        "n": torch.tensor([[3, 1, 2, 0], [5, -4, 0, 7], [-2, 6, 1, 3]]), "i": torch.tensor([2, 0, 1]),
        "m": torch.tensor([[True, False, True, False], [False, False, True, True], [True, True, False, False]]),
        "u": torch.tensor([250, 3, 7, 10], dtype=torch.uint8), "s": torch.tensor([1, -2, 3, -4], dtype=torch.int8),
        "h": torch.tensor([0.5, -1.5, 2.25, 100.0], dtype=torch.float16), "empty": torch.zeros(0),
        "nan": torch.tensor([1.0, math.nan, -2.0, math.inf]), "double": torch.tensor([1.0, 2.0], dtype=torch.float64),
        "labels": torch.tensor([1, 0, 3]), "array": np.arange(6.0).reshape(2, 3), "rows": [1, 0, 1],
        "made": made, "attempt": attempt,
    }  # fmt: skip
    return names


def made(x: Any, *changes: Any) -> Any:
    """x, after some functions have changed it in place."""
    for change in changes:
        change(x)
    return x


def attempt(call: Any) -> str:
    """Whether a call succeeds, as a word."""
    try:
        call()
    except Exception:
        return "refused"
    return "done"


_TEXT = {
    "creation": """
torch.tensor([1, 2])
torch.tensor([1, 2.5])
torch.tensor(3)
torch.tensor([])
torch.tensor([True, False])
torch.tensor([[1, 2], [3, 4]], dtype=torch.float64)
torch.tensor((1.0, 2.0), requires_grad=True)
torch.tensor(array)
torch.tensor([torch.tensor(1.0), torch.tensor(2.0)])
torch.tensor(array.astype(np.float32))
torch.as_tensor(array)
torch.as_tensor([1, 2])
torch.as_tensor(array, dtype=torch.float32)
torch.from_numpy(array)
torch.zeros(2, 3)
torch.zeros((2, 3))
torch.zeros([2, 3], dtype=torch.int32)
torch.zeros(2, requires_grad=True)
torch.zeros(())
torch.zeros(0)
torch.zeros(2, 0)
torch.ones(2, 3)
torch.ones((2,), dtype=torch.bool)
torch.full((2, 3), 7)
torch.full((2, 3), 7.5)
torch.full((2,), True)
torch.full((2,), 3, dtype=torch.float64)
torch.full(size=(2,), fill_value=1)
torch.empty(2, 3).shape
torch.empty((2, 3), dtype=torch.int16).dtype
torch.zeros_like(x)
torch.ones_like(n)
torch.full_like(x, 2)
torch.full_like(n, 2)
torch.empty_like(x).shape
torch.zeros_like(x, dtype=torch.int64)
torch.ones_like(x, requires_grad=True)
torch.rand_like(x).shape
torch.randn_like(x).dtype
torch.randint_like(n, 3).shape
torch.randint_like(x, 2, 3)
torch.arange(5)
torch.arange(5.0)
torch.arange(1, 10, 3)
torch.arange(1, 2, 0.25)
torch.arange(-3, 3, 0.7)
torch.arange(5, 0, -2)
torch.arange(12, dtype=torch.float32)
torch.arange(start=1, end=4)
torch.linspace(0, 1, 5)
torch.linspace(0, 1, steps=3, dtype=torch.float64)
torch.linspace(3, 3, 1)
torch.logspace(0, 2, 3)
torch.eye(3)
torch.eye(2, 3)
torch.eye(2, dtype=torch.int64)
torch.tril(x)
torch.triu(x, 1)
x.tril(-1)
torch.diag(v)
torch.diag(x)
torch.diag(v, 1)
torch.diag(x, -1)
F.one_hot(i)
F.one_hot(i, num_classes=4)
torch.rand(2, 3).shape
torch.rand((2, 3), dtype=torch.float64).dtype
torch.randn(4).shape
torch.randn(2, 2, requires_grad=True).requires_grad
torch.randint(3, (2, 2)).dtype
torch.randint(1, 2, (2, 2))
torch.randint(low=3, high=4, size=(2,))
torch.randperm(5).sort().values
torch.normal(0, 1, (2, 3)).shape
torch.normal(0.0, 1.0, size=(2, 3)).dtype
torch.normal(torch.zeros(3), torch.ones(3)).shape
torch.normal(torch.zeros(3), 2.0).shape
torch.normal(1.0, torch.zeros(3))
torch.bernoulli(torch.ones(3))
torch.bernoulli(torch.zeros(3))
torch.multinomial(torch.tensor([0.0, 1.0, 0.0]), 3, replacement=True)
torch.multinomial(p, 2).shape
torch.multinomial(torch.tensor([1.0, 1.0]), 2).sort().values
torch.manual_seed(3).initial_seed()
torch.Generator().manual_seed(3).initial_seed()
torch.rand(2, generator=torch.Generator().manual_seed(1)) == torch.rand(2, generator=torch.manual_seed(1))
torch.meshgrid(v, w, indexing="ij")
torch.meshgrid(v, w, indexing="xy")[0]
x.new_tensor([1, 2])
x.new_zeros(2)
x.new_ones((2, 2), dtype=torch.int64)
n.new_full((2,), 3)
x.new_empty(3).shape
torch.is_tensor(x)
torch.get_rng_state().dtype
torch.default_generator.initial_seed() == torch.initial_seed()
""",
    "dtypes": """
x.dtype
torch.tensor(1).dtype
torch.float64.itemsize
torch.float == torch.float32
torch.double == torch.float64
torch.half == torch.float16
torch.long == torch.int64
torch.int == torch.int32
torch.short == torch.int16
x.float() is x
x.double()
x.half()
x.long()
x.int()
x.short()
x.char()
x.bool()
n.byte()
n.float()
x.to(torch.float64)
x.to(torch.int64)
x.to("cpu") is x
x.to(torch.float32) is x
x.to(torch.float32, copy=True)
x.to(dtype=torch.float16)
x.to("cpu", torch.float64)
x.to(double)
x.type(torch.float64)
x.type(torch.int32)
n.type(torch.float32)
x.type_as(n)
x.cpu() is x
torch.finfo(torch.float32).eps
torch.finfo(torch.float64).max
torch.finfo(torch.float16).tiny
torch.finfo(torch.float16).min
torch.finfo().bits
torch.iinfo(torch.int8).min
torch.iinfo(torch.uint8).max
torch.iinfo(torch.int64).bits
torch.get_default_dtype()
torch.is_floating_point(n)
x.is_floating_point()
torch.result_type(n, 1.5)
torch.result_type(torch.tensor([1], dtype=torch.int32), torch.tensor([1.0], dtype=torch.float16))
torch.promote_types(torch.int32, torch.float16)
torch.promote_types(torch.uint8, torch.int8)
torch.can_cast(torch.float32, torch.int64)
n / 2
n / n.clamp(min=1)
n * 2
n * 2.5
n + 1.5
n + True
n // 2
n % 3
-7 // n.clamp(min=1)
n ** 2
2 ** n.clamp(min=0)
m + m
m * m
m + 1
m * 2.0
m & m
m | ~m
m ^ m
~m
~n
m.sum()
m.sum(0)
m.float().mean()
m + n
m * x
u + 1
u + 250
u + 1.5
u - 11
u * s
s + n[0]
s + torch.tensor(1000)
h + 1
h * 2.5
h + x[0]
h + torch.tensor(1.5)
h + torch.tensor(1.5, dtype=torch.float64)
double + x[0, :2]
double + 1
x + torch.tensor(1, dtype=torch.float64)
n + torch.tensor(1.5)
n + z
torch.tensor(1) + torch.tensor(2.5)
torch.tensor(True) + torch.tensor(1, dtype=torch.int8)
n.float() / 0
torch.tensor([0.0, 1.0]) / 0
torch.tensor([-1.5, 2.7, 300.0]).to(torch.int64)
torch.tensor([0.0, 0.5, math.nan]).bool()
n == 1.0
n > 0.5
x == x
(x > 0).dtype
n.mean(dtype=torch.float32)
n.sum(dtype=torch.float64)
u.sum()
u.prod()
s.sum().dtype
u.cumsum(0)
m.cumsum(0)
h.sum()
torch.sqrt(n.abs())
torch.exp(n)
torch.sin(m)
n.sigmoid()
torch.abs(s)
-u
-s
x.element_size()
x.itemsize
x.nbytes
u.max()
torch.where(m, 1, 0)
torch.where(m, 1.5, 0)
torch.where(m, n, 0.5)
torch.where(m, x, 0)
torch.clamp(n, 0, 3)
torch.clamp(n, 0.5, 3)
torch.maximum(n, x)
torch.cat([n, x])
torch.stack([n[0], s])
torch.bitwise_and(n, 3)
n << 1
n.abs() >> 1
torch.logical_and(n, x)
""",
    "shape": """
x.reshape(4, 3)
x.reshape((2, 6))
x.reshape(-1)
x.reshape(2, -1)
torch.reshape(x, (6, 2))
x.reshape(shape=(6, 2))
x.view(2, 6)
x.view(-1, 2)
x.view((12,))
x.T.reshape(12)
attempt(lambda: x.T.view(12))
x.flatten()
x.flatten(0)
c.flatten(1)
c.flatten(start_dim=1)
c.flatten(0, 1)
torch.flatten(c, 1, 2)
torch.tensor(1.0).flatten()
x[None].squeeze()
x[:1].squeeze(0)
x.squeeze(0)
x[None, :, None].squeeze((0, 2))
torch.squeeze(x[:1], dim=0)
x.unsqueeze(0)
x.unsqueeze(-1)
x.unsqueeze(dim=1)
torch.unsqueeze(v, 1)
x.T
v.t()
c.mT
x.t()
x.transpose(0, 1)
c.transpose(-1, 0)
torch.transpose(c, 1, 2)
x.swapaxes(0, 1)
c.permute(2, 0, 1)
c.permute((1, 0, 2))
c.permute(dims=(1, 0, 2))
torch.permute(c, (2, 1, 0))
torch.movedim(c, 0, 2)
c.movedim((0, 1), (1, 2))
torch.moveaxis(c, 0, -1)
v.expand(2, 4)
v.expand(2, -1)
x[:, :1].expand(3, 2)
x[:, :1].expand((3, 2))
v.expand_as(x)
v.repeat(2)
v.repeat(2, 3)
x.repeat(1, 2)
x.repeat((2, 1, 1))
x.tile(2)
torch.tile(x, (2, 1))
v.tile((2, 2))
torch.cat([x, x])
torch.cat((x, y), dim=1)
torch.cat((x, y), axis=0)
torch.cat([x, x[:0]])
torch.cat([empty, v])
torch.concat([v, v])
torch.concatenate((v, v))
torch.stack([v, v])
torch.stack((v, v), dim=1)
torch.stack((x, y), -1)
x.split(2)
x.split(3, dim=1)
x.split([1, 3], 1)
torch.split(v, 3)
x.chunk(2)
torch.chunk(v, 3)
torch.chunk(x, 2, dim=1)
x.tensor_split(2, 1)
x.unbind()
torch.unbind(x, dim=1)[2]
x.flip(0)
x.flip((0, 1))
torch.flip(x, [1])
torch.flip(x, dims=(0,))
x.roll(1)
x.roll(1, 0)
torch.roll(x, (1, 2), (0, 1))
torch.roll(x, shifts=-1, dims=1)
torch.broadcast_to(v, (2, 4))
v.broadcast_to(2, 4)
torch.broadcast_tensors(w[:, None], v)
tuple(torch.broadcast_shapes((3, 1), (1, 4), (4,)))
x.numel()
torch.numel(x)
x.size()
x.size(0)
x.size(-1)
x.size(dim=1)
x.shape
x.shape[0]
x.shape.numel()
x.shape == (3, 4)
x.shape + (1,)
torch.Size([2, 3])
torch.Size([2, 3]).numel()
x.size()[1:]
x.ndim
x.dim()
len(x)
len(v)
x.stride()
x.T.stride()
x.T.is_contiguous()
x.T.contiguous().stride()
x.view_as(y)
x.reshape_as(y.T)
x.ravel()
x.unflatten(1, (2, 2))
torch.hstack([v, v])
torch.vstack((v, v))
torch.atleast_2d(v)
x.narrow(1, 1, 2)
x.select(0, 1)
torch.repeat_interleave(v, 2)
x.repeat_interleave(2, dim=1)
torch.rot90(x)
x.diagonal()
torch.fliplr(x)
list(x.shape)
tuple(x.size())
x.expand(2, 3, 4).stride()
x[:0].sum(0)
torch.atleast_1d(z)
""",
    "indexing": """
x[0]
x[-1]
x[0, 1]
x[1:3]
x[:, 1]
x[:, 1:3]
x[::2]
x[:, ::3]
x[..., 0]
x[0, ...]
x[None].shape
x[:, None].shape
x[None, ..., None].shape
x[...]
x[:]
x[[0, 2]]
x[[0, 1], [1, 2]]
x[rows]
x[i]
x[i, i]
x[:, i]
x[i, 1]
x[1, i]
x[i, :2]
x[i[:, None], i]
x[:, [0, 0, 1]]
x[[0, 1, 2], labels]
p[[0, 1], labels[:2]]
x[range(3), labels]
x[m]
x[x > 0]
x[m[:, 0]]
x[:, m[0]]
x[m[:, 0], 1]
x[m[:, 0], :2]
x[torch.tensor(1)]
x[torch.tensor([True, False, True])]
x[torch.tensor(True)].shape
c[0, :, 1]
c[:, 0]
c[0, [1, 0], 1]
c[[0, 1], :, [1, 0]]
c[:, [0, 1], [1, 0]]
c[..., [1, 0], :]
c[1, ..., None]
c[np.array([1, 0])]
x[np.int64(1)]
x[np.array([0, 2]), 1:]
x[i.tolist()]
x[-2:]
x[1:, -1]
x[5:]
x[[]].shape
v[v.argmax()]
torch.gather(x, 1, labels[:, None])
x.gather(0, n.abs() % 3)
x.gather(dim=1, index=labels[:, None])
torch.scatter_add(torch.zeros(3, 4), 0, n.abs() % 3, x)
torch.zeros(3).scatter_add(0, torch.tensor([0, 0, 2]), w)
torch.zeros(3, 5).scatter_(1, labels[:, None], 1.0)
torch.zeros(3, 4).scatter(1, labels[:, None], x[:, :1])
torch.index_select(x, 0, i)
x.index_select(1, torch.tensor([0, 0, 3]))
torch.take_along_dim(x, x.argsort(1), 1)
torch.take_along_dim(x, x.argmax(1, keepdim=True), dim=1)
x.masked_fill(m, 0)
x.masked_fill(m, -math.inf)
torch.masked_fill(x, m[0], 9)
x.masked_select(m)
torch.where(m, x, y)
torch.where(x > 0, x, 0.0)
torch.where(x > 0, 1.0, y)
torch.where(m)
x.where(m, y)
torch.nonzero(m)
m.nonzero()
n.nonzero(as_tuple=True)
torch.nonzero(v)
torch.take(x, torch.tensor([0, 5, -1]))
torch.argwhere(m)
x.index_add(0, torch.tensor([0, 0]), y[:2])
x.index_fill(1, torch.tensor([0]), 5.0)
made(x.detach().clone(), lambda t: t.__setitem__(0, 1))
made(x.detach().clone(), lambda t: t.__setitem__((0, 1), 9))
made(x.detach().clone(), lambda t: t.__setitem__(slice(None), 12))
made(x.detach().clone(), lambda t: t.__setitem__((slice(0, 2), slice(None)), 12))
made(x.detach().clone(), lambda t: t.__setitem__([0, 2], 7.0))
made(x.detach().clone(), lambda t: t.__setitem__(([0, 1], [1, 2]), torch.tensor([7.0, 8.0])))
made(x.detach().clone(), lambda t: t.__setitem__(m, 0))
made(x.detach().clone(), lambda t: t.__setitem__(m, torch.arange(6.0)))
made(x.detach().clone(), lambda t: t.__setitem__((m[:, 0], 1), 5))
made(x.detach().clone(), lambda t: t.__setitem__((Ellipsis, 0), v[:3].detach()))
made(x.detach().clone(), lambda t: t.__setitem__((slice(None), None), torch.ones(3, 1, 4)))
made(x.detach().clone(), lambda t: t.__setitem__((0, i), -1))
made(n.clone(), lambda t: t.__setitem__(0, 1.9))
made(n.clone(), lambda t: t.__setitem__(0, v.detach()))
made(x * 1, lambda t: t.__setitem__(0, v * 2))
made(x * 1, lambda t: t.__setitem__(m, 0))
made(x * 1, lambda t: t.__setitem__((slice(None), 1), w * w))
made(x * 1, lambda t: t.__setitem__([0, 2], v * 3))
made(torch.zeros(3, 4), lambda t: t.__setitem__(1, v * 3))
""",
    "elementwise": """
x + y
x - y
x * y
x / y
x // y
x % y
x ** 2
x ** 3
x ** 0.5
p ** y
2 ** x
x + 1
1 + x
3 - x
x - 3
2 * x
1 / x
x / 2
-x
+x
abs(x)
x @ x.T
x // 2
7 // x
7 % n.clamp(min=1)
n // 2
n % -3
x % -2
x + w[:, None]
v + w[:, None]
torch.add(x, y)
torch.add(x, y, alpha=2)
torch.sub(x, 1, alpha=3)
torch.mul(x, y)
torch.div(x, y)
torch.div(x, 2, rounding_mode="floor")
torch.div(n, 2, rounding_mode="trunc")
torch.true_divide(n, 2)
torch.floor_divide(n, 2)
torch.pow(x, 2)
torch.pow(2, v)
x.pow(2)
torch.float_power(n, 2)
torch.exp(x)
torch.expm1(x)
torch.log(p)
torch.log1p(p)
torch.log2(p)
torch.log10(p)
torch.sqrt(p)
torch.rsqrt(p)
torch.square(x)
torch.reciprocal(x)
torch.sin(x)
torch.cos(x)
torch.tan(p)
torch.asin(p)
torch.acos(p)
torch.atan(x)
torch.sinh(x)
torch.cosh(x)
torch.tanh(x)
torch.asinh(x)
torch.acosh(x.abs() + 1)
torch.atanh(p)
torch.atan2(x, y)
torch.arctan2(x, y)
torch.hypot(x, y)
torch.erf(x)
torch.sigmoid(x)
torch.relu(x)
F.relu(x)
F.leaky_relu(x, 0.1)
F.leaky_relu(x, negative_slope=0.2)
F.elu(x)
F.elu(x, alpha=0.5)
F.silu(x)
F.gelu(x)
F.gelu(x, approximate="tanh")
F.softplus(x)
F.softplus(x, beta=2)
F.prelu(x, torch.tensor([0.25]))
torch.prelu(x, torch.tensor([0.25]))
F.sigmoid(x)
F.tanh(x)
torch.floor(x)
torch.ceil(x)
torch.round(x)
torch.round(torch.tensor([0.5, 1.5, 2.5, -0.5]))
torch.round(x, decimals=1)
torch.trunc(x)
torch.frac(x)
torch.fmod(x, y)
torch.fmod(n, 3)
torch.fmod(x, -2)
torch.remainder(x, y)
torch.remainder(n, -3)
torch.remainder(-7, n.clamp(min=1))
torch.isnan(nan)
torch.isinf(nan)
torch.isfinite(nan)
nan.isnan().any()
torch.isclose(x, x + 1e-9)
torch.isclose(x, y)
torch.isclose(nan, nan, equal_nan=True)
torch.allclose(x, x + 1e-9)
torch.allclose(x, y)
torch.allclose(x, x + 0.5, atol=1)
torch.equal(x, x)
torch.equal(x, y)
torch.equal(x, v)
torch.logical_and(m, x > 0)
torch.logical_or(m, x > 0)
torch.logical_not(m)
torch.logical_not(n)
torch.logical_xor(m, x > 0)
torch.maximum(x, y)
torch.minimum(x, y)
torch.max(x, y)
torch.min(x, y)
torch.maximum(nan, v)
torch.clamp(x, -1, 1)
torch.clamp(x, min=0)
torch.clamp(x, max=0.5)
torch.clip(x, 0, 1)
x.clamp(0)
x.clamp(min=y)
torch.clamp(x, y, y + 1)
torch.clamp_min(x, 0)
torch.lerp(x, y, 0.25)
torch.lerp(x, y, p)
torch.sign(x)
torch.neg(x)
torch.abs(x)
torch.xlogy(p, p)
torch.logaddexp(x, y)
torch.nan_to_num(nan)
torch.copysign(x, y)
torch.addcmul(x, y, p, value=2)
torch.addcdiv(x, y, p)
torch.where(x > y, x, y)
x == y
x != y
x < y
x <= 0.5
x > y
x >= 1
torch.eq(x, y)
torch.ne(x, 0.5)
torch.lt(x, y)
torch.le(x, y)
torch.gt(x, y)
torch.ge(x, y)
x.eq(0.5)
x == None
x == "text"
(x == y).sum()
F.softmax(x, dim=1)
torch.softmax(x, 0)
x.softmax(-1)
F.log_softmax(x, dim=-1)
x.log_softmax(0)
x.sigmoid()
x.tanh()
x.relu()
x.exp().sum()
""",
    "reductions": """
x.sum()
x.sum(0)
x.sum(dim=1)
x.sum(axis=1)
x.sum((0, 1))
x.sum([0, 1])
x.sum(dim=(0, 1), keepdim=True)
x.sum(1, keepdim=True)
x.sum(axis=1, keepdims=True)
x.sum(-1)
x.sum(dim=None)
torch.sum(x, dim=0)
torch.sum(n)
x.mean()
x.mean(0)
x.mean((0, 1), True)
torch.mean(x, dim=-1, keepdim=True)
x.prod()
x.prod(0)
x.prod(dim=1, keepdim=True)
n.prod()
x.var()
x.var(0)
x.var(1, unbiased=False)
x.var(dim=1, correction=0)
x.var(False)
torch.var(x, dim=0, keepdim=True)
x.std()
x.std(0)
x.std(dim=(0, 1))
torch.std(x, 1, correction=0)
torch.var_mean(x, 0)
torch.std_mean(x)
x.max()
x.max(0)
x.max(dim=1)
x.max(1, keepdim=True)
x.max(0).values
x.max(0).indices
x.max(0)[1]
torch.max(x, dim=1)
torch.max(x, 1)[0]
x.min()
x.min(0)
torch.min(x, dim=1, keepdim=True)
n.max()
n.max(1)
nan.max()
nan.min(0)
x.amax(0)
x.amin((0, 1))
torch.aminmax(x)
x.argmax()
x.argmax(0)
x.argmax(dim=1, keepdim=True)
x.argmax(axis=1)
torch.argmin(x, 1)
torch.argmin(x)
x.cumsum(0)
torch.cumsum(x, dim=1)
n.cumsum(1)
x.cumsum(axis=0)
x.cumprod(0)
torch.cumprod(x, dim=1)
torch.logsumexp(x, 0)
torch.logsumexp(x, dim=(0, 1))
x.logsumexp(1, keepdim=True)
x.norm()
torch.norm(x)
torch.norm(v, 1)
torch.norm(v, p=2)
torch.norm(x, dim=1)
torch.norm(x, "fro")
torch.norm(x, p="fro", dim=(0, 1))
torch.norm(v, math.inf)
torch.norm(v, 0)
x.norm(p=3, dim=0, keepdim=True)
x.norm(dim=1, keepdim=True)
m.all()
m.any()
m.all(0)
m.any(dim=1)
m.all(dim=1, keepdim=True)
n.all()
torch.all(x > -10)
torch.any(x > 3, 0)
m.any((0, 1))
x.sort()
x.sort(0)
x.sort(dim=1, descending=True)
torch.sort(v)
torch.sort(v, descending=True)
n.sort(stable=True)
x.argsort()
x.argsort(dim=0)
torch.argsort(v, descending=True)
x.topk(2)
torch.topk(v, 2)
torch.topk(x, 2, dim=0)
v.topk(2, largest=False)
v.topk(k=1)
torch.unique(torch.tensor([3, 1, 3, 2]))
torch.unique(torch.tensor([3, 1, 3, 2]), return_counts=True)
torch.unique(torch.tensor([3, 1, 3, 2]), return_inverse=True)
torch.unique(torch.tensor([[1, 2], [1, 2]]), dim=0)
torch.tensor([1.5, 1.5, 0.5]).unique()
torch.unique_consecutive(torch.tensor([1, 1, 2, 1]))
torch.bincount(torch.tensor([0, 3, 1, 1]))
torch.bincount(torch.tensor([0, 1]), minlength=4)
torch.bincount(torch.tensor([0, 1, 1]), weights=torch.tensor([0.5, 1.0, 2.0]))
x.median()
x.median(0)
torch.median(x, dim=1)
x.median(1, keepdim=True)
n.median()
nan.median()
x.quantile(0.5)
torch.quantile(x, 0.25, dim=0)
torch.quantile(x, torch.tensor([0.1, 0.9]), dim=1)
torch.quantile(x, 0.5, dim=1, keepdim=True)
torch.quantile(v, 0.3, interpolation="lower")
v.kthvalue(2)
torch.nansum(nan)
torch.count_nonzero(n)
torch.cummax(x, 0)
torch.diff(v)
torch.histc(v, 3)
torch.searchsorted(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.5, 2.0, 5.0]))
torch.isin(n, torch.tensor([1, 3]))
empty.sum()
empty.mean()
empty.prod()
torch.zeros(0, 3).sum(0)
torch.zeros(0, 3).sum(1)
torch.zeros(2, 0).mean(1)
empty.norm()
torch.zeros(0, 3).all()
torch.tensor([1.0]).var()
z.sum()
z.max()
z.sum(0)
z.max(0)
z.softmax(0)
z.argmax()
x.sum(dtype=torch.float64)
x.mean(dtype=torch.float64)
h.mean()
torch.tensor([1, 1, 0]).argmax()
torch.tensor([[1.0, 1.0], [2.0, 2.0]]).max(1)
""",
    "linear algebra": """
torch.dot(v, v)
v.dot(v)
torch.mv(x, v)
x.mv(v)
torch.mm(x, x.T)
x.mm(y.T)
torch.bmm(c, c)
torch.matmul(x, v)
torch.matmul(v, x.T)
torch.matmul(c, c)
torch.matmul(c, c[0])
torch.matmul(v, v)
x @ v
c @ c[0, 0]
n @ n.T
torch.outer(v, w)
torch.einsum("ij,kj->ik", x, y)
torch.einsum("ij->j", x)
torch.einsum("ii", c[0])
torch.einsum("bij,bjk->bik", c, c)
torch.einsum("...i,...i->...", x, y)
torch.einsum("i,j->ij", v, w)
torch.tensordot(x, y, dims=2)
torch.tensordot(x, y, dims=([1], [1]))
torch.tensordot(x, y.T, 1)
torch.trace(x)
x.trace()
torch.addmm(torch.zeros(3, 3), x, y.T)
torch.kron(w, w)
torch.cov(x)
x.cov(correction=0)
torch.cov(v)
torch.cov(n)
torch.cov(x, fweights=torch.tensor([1, 2, 0, 1]), aweights=torch.tensor([0.5, 0.25, 1.0, 2.0]))
torch.corrcoef(x)
v.corrcoef()
torch.trapezoid(x)
torch.trapezoid(x, dx=0.5, dim=0)
torch.trapezoid(x, w, dim=0)
torch.trapezoid(x, y)
torch.trapezoid(n, dx=2)
torch.trapezoid(torch.zeros(3, 0))
torch.trapz(x, v.abs().cumsum(0))
torch.cumulative_trapezoid(x)
torch.cumulative_trapezoid(x, w, dim=0)
torch.cumulative_trapezoid(n, dx=0.5)
torch.inner(v, v)
torch.cdist(x, y)
torch.cdist(x, y, p=1)
torch.cdist(c, c)
torch.linalg.norm(x)
torch.linalg.norm(v)
torch.linalg.norm(v, 1)
torch.linalg.norm(x, dim=1)
torch.linalg.norm(x, ord=1)
torch.linalg.norm(x, "nuc")
torch.linalg.norm(x, 2)
torch.linalg.vector_norm(x, 3)
torch.linalg.matrix_norm(x)
torch.linalg.matrix_norm(c, math.inf)
torch.linalg.det(c)
torch.det(c[0])
torch.linalg.slogdet(c)
torch.linalg.inv(c)
torch.inverse(c[0])
c.inverse()
torch.linalg.solve(c[0], torch.ones(2))
torch.linalg.solve(c, torch.ones(2, 2, 3))
torch.linalg.cholesky(c[0] @ c[0].T)
torch.linalg.lu(c)
torch.linalg.lu(x)
torch.linalg.lu(x.T)
torch.linalg.lu_factor(x)
torch.linalg.lu_factor(c)
torch.linalg.lu_solve(*torch.linalg.lu_factor(c), torch.ones(2, 3))
torch.linalg.lu_solve(*torch.linalg.lu_factor(c), torch.ones(3, 2), left=False)
torch.linalg.lu_solve(*torch.linalg.lu_factor(c), torch.ones(2, 1), adjoint=True)
torch.linalg.solve_triangular(c, torch.ones(2, 3), upper=True)
torch.linalg.solve_triangular(c[0], torch.ones(1, 3, 2), upper=False, left=False, unitriangular=True)
torch.cholesky_solve(torch.ones(2, 1), c[0].tril())
torch.ones(2, 3).cholesky_solve(c.triu(), upper=True)
torch.cholesky_inverse(c[0].tril())
c[0].triu().cholesky_inverse(True)
torch.linalg.qr(x)[1].abs()
torch.linalg.svd(x).S
torch.linalg.svdvals(x)
torch.linalg.svd(x, full_matrices=False)[0].abs()
torch.linalg.eigh(x @ x.T)[0]
torch.linalg.eigvalsh(x @ x.T)
torch.linalg.lstsq(x.T, v[:, None]).solution
torch.linalg.pinv(x)
torch.linalg.pinv(x, atol=3.0)
torch.linalg.pinv(x, rtol=0.5)
torch.linalg.pinv(c, atol=torch.tensor([0.1, 1.0]), rtol=torch.tensor(0.2))
torch.linalg.pinv(x, 0.5)
torch.linalg.pinv(c, hermitian=True)
torch.linalg.matrix_power(c, 3)
torch.linalg.matrix_rank(x)
torch.linalg.matrix_exp(c)
torch.matrix_exp(c[0])
c.matrix_exp()
torch.linalg.cond(x)
torch.linalg.cond(c, 1)
torch.linalg.cond(c, "fro")
torch.linalg.cond(torch.zeros(2, 2), math.inf)
torch.linalg.cond(torch.zeros(3, 0))
torch.linalg.multi_dot([x, y.T, x])
torch.tril_indices(3, 4, -1)
torch.triu_indices(2, 3, 1, dtype=torch.int32)
torch.triu_indices(0, 3)
x.unfold(1, 2, 1)
x.unfold(0, 3, 2)
n.unfold(-1, 0, 1)
torch.tensor(5.0).unfold(0, 1, 1)
made(torch.zeros(2, 4), lambda t: t.unfold(1, 2, 2).add_(1))
made(x.detach().clone(), lambda t: t.unfold(1, 2, 1).fill_(1))
[torch.scatter_reduce(x, 1, labels[None] % 3, y[:1, :3], kind) for kind in ("sum", "prod", "mean", "amax", "amin")]
[n.scatter_reduce(0, i[None] % 2, n * 2, kind, include_self=False) for kind in ("sum", "prod", "amax", "amin")]
n.scatter_reduce(0, i[None] % 2, n * 2, "mean", include_self=False)
torch.tensor(3.0).scatter_reduce(0, torch.tensor(0), torch.tensor(4.0), "prod")
x.scatter_reduce(0, torch.zeros(0, 4, dtype=torch.int64), y[:0], "amax")
made(v.detach().clone(), lambda t: t.scatter_reduce_(0, torch.tensor([1, 1, 3]), w.detach(), "amax"))
torch.linalg.multi_dot((v, x.T, w))
torch.linalg.cross(x.T, y.T)
torch.cross(x, y, dim=0)
torch.cross(n, n.flip(0), 0)
x.cross(y, dim=-2)
torch.block_diag(x, v, torch.tensor(2.0))
torch.block_diag(n, n)
torch.block_diag()
""",
    "in place": """
made(x.detach().clone(), lambda t: t.zero_())
made(x.detach().clone(), lambda t: t.fill_(2.5))
made(x.detach().clone(), lambda t: t.copy_(y))
made(x.detach().clone(), lambda t: t.copy_(torch.arange(4)))
made(x.detach().clone(), lambda t: t.add_(1))
made(x.detach().clone(), lambda t: t.add_(y.detach(), alpha=0.5))
made(x.detach().clone(), lambda t: t.sub_(1))
made(x.detach().clone(), lambda t: t.mul_(2))
made(x.detach().clone(), lambda t: t.div_(2))
made(x.detach().clone(), lambda t: t.pow_(2))
made(x.detach().clone(), lambda t: t.neg_())
made(x.detach().clone(), lambda t: t.exp_())
made(x.detach().clone(), lambda t: t.abs_().sqrt_())
made(x.detach().clone(), lambda t: t.clamp_(0, 1))
made(x.detach().clone(), lambda t: t.clamp_(min=0))
made(x.detach().clone(), lambda t: t.relu_())
made(x.detach().clone(), lambda t: t.sigmoid_())
made(x.detach().clone(), lambda t: t.floor_())
made(x.detach().clone(), lambda t: t.round_())
made(x.detach().clone(), lambda t: t.masked_fill_(m, 0))
made(x.detach().clone(), lambda t: t.index_fill_(0, i[:1], 0))
made(x.detach().clone(), lambda t: t.lerp_(y.detach(), 0.5))
made(x.detach().clone(), lambda t: t.addcmul_(y.detach(), y.detach(), value=0.1))
made(x.detach().clone(), lambda t: t.addcdiv_(y.detach(), y.detach()))
made(x.detach().clone(), lambda t: t.uniform_(2, 2))
made(x.detach().clone(), lambda t: t.normal_(3, 0))
made(x.detach().clone(), lambda t: t.bernoulli_(1.0))
made(x.detach().clone(), lambda t: t.random_(1, 2))
made(x.detach().clone(), lambda t: t.fill_diagonal_(0))
made(x.detach().clone(), lambda t: t.tril_())
made(x.detach().clone(), lambda t: t.requires_grad_()).requires_grad
made(x.detach().clone(), lambda t: t.unsqueeze_(0))
made(x.detach().clone(), lambda t: t.t_())
made(x.detach().clone(), lambda t: t.transpose_(0, 1))
made(x.detach().clone(), lambda t: t.__iadd__(1))
made(n.clone(), lambda t: t.add_(2))
made(n.clone(), lambda t: t.floor_divide_(2))
made(n.clone(), lambda t: t.fill_(1.9))
made(m.clone(), lambda t: t.logical_not_())
made(x.detach().clone(), lambda t: t.scatter_(1, labels[:, None], 9.0))
made(x.detach().clone(), lambda t: t.index_add_(0, i, y.detach()))
made(x.detach().clone(), lambda t: t.index_put_((i, i), torch.tensor(1.0)))
made(x * 1, lambda t: t.mul_(y))
made(x * 1, lambda t: t.add_(v))
made(x * 1, lambda t: t[0].mul_(3))
made(x * 1, lambda t: t[:, 1].zero_())
made(x * 1, lambda t: t.copy_(y))
made(x * 1, lambda t: t.clamp_(-1, 1))
made(x * 1, lambda t: t.exp_())
made(x.detach().clone(), lambda t: setattr(t, "data", torch.ones(2)))
made(x.detach().clone(), lambda t: t.data.mul_(2))
x.data.requires_grad
(lambda t: t.add_(1) is t)(torch.ones(2))
""",
    "leaving": """
z.item()
torch.tensor([5]).item()
torch.tensor(True).item()
x.tolist()
n.tolist()
m.tolist()
z.tolist()
float(z)
int(torch.tensor(3.7))
int(torch.tensor([3]))
bool(torch.tensor([0.0]))
bool(torch.tensor(2))
x.detach().numpy()
n.numpy()
np.asarray(x.detach())
np.array(n, dtype=np.float32)
x.detach().__array__().dtype
copy.copy(n)
copy.deepcopy(n)
copy.deepcopy(torch.ones(2, requires_grad=True)).requires_grad
pickle.loads(pickle.dumps(n))
pickle.loads(pickle.dumps(torch.ones(2, requires_grad=True)))
[float(t) for t in v]
[t.shape for t in x]
list(n[0])
f"{z.detach():.3f}"
f"{torch.tensor(3)}"
f"{torch.tensor(3.0)}"
f"{torch.tensor([1.0])}"
f"{torch.tensor(0.123456789):.2e}"
"%.2f" % torch.tensor(1.5)
str(n)
n[0, 0].item() + 1
3 in n
range(torch.tensor(3))
[10, 20, 30][torch.tensor(1)]
math.sqrt(torch.tensor(4.0))
max(v).item()
sum(v)
sorted(v.tolist())
round(float(z), 1)
x.detach().requires_grad
x.is_leaf
(x * 2).is_leaf
hash(x) == hash(x)
str(x.device)
""",
    "printing": """
torch.tensor([0.0, 1.0])
torch.tensor([[0.0, 1.0], [2.0, 3.0]])
torch.tensor(0.5)
torch.tensor(1e10)
torch.tensor([1e-5, 1.0])
torch.tensor([1e5, 1.0])
torch.tensor([1e4, 1e-2])
torch.tensor([123456789.0])
torch.tensor([0.1, 100.0, 1000.0])
torch.tensor([1.0, 2.5, 1000.25])
torch.tensor([-1.0, 22.0, 333.0])
torch.tensor([math.nan, 1.0])
torch.tensor([math.nan, 1.5, -math.inf])
torch.tensor([math.inf])
torch.tensor([-0.0, 0.0])
torch.tensor([1e-45])
torch.tensor([3.4e38, 1.0])
torch.tensor([[1, -2], [300, 4]])
torch.tensor([True, False])
torch.tensor([])
torch.zeros(2, 0)
torch.zeros(0, dtype=torch.int64)
torch.zeros((), dtype=torch.float64)
torch.ones(3, dtype=torch.float64)
torch.ones(3, dtype=torch.float16)
torch.ones(3, dtype=torch.int32)
torch.ones(3, dtype=torch.uint8)
torch.ones(2, requires_grad=True)
torch.ones(2, dtype=torch.float64, requires_grad=True)
torch.ones(2, requires_grad=True) + 1
torch.arange(24.0).reshape(2, 3, 4)
torch.arange(1001)
torch.arange(1000)
torch.arange(1001.0)
torch.arange(10000.0).reshape(100, 100)
torch.arange(2000.0).reshape(2, 1000)
torch.arange(2000.0).reshape(1000, 2)
torch.arange(20000.0).reshape(20, 10, 100)
torch.arange(40.0)
torch.arange(40) * 1000
torch.linspace(0, 1, 30)
torch.zeros(3, 0, 2)
torch.ones(1, 1, 1, 1)
torch.tensor([[[1.5]]])
torch.full((3, 3), 1e-7)
torch.tensor([1.0, math.nan, 3.0])
torch.tensor([0.00012, 0.5])
torch.tensor([99999.5, 0.5])
torch.tensor([1.0, 1e8])
torch.tensor([100000000.0, 2.0])
torch.zeros(5, 300)
torch.max(torch.tensor([[1.0, 4.0], [3.0, 2.0]]), 1)
torch.ones(2, 3).size()
""",
    "functional": """
F.mse_loss(x, y)
F.mse_loss(x, y, reduction="sum")
F.mse_loss(x, y, reduction="none")
F.l1_loss(x, y)
F.smooth_l1_loss(x, y)
F.smooth_l1_loss(x, y, beta=2.0)
F.huber_loss(x, y)
F.huber_loss(x, y, delta=0.5)
F.cross_entropy(x, labels)
F.cross_entropy(x, labels, reduction="none")
F.cross_entropy(x, labels, reduction="sum", ignore_index=0)
F.cross_entropy(x, labels, label_smoothing=0.1)
F.cross_entropy(x, labels, weight=torch.tensor([1.0, 2.0, 3.0, 4.0]))
F.cross_entropy(x, p)
F.cross_entropy(v, torch.tensor(2))
F.cross_entropy(c, torch.tensor([[0, 1], [1, 0]]))
F.nll_loss(F.log_softmax(x, 1), labels)
F.nll_loss(F.log_softmax(x, 1), labels, reduction="none")
F.kl_div(F.log_softmax(x, 1), p, reduction="batchmean")
F.kl_div(F.log_softmax(x, 1), p.log(), reduction="sum", log_target=True)
F.binary_cross_entropy(p, m.float())
F.binary_cross_entropy_with_logits(x, m.float())
F.binary_cross_entropy_with_logits(x, m.float(), pos_weight=torch.tensor(2.0))
F.linear(x, y)
F.linear(x, y, w)
F.layer_norm(x, (4,))
F.layer_norm(x, (4,), v, v)
F.layer_norm(x, x.shape, eps=1e-3)
F.batch_norm(x, torch.zeros(4), torch.ones(4))
F.batch_norm(x, None, None, training=True)
F.dropout(x, 0.0)
F.dropout(x, 0.5, training=False)
F.dropout(x, 1.0)
F.embedding(labels, torch.arange(8.0).reshape(4, 2))
F.embedding(labels, torch.arange(8.0).reshape(4, 2), padding_idx=0)
F.normalize(x)
F.normalize(x, p=1, dim=0)
F.cosine_similarity(x, y)
F.pairwise_distance(x, y)
F.one_hot(torch.tensor([[0, 1], [1, 2]]))
""",
}

REFUSED = """
x + torch.zeros(2, 3)
x @ x
torch.mm(x, v)
torch.bmm(x, x)
torch.dot(x, x)
torch.dot(v, w)
torch.mv(x, w)
x.reshape(5)
x.reshape(-1, -1)
x.reshape(-5)
x.T.view(12)
x.view(5)
x.sum(2)
x.sum(-3)
x.sum((0, 0))
x.max(5)
x.argmax(3)
x.softmax(7)
x.cumsum(2)
x.sort(3)
x.topk(9)
x.size(4)
x.transpose(0, 4)
x.permute(0)
x.permute(0, 0)
x.unsqueeze(5)
x.squeeze(5)
x.expand(2, 5)
x.expand(4)
x.repeat(2)
x.flip(3)
x.split([1, 1])
x.chunk(0)
torch.cat([x, v])
torch.cat([x, torch.zeros(2, 3)])
torch.cat([])
torch.stack([x, v])
torch.stack([])
x[3]
x[0, 4]
x[0, 0, 0]
x[[0, 3]]
x[m[:, :2]]
x["a"]
x[1.5]
x[torch.tensor([0.5])]
x[torch.tensor([True, False])]
x.gather(1, torch.tensor([[7]]))
x.gather(1, torch.tensor([0]))
x.index_select(0, torch.tensor([9]))
torch.take(x, torch.tensor([99]))
x.masked_fill(torch.tensor([1, 0, 1, 0]), 0.0)
x.item()
float(x)
int(x)
bool(x)
len(z)
iter(z)
empty.max()
empty.argmax()
empty.min(0)
torch.zeros(2, 0).max(1)
n.mean()
n.var()
n.norm()
n.softmax(0)
torch.zeros(2, dtype=torch.int64, requires_grad=True)
n.requires_grad_()
torch.tensor("text")
torch.tensor([[1, 2], [3]])
torch.tensor([None])
torch.zeros(-1)
torch.zeros("a")
torch.zeros(2, dtype="nonsense")
torch.arange(0, 5, -1)
torch.arange(0, 5, 0)
torch.linspace(0, 1, -1)
torch.eye(-1)
torch.from_numpy([1])
torch.full((2,), "a")
torch.randint(5, 5, (2,))
torch.randint(0, (2,))
torch.randperm(-1)
torch.normal(0.0, -1.0, (2,))
torch.bernoulli(torch.tensor([2.0]))
torch.multinomial(torch.tensor([0.0, 0.0]), 1)
torch.multinomial(torch.tensor([1.0, 1.0]), 3)
m - m
-m
m - 1
~x
x & x
n << 1.5
n.add_(1.5)
n.div_(2)
n.mul_(0.5)
torch.ones(3).add_(torch.ones(2, 3))
torch.ones(3).copy_(torch.ones(2))
torch.ones(1).expand(3).add_(1)
made(torch.ones(3), lambda t: t.__setitem__(5, 1))
made(torch.ones(3), lambda t: t.__setitem__(slice(None), torch.ones(2)))
made(torch.ones(3), lambda t: t.__setitem__([0, 5], 1))
torch.ones(2, requires_grad=True).add_(1)
torch.ones(2, requires_grad=True).numpy()
(torch.ones(2, requires_grad=True) * 2).backward()
torch.ones(2).sum().backward()
torch.ones(2, requires_grad=True).sum().backward(torch.ones(3))
torch.finfo(torch.int32)
torch.iinfo(torch.float32)
torch.einsum("ij,jk->ik", x, x)
torch.einsum("ij->ijk", x)
torch.tensordot(x, y, dims=([0], [1]))
torch.clamp(x)
torch.where(x, x, x)
torch.div(x, 2, rounding_mode="up")
torch.logsumexp(x, 5)
torch.quantile(x, 1.5)
torch.bincount(torch.tensor([-1]))
torch.bincount(x)
torch.unique(x, dim=7)
torch.kthvalue(v, 9)
torch.cdist(x, c)
torch.broadcast_to(x, (2, 2))
torch.broadcast_tensors(x, torch.zeros(2))
torch.trace(v)
torch.outer(x, x)
torch.diag(c)
torch.sum(x, unknown=1)
x.reshape(3, 4, banana=1)
torch.zeros(2, banana=1)
x.to("nowhere")
x.to(torch.float32, banana=1)
F.cross_entropy(x, torch.tensor([0, 1, 9]))
F.cross_entropy(x, torch.tensor([0, 1]))
F.cross_entropy(x, torch.tensor([0, 1, 2]), reduction="none of these")
F.mse_loss(x, y, reduction="average")
F.nll_loss(x, torch.tensor([0, 1, -1]))
F.linear(x, torch.zeros(2, 3))
F.one_hot(torch.tensor([-1]))
F.one_hot(torch.tensor([3]), num_classes=2)
F.one_hot(v)
F.dropout(x, 1.5)
F.embedding(torch.tensor([9]), torch.zeros(3, 2))
F.embedding(v, torch.zeros(3, 2))
F.binary_cross_entropy(x, m.float())
F.layer_norm(x, (3,))
torch.nn.Linear(4, 2)(torch.zeros(3))
torch.nn.Linear(-1, 2)
torch.nn.BatchNorm1d(3)(x)
torch.nn.Dropout(2.0)
torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Linear(3, 1))(x)
torch.nn.Linear(2, 2).load_state_dict({})
torch.nn.Module()(1)
torch.nn.Linear(2, 2).banana
torch.optim.SGD([], lr=0.1)
torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=-1)
torch.optim.SGD([1], lr=0.1)
torch.optim.Adam(torch.nn.Linear(2, 2).parameters(), betas=(1.5, 0.9))
torch.optim.lr_scheduler.StepLR(3, 1)
copy.deepcopy(torch.ones(2, requires_grad=True) * 2)
torch.set_default_dtype(torch.int32)
torch.promote_types(1, 2)
torch.manual_seed("a")
format(x, ".2f")
"""

EXPRESSIONS = {group: text.strip().splitlines() for group, text in _TEXT.items()}
WRONG = REFUSED.strip().splitlines()
