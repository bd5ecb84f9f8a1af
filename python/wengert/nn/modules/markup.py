"""What notebooks show of modules: a tree to fold, with the parameters that each module holds itself."""

from __future__ import annotations

from typing import Any

from ...tensors.printing import escaped
from .parameter import UninitializedParameter


def module_html(module: Any) -> str:
    """A module as HTML without colours of its own, so that it has those of the notebook's theme, light or dark.

    Parameters
    ----------
    module : Module

    Returns
    -------
    str
    """
    return f'<div style="font-family:monospace">{_tree(module, "", 0)}</div>'


def _tree(module: Any, name: str, depth: int) -> str:
    """A line for a module, and below it those within it, which can be folded."""
    line = f"({escaped(name)}): {_line(module)}" if depth else f"{_line(module)} {_faint(_total(module))}"
    children = [_tree(child, key, depth + 1) for key, child in module._modules.items() if child is not None]
    if not children:
        return f"<div>{line}</div>"
    opened = " open" if depth < 2 else ""
    inside = f'<div style="margin-left:1.5em">{"".join(children)}</div>'
    return f'<details{opened}><summary style="cursor:pointer">{line}</summary>{inside}</details>'


def _line(module: Any) -> str:
    """The name of a module, how it is set, and the shapes of its own parameters."""
    held = [f"{key} {_shape(p)}" for key, p in module._parameters.items() if p is not None]
    name, settings = (escaped(text) for text in (module._get_name(), module.extra_repr().replace("\n", ", ")))
    return f"<b>{name}</b>({settings}) {_faint(', '.join(held))}".rstrip()


def _shape(p: Any) -> str:
    if isinstance(p, UninitializedParameter):
        return "of no size yet"
    return " × ".join(map(str, p.shape)) or "scalar"


def _total(module: Any) -> str:
    """How many numbers a module trains and holds."""
    parameters = list(module.parameters())
    sized = [p for p in parameters if not isinstance(p, UninitializedParameter)]
    count, fixed = (sum(p.numel() for p in ps) for ps in (sized, [p for p in sized if not p.requires_grad]))
    told = [f"{count:,} parameters"] if parameters else []
    told += [f"{fixed:,} fixed"] if fixed else []
    told += [f"{len(parameters) - len(sized)} tensors of no size yet"] if len(sized) < len(parameters) else []
    return " · ".join(told)


def _faint(text: str) -> str:
    return f'<span style="opacity:0.7">{escaped(text)}</span>' if text else ""
