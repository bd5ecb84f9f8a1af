"""The evaluation trace of a function as a table and as a graph: the list that derivatives walk, to look at."""

from __future__ import annotations

import html
import inspect
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .core import tape
from .core.doors import enter, leave
from .core.modes import Observer, mode, recording
from .core.tape import Node
from .core.trees import flatten
from .core.tuples import Parts, kinds_of
from .core.variable import Variable, detached
from .func.recorded import Run, ones_like, zeros_like
from .ops.contractions import trace as trace_matrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_INFIX = {"add": "+", "sub": "−", "mul": "·", "div": "/", "mm": "@", "pow": "^"}
_HEADER = ("entry", "operation", "value", "local partials", "tangent", "adjoint")


@dataclass
class Entry:
    """One entry of the list: an input, or an operation and what it gave.

    Attributes
    ----------
    name : str
        x₁, x₂, ... in the order of evaluation.
    operation : str
        The operation with its inputs, or the name of an input.
    inputs : list of str
        The names of the entries that it was computed from.
    value : ndarray, or tuple of int
        The value of a single item; of anything larger, the shape.
    partials : list
        Per input, the derivative by it, or the shape of that Jacobian.
    tangent, adjoint : ndarray, or tuple of int
        The derivative in the direction, and that of the result by this entry; of anything larger than an item, the
        shape.

    Examples
    --------
    >>> wg.trace(lambda x: x * x, wg.tensor(3.)).entries[-1].operation
    'x₁ · x₁'
    """

    name: str
    operation: str
    inputs: list[str] = field(default_factory=list)
    value: Any = None
    partials: list[Any] = field(default_factory=list)
    tangent: Any = None
    adjoint: Any = None

    def cells(self) -> tuple[str, ...]:
        """What stands in a row of the table."""
        partials = ", ".join(f"∂{self.name}/∂{x} = {_told(p)}" for x, p in zip(self.inputs, self.partials, strict=True))
        return self.name, self.operation, _told(self.value), partials, _told(self.tangent), _told(self.adjoint)


def _told(x: Any) -> str:
    """A number in few digits, or a shape."""
    if isinstance(x, tuple):
        return "×".join(map(str, x)) or "item"
    return f"{x.item() + 0.0:.5g}".replace("-", "−")


def _shown(x: Variable) -> Any:
    """The value of a single item, the shape of anything larger."""
    if isinstance(x, Parts):
        return (len(kinds_of(x)),)
    return np.array(leave(x, "text")) if x._value.size == 1 else x._value.shape


class _Recorder(Observer):
    """Writes down what a run records, and what two walks carry along it."""

    def __init__(self) -> None:
        self.steps: list[tuple[Node, tuple[Any, ...], Variable]] = []
        self.tangents: dict[int, Any] = {}
        self.adjoints: dict[int, Any] = {}
        self.walking = False

    def recorded(self, node: Node, inputs: tuple[Any, ...], out: Variable) -> None:
        if not self.walking:
            self.steps.append((node, inputs, detached(out)))

    def pulled(self, node: Node, argument: int, g: Any) -> None:
        self._add(self.adjoints, node.sources[argument], g)

    def pushed(self, node: Node, argument: int, t: Any) -> None:
        self._add(self.tangents, node, t)

    @staticmethod
    def _add(totals: dict[int, Any], source: Any, share: Any) -> None:
        before = totals.get(id(source))
        totals[id(source)] = share if before is None else before + share


def trace(function: Callable[..., Any], *args: Any, direction: Any = None) -> Any:
    """The evaluation trace of a function: every operation in order, with its value, derivatives, tangent and adjoint.

    Of a matrix instead of a function: the sum of its diagonal, which PyTorch gives this name.

    Parameters
    ----------
    function : callable, or matrix
        Gives one tensor.
    *args : tensors, arrays, numbers or structures of them
        Floating ones are differentiated by; so are parameters that the function uses from outside.
    direction : tuple or None
        One tangent per differentiated argument; None: 1 for the first input, 0 for the others.

    Returns
    -------
    Trace
        Printed, a table; in a notebook, an HTML table; `to_dot` and `plot` draw the computational graph. Of a matrix, a
        0-d tensor.

    Raises
    ------
    TypeError
        If the function does not give one floating tensor.
    ValueError
        If the direction does not fit the arguments.

    Examples
    --------
    >>> print(wg.trace(lambda x, y: x * y, 2., 3.))
    entry  operation  value  local partials              tangent  adjoint
    x₁     x          2                                  1        3
    x₂     y          3                                  0        2
    x₃     x₁ · x₂    6      ∂x₃/∂x₁ = 3, ∂x₃/∂x₂ = 2    3        1
    """
    if not callable(function):
        if args or direction is not None:
            raise TypeError(f"trace: expected a function and its arguments, got {type(function).__name__} first")
        return trace_matrix(function)
    places = [k for k, arg in enumerate(args) if _is_floating(arg)]
    recorder = _Recorder()
    before = mode.observer
    mode.observer = recorder
    try:
        with recording(False):
            run = Run("trace", function, args, places)
            run.check_floating()
            if len(run.outputs) != 1:
                raise TypeError(f"trace: the function must give one tensor, got {len(run.outputs)}")
            recorder.walking = True
            return Trace(_entries(run, recorder, _names(function, args, places), direction))
    finally:
        mode.observer = before


def _is_floating(arg: Any) -> bool:
    leaves = flatten(arg)[0]
    return bool(leaves) and all(enter(leaf)._value.dtype.kind == "f" for leaf in leaves)


def _names(function: Callable[..., Any], args: tuple[Any, ...], places: list[int]) -> list[str]:
    """What the leaves of the differentiated arguments are called."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some built-in callables have no signature
        parameters = []
    names = []
    for k in places:
        named = k < len(parameters) and parameters[k].kind is not inspect.Parameter.VAR_POSITIONAL
        name = parameters[k].name if named else f"input {k + 1}"
        count = len(flatten(args[k])[0])
        names += [name] if count == 1 else [f"{name}[{i}]" for i in range(count)]
    return names


def _entries(run: Run, recorder: _Recorder, names: list[str], direction: Any) -> list[Entry]:
    """The rows, in the order of evaluation; parameters come where they are used first."""
    ends = {id(source): name for source, name in zip(run.sources, names, strict=True)}
    if direction is None:
        ts = [ones_like(x) if k == 0 else zeros_like(x) for k, x in enumerate(run.inputs)]
    else:
        ts = run.directions("tangent", direction)
    leaves = _leaves(recorder)
    _walk_both(run, recorder, ts, leaves)
    rows: list[Entry] = []
    labels: dict[int, str] = {}

    def row(source: Any, operation: str, x: Variable) -> Entry:
        entry = Entry(f"x{len(rows) + 1}".translate(_SUBSCRIPTS), operation, value=_shown(x))
        zero = entry.value if isinstance(entry.value, tuple) else np.zeros(())
        for which, totals in (("tangent", recorder.tangents), ("adjoint", recorder.adjoints)):
            total = totals.get(id(source))
            setattr(entry, which, zero if total is None else _shown(total))
        labels[id(source)] = entry.name
        rows.append(entry)
        return entry

    for node, inputs, out in recorder.steps:
        if id(node) in ends:
            row(node, ends[id(node)], out)
            continue
        for x in inputs:
            if isinstance(x, Variable) and id(x._source) in leaves and id(x._source) not in labels:
                row(x._source, "parameter", x)
        words = [word for word in (_operand(x, labels) for x in inputs) if word]
        entry = row(node, _expression(node, words), out)
        for place, source in enumerate(node.sources):
            if source is not None and id(source) in labels:
                entry.inputs.append(labels[id(source)])
                entry.partials.append(_partial(node, place, inputs[place], out))
    return rows


def _leaves(recorder: _Recorder) -> dict[int, Variable]:
    """The parameters that the steps use: leaves from outside."""
    return {
        id(source): source
        for node, _, _ in recorder.steps
        for source in node.sources
        if source is not None and not isinstance(source, Node)
    }


def _walk_both(run: Run, recorder: _Recorder, ts: list[Any], leaves: dict[int, Variable]) -> None:
    """Carry tangents forward and adjoints backward, for the recorder to see."""
    nodes = [node for node, _, _ in recorder.steps if not any(node is source for source in run.sources)]
    (y,) = run.outputs
    for source, t in zip(run.sources, ts, strict=True):
        recorder.tangents[id(source)] = t
    tape.push([], dict(zip(run.sources, ts, strict=True)), nodes)
    if y._source is not None:
        seed = ones_like(y)
        recorder.adjoints[id(y._source)] = seed
        tape.pull([(y._source, seed)], [*run.sources, *leaves.values()], nodes=nodes)


def _partial(node: Node, place: int, x: Any, out: Variable) -> Any:
    """The derivative of a single item by a single item; else the shape of the Jacobian."""
    if isinstance(out, Parts) or isinstance(x, Parts):
        return ()
    if out._value.size != 1 or x._value.size != 1:
        return out._value.shape + x._value.shape
    rule = node.operation.jvps[place]
    return np.full((), np.nan) if rule is None else np.array(leave(node.run(rule, ones_like(x)), "text"))


def _operand(x: Any, labels: dict[int, str]) -> str:
    """The name of an entry, or a constant; nothing of an argument that was left out, or of residuals."""
    if isinstance(x, Variable) and x._source is not None and id(x._source) in labels:
        return labels[id(x._source)]
    if x is None or isinstance(x, Parts):
        return ""
    value = leave(x, "text") if isinstance(x, Variable) else np.asarray(x)
    return f"{value.item():.5g}" if value.size == 1 else f"[{'×'.join(map(str, value.shape))}]"


def _expression(node: Node, words: list[str]) -> str:
    name = node.operation.name
    if name in _INFIX and len(words) == 2:
        return f" {_INFIX[name]} ".join(words)
    return f"−{words[0]}" if name == "neg" else f"{name}({', '.join(words)})"


class Trace:
    """The evaluation trace of a function; `wengert.trace` makes it.

    Attributes
    ----------
    entries : list of Entry

    Examples
    --------
    >>> len(wg.trace(lambda x: x * x, wg.tensor(3.)).entries)
    2
    """

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, k: int) -> Entry:
        return self.entries[k]

    def __repr__(self) -> str:
        rows = [_HEADER, *(entry.cells() for entry in self.entries)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        gaps = [2, 2, 2, 4, 2, 2]
        return "\n".join(
            "".join(cell.ljust(width + gap) for cell, width, gap in zip(row, widths, gaps, strict=True)).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        def line(cells: tuple[str, ...], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "\n".join(line(entry.cells(), "td") for entry in self.entries)
        return f"<table>\n<thead>{line(_HEADER, 'th')}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"

    def to_dot(self) -> str:
        """The computational graph in Graphviz's language: values and adjoints in the nodes, partials on the edges.

        Returns
        -------
        str

        Examples
        --------
        >>> wg.trace(wg.exp, 0.).to_dot().splitlines()[0]
        'digraph trace {'
        """
        lines = ["digraph trace {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
        number = {entry.name: k for k, entry in enumerate(self.entries)}
        for k, entry in enumerate(self.entries):
            label = "\\n".join(part.replace("\\", "\\\\").replace('"', '\\"') for part in _label(entry))
            lines.append(f'  n{k} [label="{label}"];')
        for k, entry in enumerate(self.entries):
            for x, partial in zip(entry.inputs, entry.partials, strict=True):
                lines.append(f'  n{number[x]} -> n{k} [label="{_told(partial)}"];')
        return "\n".join([*lines, "}"]) + "\n"

    def figure(self) -> Figure:
        """The computational graph drawn by matplotlib.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> len(wg.trace(wg.exp, 0.).figure().axes)
        1
        """
        return _draw(self.entries)

    def plot(self, path: str | Path) -> Path:
        """Draw the computational graph, by Graphviz where its `dot` is installed, else by matplotlib.

        Parameters
        ----------
        path : str or Path
            Its suffix says the format: .png, .svg or .pdf.

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        ValueError
            If the suffix is none of these.
        ImportError
            If neither Graphviz nor matplotlib is installed.
        """
        path = Path(path)
        kind = path.suffix.lower().lstrip(".")
        if kind not in ("png", "svg", "pdf"):
            raise ValueError(f"plot: expected a path that ends in .png, .svg or .pdf, got {str(path)!r}")
        dot = shutil.which("dot")
        if dot is None:
            self.figure().savefig(path, dpi=120)
        else:
            subprocess.run([dot, f"-T{kind}", "-o", str(path)], input=self.to_dot().encode(), check=True)
        return path


def _label(entry: Entry) -> tuple[str, str, str]:
    return f"{entry.name} = {entry.operation}", _told(entry.value), f"adjoint {_told(entry.adjoint)}"


# ---------------------------------------------------------------- drawing without Graphviz


def _places(entries: list[Entry]) -> dict[str, tuple[float, float]]:
    """A column per length of the longest way from an input; within it, near the middle of what an entry came from."""
    depth: dict[str, int] = {}
    for entry in entries:
        depth[entry.name] = 1 + max((depth[x] for x in entry.inputs), default=-1)
    users: dict[str, list[int]] = {}
    for entry in entries:
        for x in entry.inputs:
            users.setdefault(x, []).append(depth[entry.name])
    for entry in entries:  # an input stands just before the first column that uses it
        if not entry.inputs and entry.name in users:
            depth[entry.name] = min(users[entry.name]) - 1
    columns: dict[int, list[Entry]] = {}
    for entry in entries:
        columns.setdefault(depth[entry.name], []).append(entry)
    height: dict[str, float] = {}
    for column in sorted(columns):
        known = {e.name: [height[x] for x in e.inputs if x in height] for e in columns[column]}
        columns[column].sort(key=lambda e: -(sum(known[e.name]) / len(known[e.name])) if known[e.name] else 0.0)
        middle = (len(columns[column]) - 1) / 2
        for k, entry in enumerate(columns[column]):
            height[entry.name] = middle - k
    return {entry.name: (float(depth[entry.name]), height[entry.name]) for entry in entries}


def _edge(axes: Any, box: Any, inside: tuple[float, float], outside: tuple[float, float]) -> tuple[float, float]:
    """Where the line from the middle of a box to a point outside leaves the box."""
    extent = box.get_bbox_patch().get_window_extent().transformed(axes.transData.inverted())
    steps = [abs(b - a) for a, b in zip(inside, outside, strict=True)]
    halves = (extent.width / 2, extent.height / 2)
    part = min([half / step for half, step in zip(halves, steps, strict=True) if step > 0], default=0.0)
    return inside[0] + part * (outside[0] - inside[0]), inside[1] + part * (outside[1] - inside[1])


def _draw(entries: list[Entry]) -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import FancyArrowPatch
    except ImportError as error:
        raise ImportError(
            "plot: drawing needs Graphviz's dot or matplotlib; pip install 'wengert[train]' installs the latter"
        ) from error
    places = _places(entries)
    across = max((x for x, _ in places.values()), default=0) + 1
    down = max((y for _, y in places.values()), default=0) * 2 + 1
    figure = Figure(figsize=(min(2.4 * across + 0.6, 60), min(1.5 * down + 0.6, 40)))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-0.6, across - 0.4)
    axes.set_ylim(-down / 2 - 0.1, down / 2 + 0.1)
    boxes = {}
    for entry in entries:
        fill = "#eef3fb" if entry.inputs else "#fdf3e1"
        boxes[entry.name] = axes.text(
            *places[entry.name], "\n".join(_label(entry)), ha="center", va="center", fontsize=9, zorder=3,
            bbox={"boxstyle": "round,pad=0.4", "facecolor": fill, "edgecolor": "#51617a"},
        )  # fmt: skip
    figure.canvas.draw()  # so that the boxes know where they are, and arrows end at their edges
    for entry in entries:
        for x, partial in zip(entry.inputs, entry.partials, strict=True):
            start, end = places[x], places[entry.name]
            axes.add_patch(
                FancyArrowPatch(
                    _edge(axes, boxes[x], start, end), _edge(axes, boxes[entry.name], end, start), arrowstyle="-|>",
                    mutation_scale=12, shrinkA=0, shrinkB=0, color="#51617a", zorder=1,
                )
            )  # fmt: skip
            axes.text(
                start[0] + 0.5 * (end[0] - start[0]), start[1] + 0.5 * (end[1] - start[1]), _told(partial), fontsize=8,
                color="#8a3324", ha="center", va="center", zorder=2,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
    return figure
