"""gradcheck and gradgradcheck: derivatives compared with differences, as PyTorch spells it.

`wg.func.check_gradients` asks for more with less to say: any order, both modes, and tolerances from the size of what is
compared.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.doors import enter, leave
from ..core.modes import recording
from ..core.variable import Variable
from ..func.calculus import difference_quotient
from ..func.transforms import jacobian, vjp

Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """A derivative that differs from the difference quotient, found by gradcheck or gradgradcheck."""


def gradcheck(
    func: Function, inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False, check_batched_grad: bool = False, check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False, check_backward_ad: bool = True, fast_mode: bool = False, masked: bool | None = None,
) -> bool:  # fmt: skip
    """Compare the Jacobians of a function with central differences.

    Parameters
    ----------
    func : callable
        Of tensors; gives a tensor or a tuple of them, of which those that require a gradient are checked.
    inputs : tensor, or tuple of tensors and anything else
        Those that require a gradient are checked. They should be float64: differences of others have few digits.
    eps : float
        The change of an item.
    atol, rtol : float
        Allowed are differences up to ``atol + rtol * abs(numerical)``.
    raise_exception : bool
        Raise, rather than return False.
    nondet_tol : float
        By how much two walks may differ.
    check_forward_ad, check_backward_ad : bool
        Which modes to check.
    check_grad_dtypes : bool
        Gradients must have the dtype of their input, which they always have here.
    fast_mode : bool
        Compare in one random direction instead of item by item.
    check_undefined_grad, check_batched_grad, check_batched_forward_grad, masked
        Taken as PyTorch's arguments, without effect.

    Returns
    -------
    bool
        Whether all agree.

    Raises
    ------
    GradcheckError
        If one does not agree; it says for which output and input, and what both are.
    ValueError
        If no input requires a gradient, or neither mode is to be checked.

    Warns
    -----
    UserWarning
        Of inputs that require a gradient and are not float64.

    Examples
    --------
    >>> x = wg.tensor([0.5, -1.], dtype=wg.float64, requires_grad=True)
    >>> wg.autograd.gradcheck(lambda x: x.exp() * x, x)
    True
    """
    if not (check_forward_ad or check_backward_ad):
        raise ValueError("gradcheck: expected check_forward_ad or check_backward_ad to be set")
    modes = [mode for mode, on in (("reverse", check_backward_ad), ("forward", check_forward_ad)) if on]
    check = _Check("gradcheck", func, inputs, eps, atol, rtol, fast_mode)
    try:
        for mode in modes:
            check.compare(mode)
        if check_backward_ad:
            check.repeat(nondet_tol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Function, inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False, raise_exception: bool = True, nondet_tol: float = 0.0,
    check_undefined_grad: bool = True, check_grad_dtypes: bool = False, check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False, check_rev_over_rev: bool = True, fast_mode: bool = False, masked: bool = False,
) -> bool:  # fmt: skip
    """Compare the derivatives of a function's gradients with central differences: by the inputs, and by the cotangents.

    Parameters
    ----------
    func, inputs, eps, atol, rtol, raise_exception, nondet_tol, fast_mode
        As in `gradcheck`.
    grad_outputs : tensor, tuple of tensors or None
        The cotangents; None: random ones.
    check_fwd_over_rev, check_rev_over_rev : bool
        Which modes to check.
    gen_non_contig_grad_outputs : bool
        Draw cotangents that are not contiguous.
    check_undefined_grad, check_grad_dtypes, check_batched_grad, masked
        Taken as PyTorch's arguments, without effect.

    Returns
    -------
    bool
        Whether all agree.

    Raises
    ------
    GradcheckError
        If one does not agree.
    ValueError
        If no input requires a gradient, or neither mode is to be checked.

    Warns
    -----
    UserWarning
        Of inputs that require a gradient and are not float64.

    Examples
    --------
    >>> x = wg.tensor([0.5, -1.], dtype=wg.float64, requires_grad=True)
    >>> wg.autograd.gradgradcheck(lambda x: x.exp() * x, x)
    True
    """
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    places = _tracked("gradgradcheck", args)
    outputs = [y for y in _as_tuple(func(*args)) if isinstance(y, Variable) and y.requires_grad]
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        gs: tuple[Any, ...] = tuple(_drawn(rng, y, gen_non_contig_grad_outputs) for y in outputs)
    else:
        gs = tuple(g.detach().requires_grad_() for g in _as_tuple(grad_outputs))

    def gradients(*xs: Any) -> Any:
        def differentiable(*ys: Any) -> Any:
            found = _as_tuple(func(*ys))
            return tuple(y for y in found if isinstance(y, Variable) and y.requires_grad)

        return vjp(differentiable, *xs[: len(args)], argnums=places)[1](tuple(xs[len(args) :]))

    return gradcheck(
        gradients, (*args, *gs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol,
        check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev, fast_mode=fast_mode,
    )  # fmt: skip


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def _drawn(rng: np.random.Generator, y: Any, strided: bool) -> Any:
    shape = (*y._value.shape, 2) if strided else y._value.shape
    g = enter(rng.uniform(0.5, 1.5, shape).astype(y._value.dtype))
    return (g[..., 0] if strided else g).detach().requires_grad_()


def _tracked(name: str, args: tuple[Any, ...]) -> tuple[int, ...]:
    """The places of the inputs that are checked."""
    places = tuple(k for k, x in enumerate(args) if isinstance(x, Variable) and x.requires_grad)
    if not places:
        raise ValueError(f"{name}: expected an input that requires a gradient, got none")
    for k in places:
        if args[k]._value.dtype != np.float64:
            warnings.warn(
                f"{name}: input {k} is {args[k]._value.dtype}, whose differences have few digits; use float64",
                UserWarning,
                stacklevel=4,
            )
    return places


class _Check:
    """A function of the inputs that require a gradient, and what its derivatives are compared by."""

    def __init__(
        self, name: str, func: Function, inputs: Any, eps: float, atol: float, rtol: float, fast: bool
    ) -> None:  # fmt: skip
        args = inputs if isinstance(inputs, tuple) else (inputs,)
        self.places = _tracked(name, args)
        self.points = tuple(args[k].detach() for k in self.places)
        self._name, self._func, self._args = name, func, args
        self._eps, self._atol, self._rtol, self._fast = eps, atol, rtol, fast
        with recording(True):
            found = _as_tuple(func(*args))
        self._kept = [k for k, y in enumerate(found) if isinstance(y, Variable) and y.requires_grad]
        self._numerical = _matrices(difference_quotient(self._outputs, self.points, eps, "central"))

    def _outputs(self, *xs: Any) -> tuple[Any, ...]:
        """The outputs that are checked, of the inputs that are."""
        args = list(self._args)
        for k, x in zip(self.places, xs, strict=True):
            args[k] = x
        found = _as_tuple(self._func(*args))
        return tuple(enter(found[k]) for k in self._kept)

    def _analytical(self, mode: str) -> list[list[np.ndarray]]:
        if not self._kept:
            return []
        argnums = tuple(range(len(self.points)))
        return _matrices(jacobian(self._outputs, argnums, mode)(*self.points))

    def compare(self, mode: str) -> None:
        """Raise if a Jacobian differs from the difference quotients."""
        for i, (row, numbers) in enumerate(zip(self._analytical(mode), self._numerical, strict=True)):
            for j, (a, n) in enumerate(zip(row, numbers, strict=True)):
                if self._fast:
                    a, n = _in_one_direction(a, n)
                if not np.allclose(a, n, self._rtol, self._atol, equal_nan=True):
                    raise GradcheckError(
                        f"{self._name}: the Jacobian of output {self._kept[i]} by input {self.places[j]} differs, in "
                        f"{mode} mode\nnumerical: {n}\nanalytical: {a}"
                    )

    def repeat(self, allowed: float) -> None:
        """Raise if another run gives other derivatives."""
        once, again = self._analytical("reverse"), self._analytical("reverse")
        for row, other in zip(once, again, strict=True):
            for a, b in zip(row, other, strict=True):
                if not np.allclose(a, b, 0.0, allowed, equal_nan=True):
                    raise GradcheckError(
                        f"{self._name}: two runs gave different gradients, by up to {np.abs(a - b).max():.3g}; the "
                        "function must give the same each time, or nondet_tol allow it"
                    )


def _matrices(found: Any) -> list[list[np.ndarray]]:
    """Per output and input the Jacobian, as an array."""
    return [[np.asarray(leave(x.detach(), "array"), np.float64) for x in row] for row in found]


def _in_one_direction(a: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in one random direction each way."""
    weights = np.random.default_rng(0).uniform(0.5, 1.5, a.shape)
    return np.asarray((a * weights).sum()), np.asarray((n * weights).sum())
