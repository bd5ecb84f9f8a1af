"""How tensors print: PyTorch's form to the character, but for `wengert.` in front of a dtype.

A float tensor whose items are all integers prints them as `1.`; others get four digits, in scientific notation where
the largest magnitude is above 1e8 or above 1000 times the smallest, or the smallest is below 1e-4. Finite nonzero items
set the column width. Above 1000 items each dimension shows its first and last three.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.doors import batch_text, leave
from ..ops.shape import WHOLE

_DEFAULT: dict[str, Any] = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}
_PROFILES = {
    "default": _DEFAULT, "short": {**_DEFAULT, "precision": 2, "edgeitems": 2},
    "full": {**_DEFAULT, "threshold": math.inf},
}  # fmt: skip
_options = SimpleNamespace(**_DEFAULT)


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Choose how tensors print. What is left out stays as it is, but for `sci_mode`, as in PyTorch.

    Parameters
    ----------
    precision : int
        Digits after the point; 4 at first.
    threshold : int or float
        Tensors of more items are summarised; 1000 at first, `math.inf` for never.
    edgeitems : int
        Items shown at each end of a summarised dimension; 3 at first.
    linewidth : int
        Characters per line; 80 at first. A line holds at least one item.
    profile : {"default", "short", "full"}
        Values for all of the above, which the other arguments then refine.
    sci_mode : bool or None
        Scientific notation always, never, or, None, where the range of the items asks for it.

    Raises
    ------
    ValueError
        If there is no such profile.

    Examples
    --------
    >>> wg.set_printoptions(precision=2)
    >>> wg.tensor([1.12345])
    tensor([1.12])
    >>> wg.set_printoptions(profile="default")
    >>> wg.tensor([1.12345])
    tensor([1.1235])
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"set_printoptions: expected a profile of {', '.join(_PROFILES)}, got {profile!r}")
        vars(_options).update(_PROFILES[profile])
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    vars(_options).update({name: value for name, value in given.items() if value is not None})
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """How tensors print at present, as keywords for `set_printoptions`.

    Returns
    -------
    dict

    Examples
    --------
    >>> wg.get_printoptions()["precision"]
    4
    """
    return dict(vars(_options))


def tensor_text(tensor: Any, prefix: str = "tensor") -> str:
    """What `repr` gives for a tensor; `prefix` is what stands before the parenthesis."""
    array = leave(tensor, "text")
    head = f"{prefix}("
    of_batch = batch_text(tensor)
    if of_batch is not None:
        return ", ".join([head + of_batch, *_history(tensor)]) + ")"
    text = head + (_array_text(array, len(head)) if array.size else "[]")
    width = len(text) - text.rfind("\n") + 1
    for suffix in _suffixes(tensor, array):
        if width + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * len(head) + suffix
            width = len(head) + len(suffix)
        else:
            text += ", " + suffix
            width += len(suffix) + 2
    return text + ")"


def escaped(text: str) -> str:
    """Text as it stands in HTML. The `html` module brings a table of two thousand names, which takes milliseconds."""
    for sign, name in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot"), ("'", "#x27")):
        text = text.replace(sign, f"&{name};")
    return text


def tensor_html(tensor: Any) -> str:
    """What a notebook shows of a tensor: its text, and below it the shape and dtype, which the text leaves to count.

    There are no colours in it, so that it has those of the notebook's theme, light or dark.
    """
    shape = " × ".join(map(str, tensor.shape)) or "scalar"
    facts = " · ".join([shape, str(tensor.dtype), *["requires grad"] * tensor.requires_grad])
    return (
        f'<div><pre style="margin:0;font-family:monospace">{escaped(repr(tensor))}</pre>'
        f'<div style="font-size:85%;opacity:0.7">{facts}</div></div>'
    )


# The operations whose nodes PyTorch names otherwise, and those with a form of its own for numbers or dimensions.
_NODES = {
    "square": "PowBackward0", "cube": "PowBackward0", "log1p": "Log1PBackward0", "cast": "ToCopyBackward0",
    "broadcast_to": "ExpandBackward0", "clamp": "ClampBackward1", "clamp_tensor": "ClampBackward0",
    "standardize": "NativeLayerNormBackward0", "layer_norm": "NativeLayerNormBackward0",
    "batch_norm": "NativeBatchNormBackward0", "group_norm": "NativeGroupNormBackward0", "median": "MedianBackward1",
    "entr": "SpecialEntrBackward0",
    "erfcx": "SpecialErfcxBackward0", "i0e": "SpecialI0EBackward0", "i1": "SpecialI1Backward0",
    "i1e": "SpecialI1EBackward0", "log_ndtr": "SpecialLogNdtrBackward0", "ndtri": "SpecialNdtriBackward0",
    "xlog1py": "SpecialXlog1PyBackward0",
}  # fmt: skip


def backward_name(operation_name: str, variant: int = 0) -> str:
    """The name that `grad_fn` prints for an operation: `LogSoftmaxBackward0` for `log_softmax`."""
    camel = "".join(part[:1].upper() + part[1:] for part in operation_name.split("_"))
    return _NODES.get(operation_name, f"{camel}Backward{variant}")


def _node_text(node: Any) -> str:
    """The name of a node, told apart as PyTorch does: a full sum from one along dimensions, x[0] from x[1:]."""
    name, static = node.operation.name, node.static
    if name == "overwrite":
        return backward_name(static["by"].rstrip("_"))
    if name == "slice":
        return backward_name(_slice_name(static["key"]))
    if name in ("sum", "mean", "prod"):
        return backward_name(name, int(static["keepdim"] or len(static["dims"]) < len(static["shape"])))
    return backward_name(name, int(name in ("max", "min") and "dims" in static))


def _slice_name(key: tuple[Any, ...]) -> str:
    """The last of the steps that PyTorch makes of an index expression."""
    for part in reversed(key):
        if part is None:
            return "unsqueeze"
        if isinstance(part, int):
            return "select"
        if isinstance(part, tuple) and part != WHOLE:
            return "slice"
    return "slice" if WHOLE in key else "alias"


def _suffixes(tensor: Any, array: np.ndarray) -> list[str]:
    """What follows the items: what they do not show of shape, dtype and history."""
    default = dtypes.get_default_dtype()
    suffixes = []
    if not (array.size or array.ndim == 1) or (array.size and not _options.edgeitems):
        suffixes.append(f"size={array.shape}")
    if array.dtype != default and not (array.size and array.dtype in (dtypes.int64, dtypes.bool)):
        suffixes.append(f"dtype=wengert.{array.dtype}")
    return suffixes + _history(tensor)


def _history(tensor: Any) -> list[str]:
    if tensor._node is not None:
        return [f"grad_fn=<{_node_text(tensor._node)}>"]
    return ["requires_grad=True"] if tensor.requires_grad else []


def _array_text(array: np.ndarray, indent: int) -> str:
    """The items in brackets. Of a summarised array only the corners are read, however large it is."""
    edge = _options.edgeitems
    summarise = array.size > _options.threshold
    cut = [summarise and n > 2 * edge for n in array.shape]
    if any(cut):
        kept = [np.r_[:edge, n - edge : n] if c else np.arange(n) for n, c in zip(array.shape, cut, strict=True)]
        array = array[np.ix_(*kept)]
    cell, width = _float_cell(array) if array.dtype.kind == "f" else _plain_cell(array)
    return _nested_text(array.tolist(), cut, indent, cell, width)


def _nested_text(items: Any, cut: list[bool], indent: int, cell: Callable[[Any], str], width: int) -> str:
    """`items`, nested one level per entry of `cut`; where that is true, dots stand in the middle."""
    if not cut:
        return cell(items)
    if len(cut) == 1:
        texts, dots = [cell(item) for item in items], " ..." if items else "..."
        per_line = max(1, (_options.linewidth - indent) // (width + 2))
        within, between = ", ", ",\n" + " " * (indent + 1)
    else:
        texts, dots = [_nested_text(item, cut[1:], indent + 1, cell, width) for item in items], "..."
        per_line = 1
        within, between = "", "," + "\n" * (len(cut) - 1) + " " * (indent + 1)
    if cut[0]:
        texts.insert(len(texts) // 2, dots)
    lines = [within.join(texts[k : k + per_line]) for k in range(0, len(texts), per_line)]
    return f"[{between.join(lines)}]"


def _plain_cell(array: np.ndarray) -> tuple[Callable[[Any], str], int]:
    """The text of an integer or boolean item, and the width of the column."""
    width = max((len(str(item)) for item in array.reshape(-1).tolist()), default=1)
    return lambda item: str(item).rjust(width), width


def _float_cell(array: np.ndarray) -> tuple[Callable[[float], str], int]:
    """The text of a float item, and the width of the column."""
    flat = array.reshape(-1)
    regular = flat[np.isfinite(flat) & (flat != 0)].astype(np.float64)
    scientific, integral = False, True
    if regular.size:
        magnitudes = np.abs(regular)
        largest, smallest = float(magnitudes.max()), float(magnitudes.min())
        wide = largest / smallest > 1000 or largest > 1e8 or smallest < 1e-4
        scientific = wide if _options.sci_mode is None else _options.sci_mode
        integral = bool((regular == np.ceil(regular)).all())
    spec = f".{_options.precision}e" if scientific else ".0f" if integral else f".{_options.precision}f"
    point = "." if integral and not scientific else ""

    def text(item: float) -> str:
        return format(item, spec) + (point if math.isfinite(item) else "")

    width = max((len(text(item)) for item in regular.tolist()), default=1)
    return lambda item: text(item).rjust(width), width
