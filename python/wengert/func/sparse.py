"""Sparse Jacobians and Hessians: a pattern found on the list, columns or rows that share a walk, and a SciPy matrix.

Columns of which no two have an item in one row can be told apart in their sum, so that one walk brings all of them
(A. R. Curtis, M. J. D. Powell and J. K. Reid, "On the estimation of sparse Jacobian matrices", 1974). Which go together
is a colouring of the columns, and greedy ones are good (T. F. Coleman and J. J. Moré, "Estimation of sparse Jacobian
matrices and graph coloring problems", 1983): a band takes as many walks as it is wide, whatever the matrix's size.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.doors import enter, leave
from ..core.levels import Level, into, opened, out_of
from ..core.tape import Node
from ..core.trees import flatten
from .paths import Detector, Path
from .recorded import Run, ones_like
from .sparsity import compressed
from .walks import at_once_or_alone, chunks, items

# ---------------------------------------------------------------- what users call


def sparse_jacobian(
    function: Callable[..., Any], sparsity: Any = None, mode: str = "auto", *, argnums: Any = 0, has_aux: bool = False,
    check: bool = False,
) -> SparseDerivative:  # fmt: skip
    """A function that gives the Jacobian of a function as a sparse matrix of SciPy, by a few walks.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them; with `has_aux` a pair of that and anything else.
    sparsity : matrix or None
        Where the Jacobian may have items that are not zero: what an array has that is not zero, what a sparse matrix of
        SciPy stores. It is trusted. None: the pattern is found while the function runs.
    mode : {"auto", "forward", "reverse"}
        Forward walks bring columns together, reverse walks rows; "auto" takes the fewer.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    has_aux : bool
    check : bool
        Compare each matrix, times a vector, with a forward walk along it, which finds items missing from a pattern.

    Returns
    -------
    SparseDerivative
        Called with the function's arguments (tensors, NumPy arrays or numbers), it gives a `scipy.sparse.csr_array`,
        or (matrix, aux). There is a row for each item of the result and a column for each item of the arguments,
        flattened in order; of several results or arguments one after the other. Its dtype is that of the results,
        float32 for float16. It is data: nothing flows back by way of it. `scipy.optimize.least_squares`, `minimize`
        with "trust-constr" or "Newton-CG", `NonlinearConstraint`, `scipy.integrate.solve_ivp` and `scipy.sparse.linalg`
        take it as it is. The method `prepare` finds the pattern once and for all, and raises rather than find another.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    ValueError
        If `mode` is none of these, or `argnums` or `sparsity` do not fit.
    TypeError
        If an argument or a result is not floating.
    RuntimeError
        From `check`.

    Notes
    -----
    The pattern holds wherever the function takes the path that it took, whatever the numbers: an item that is zero by
    chance is part of it. Where a branch that looks at items, a sort or an index made of them leads elsewhere, the
    pattern is found anew. Operations that are not known count as dense: functions of `autograd.Function`, checkpoints
    and users' own `define.primitive`.

    Examples
    --------
    >>> J = wg.func.sparse_jacobian(lambda x: x[1:] * x[:-1])
    >>> J(wg.tensor([1., 2., 3.])).toarray()
    array([[2., 1., 0.],
           [0., 3., 2.]], dtype=float32)
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f'sparse_jacobian: expected mode "auto", "forward" or "reverse", got {mode!r}')
    return SparseDerivative("sparse_jacobian", function, sparsity, mode, argnums, has_aux, check)


def sparse_hessian(
    function: Callable[..., Any], sparsity: Any = None, *, argnums: Any = 0, has_aux: bool = False, check: bool = False
) -> SparseDerivative:
    """A function that gives the Hessian of a scalar function as a sparse matrix of SciPy: the sparse Jacobian of its
    gradient, whose pattern is found on the recorded walk.

    Parameters
    ----------
    function : callable
        Returns one 0-d tensor; with `has_aux` a pair of it and anything else.
    sparsity : matrix or None
        Where the Hessian may have items that are not zero. None: it is found while the gradient is computed.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    has_aux : bool
    check : bool
        As for `sparse_jacobian`.

    Returns
    -------
    SparseDerivative
        As of `sparse_jacobian`; of several arguments one matrix, their items one after the other.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    ValueError
        If the function does not return one 0-d tensor, or `argnums` or `sparsity` do not fit.
    TypeError
        If an argument or the result is not floating.
    RuntimeError
        From `check`.

    Examples
    --------
    >>> H = wg.func.sparse_hessian(lambda x: (x[1:] * x[:-1] ** 2).sum())
    >>> H(wg.tensor([1., 2., 3.])).toarray()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]], dtype=float32)
    """

    @functools.wraps(function)
    def gradient(*args: Any, **keywords: Any) -> Any:
        run = Run("sparse_hessian", function, args, argnums, has_aux, keywords)
        run.require_scalar()
        first = run.like_inputs(run.pull([ones_like(run.outputs[0])]))
        return (first, run.aux) if has_aux else first

    return SparseDerivative("sparse_hessian", gradient, sparsity, "forward", argnums, has_aux, check)


class SparseDerivative:
    """A function that gives a sparse Jacobian or Hessian: what `sparse_jacobian` and `sparse_hessian` return.

    Called with the function's arguments, it finds a pattern, and keeps it for the calls after that which take the same
    path.

    Parameters
    ----------
    name : str
        Whose errors these are.
    function, sparsity, mode, argnums, has_aux, check
        As of `sparse_jacobian`.

    Examples
    --------
    >>> J = wg.func.sparse_jacobian(wg.tanh)
    >>> J(wg.zeros(1000)).nnz
    1000
    """

    def __init__(
        self, name: str, function: Callable[..., Any], sparsity: Any, mode: str, argnums: Any, has_aux: bool,
        check: bool,
    ) -> None:  # fmt: skip
        self._scipy = _scipy(name)
        self._name, self._function, self._mode = name, function, mode
        self._argnums, self._has_aux, self._check = argnums, has_aux, check
        if sparsity is not None:
            given = sparsity if self._scipy.issparse(sparsity) else np.asarray(sparsity)
            sparsity = self._scipy.csr_array(given, copy=True)
            sparsity.sum_duplicates()
        self._sparsity = sparsity
        self._last: PreparedDerivative | None = None

    def __repr__(self) -> str:
        return f"<{self._name} of {getattr(self._function, '__name__', self._function)}>"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        last = self._last
        if last is not None:
            run = self._run(self._function, args, keywords)
            if last._departure(run) is None:
                return last._evaluated(run)
        last, run = self._prepared(args, keywords)
        return last._evaluated(run)

    def prepare(self, *args: Any, **keywords: Any) -> PreparedDerivative:
        """Find the pattern and the colours at some arguments.

        Parameters
        ----------
        *args, **keywords
            The function's.

        Returns
        -------
        PreparedDerivative
            Gives the matrix at arguments of the same shapes, and raises where the function takes another path.

        Raises
        ------
        ValueError, TypeError
            As when it is called.

        Examples
        --------
        >>> J = wg.func.sparse_jacobian(lambda x: x[1:] - x[:-1] ** 2).prepare(wg.zeros(1000))
        >>> J.walks, float(J(wg.ones(1000)).sum())
        (2, -999.0)
        """
        return self._prepared(args, keywords)[0]

    def _prepared(self, args: Any, keywords: Any) -> tuple[PreparedDerivative, Run]:
        """A pattern, kept for calls to come, and the run that it was found in."""
        if self._sparsity is not None:
            run = self._run(self._function, args, keywords)
            prepared = PreparedDerivative(self, run, self._given(_shape(run)), None)
        else:
            run, detector = self._watched(args, keywords)
            found = compressed(detector.patterns(run))
            prepared = PreparedDerivative(self, run, found, Path(run, detector.families))
        self._last = prepared
        return prepared, run

    def _run(self, function: Callable[..., Any], args: Any, keywords: Any) -> Run:
        run = Run(self._name, function, args, self._argnums, self._has_aux, keywords)
        run.check_floating()
        return run

    def _watched(self, args: Any, keywords: Any) -> tuple[Run, Detector]:
        """A run, and what has found the pattern in it."""
        chosen = self._argnums if isinstance(self._argnums, (tuple, list)) else (self._argnums,)
        detectors = []

        def watched(*arguments: Any, **given: Any) -> Any:
            xs = [x for k in chosen for x in flatten(arguments[k % len(arguments)])[0]]
            detectors.append(Detector(xs))
            return detectors[0].watching(self._function, *arguments, **given)

        return self._run(watched, args, keywords), detectors[0]

    def _given(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The given pattern."""
        given = self._sparsity
        if given.shape != shape:
            raise ValueError(
                f"{self._name}: the given sparsity has shape {given.shape}, the matrix has {shape}: a row for each "
                "item of the result, a column for each of the arguments"
            )
        return given.indptr.astype(np.int64), given.indices.astype(np.int64)


class PreparedDerivative:
    """A sparse Jacobian or Hessian whose pattern is known: what `prepare` gives.

    Called with the function's arguments, it runs the function once, walks `walks` times, and gives the matrix. It
    raises a RuntimeError if the function takes another path than where this was prepared, on which its pattern may be
    another, or gives a matrix of another shape.

    Parameters
    ----------
    derivative : SparseDerivative
    run : Run
        Of its function.
    pattern : pair of arrays
        Where each row starts, and the columns of all.
    path : Path or None
        What the pattern hangs on.

    Attributes
    ----------
    sparsity : scipy.sparse.csr_array
        True where the matrix may have an item that is not zero.
    mode : str
        Whether the walks go "forward" or in "reverse".
    colours : numpy.ndarray
        Which walk brings each column, or in reverse each row.
    walks : int
        How many there are.

    Examples
    --------
    >>> H = wg.func.sparse_hessian(lambda x: ((x[1:] - x[:-1]) ** 4).sum()).prepare(wg.zeros(5))
    >>> H.walks, H.sparsity.nnz, H.mode
    (3, 13, 'forward')
    """

    def __init__(
        self, derivative: SparseDerivative, run: Run, pattern: tuple[np.ndarray, np.ndarray], path: Path | None
    ) -> None:
        self._of = derivative
        self._path = path
        self._shape = _shape(run)
        starts, columns = pattern
        csr = derivative._scipy.csr_array
        self.sparsity = csr((np.ones(len(columns), bool), columns, starts), self._shape)
        self._starts, self._columns = self.sparsity.indptr.copy(), self.sparsity.indices.copy()
        rows = np.repeat(np.arange(self._shape[0]), np.diff(starts))
        forward, self.colours = _coloured(derivative._mode, starts, rows, columns, run)
        self.mode = "forward" if forward else "reverse"
        self.walks = int(self.colours.max()) + 1 if len(columns) else 0
        ours, others = (columns, rows) if forward else (rows, columns)
        self._at = self.colours[ours] * self._shape[0 if forward else 1] + others
        self._directions = self.colours == np.arange(self.walks)[:, None]

    def __repr__(self) -> str:
        rows, columns = self._shape
        return f"<{self._of._name}, {rows} x {columns}, {len(self._columns)} items, by {self.walks} {self.mode} walks>"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        run = self._of._run(self._of._function, args, keywords)
        departure = self._departure(run)
        if departure is not None:
            raise RuntimeError(
                f"{self._of._name}: prepared for another path of the function: {departure}; prepare it at these "
                "arguments"
            )
        return self._evaluated(run)

    def _departure(self, run: Run) -> str | None:
        """What a run differs in from that which this was prepared by."""
        shape = _shape(run)
        if shape != self._shape:
            return f"the matrix had the shape {self._shape}, and has {shape}"
        return None if self._path is None else self._path.departure(run)

    def _evaluated(self, run: Run) -> Any:
        """The matrix of a run."""
        found = _walks(run, self._directions, self.mode == "forward").reshape(-1)
        dtype = np.result_type(np.float32, *_dtypes(run.outputs))  # SciPy has no float16
        items = found.take(self._at).astype(dtype, copy=False)
        parts = (items, self._columns.copy(), self._starts.copy())  # which methods of the matrix may change in place
        matrix = self._of._scipy.csr_array(parts, self._shape)
        matrix.has_canonical_format = True
        if self._of._check:
            _check(self._of._name, matrix, run)
        return (matrix, run.aux) if self._of._has_aux else matrix


def _scipy(name: str) -> Any:
    try:
        import scipy.sparse
    except ImportError as error:
        raise ImportError(f"{name}: sparse matrices need SciPy; pip install scipy") from error
    return scipy.sparse


# ---------------------------------------------------------------- walks


def _shape(run: Run) -> tuple[int, int]:
    """How many items the results and the arguments of a run have."""
    return items(run.outputs), items(run.inputs)


_FEW = 3  # directions that walk one by one in the time that a batch of them takes


def _walks(run: Run, directions: np.ndarray, forward: bool) -> np.ndarray:
    """The Jacobian times each of some directions, or, in reverse, each of them times the Jacobian: a row each."""
    walk, starts, ends = (run.push, run.inputs, run.outputs) if forward else (run.pull, run.outputs, run.inputs)
    found = np.empty((len(directions), items(ends)), np.result_type(*_dtypes(ends)))
    count = len(directions)
    together = chunks(run, count, "auto") if count > _FEW else [(k, k + 1) for k in range(count)]

    def at_once(start: int, stop: int) -> None:
        level = Level(stop - start)
        with opened(level):
            parts = [into(enter(part), 0, level) for part in _divided(directions[start:stop], starts)]
            columns = [leave(out_of(part, 0, level), "array") for part in walk(parts)]
        np.concatenate([column.reshape(stop - start, -1) for column in columns], 1, out=found[start:stop])

    def alone(start: int, stop: int) -> None:
        for k in range(start, stop):
            parts = [enter(part[0]) for part in _divided(directions[k : k + 1], starts)]
            np.concatenate([leave(part, "array").reshape(-1) for part in walk(parts)], out=found[k])

    for start, stop in together:
        at_once_or_alone(at_once, alone, start, stop, "auto")
    return found


def _dtypes(variables: list[Any]) -> list[np.dtype]:
    return [x._value.dtype for x in variables]


def _divided(directions: np.ndarray, variables: list[Any]) -> list[np.ndarray]:
    """Rows of items as arrays of the variables' shapes and dtypes, the rows in front."""
    found, first = [], 0
    for x in variables:
        part = directions[:, first : first + x._value.size]
        found.append(part.astype(x._value.dtype).reshape((len(directions), *x._value.shape)))
        first += x._value.size
    return found


def _has_rules(nodes: list[Node], forward: bool) -> bool:
    """Whether all operations can be walked through one way."""
    for node in nodes:
        operation = node.operation
        if (operation.pushed if forward else operation.joint) is None:
            rules = operation.jvps if forward else operation.vjps
            pairs = zip(rules, node.sources, strict=True)
            if any(rule is None and source is not None for rule, source in pairs):
                return False
    return True


def _check(name: str, matrix: Any, run: Run) -> None:
    """Raise if a Jacobian times a vector is not what a walk along it gives."""
    forward = _has_rules(run.nodes, True)
    generator = np.random.default_rng(0)
    direction = generator.uniform(0.5, 1.5, matrix.shape[1] if forward else matrix.shape[0])
    expected = _walks(run, direction[None], forward)[0]
    product = matrix if forward else matrix.T
    found, scale = product @ direction, abs(product) @ direction
    with np.errstate(invalid="ignore"):
        eps = max(float(np.finfo(dtype).eps) for dtype in _dtypes([*run.inputs, *run.outputs]))
        near = np.abs(found - expected) <= np.sqrt(eps) * (scale + np.abs(expected)) + 8 * eps * scale.max(initial=0)
    wrong = np.flatnonzero(~near & ~(np.isnan(found) & np.isnan(expected)) & (found != expected))
    if len(wrong):
        named = ", ".join(map(str, wrong[:10])) + (", ..." if len(wrong) > 10 else "")
        raise RuntimeError(
            f"{name}: {len(wrong)} {'row' if forward else 'column'}(s) of the matrix are not those of the derivative: "
            f"{named}; the sparsity lacks items there"
        )


# ---------------------------------------------------------------- colours


def _coloured(
    mode: str, starts: np.ndarray, rows: np.ndarray, columns: np.ndarray, run: Run
) -> tuple[bool, np.ndarray]:
    """Whether to walk forward, and the colours of the columns, or in reverse of the rows."""
    height, width = _shape(run)
    order = np.argsort(columns, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=width))])
    if mode == "auto" and not _has_rules(run.nodes, True):
        mode = "reverse"
    if mode == "reverse":
        return False, _colours(starts, columns, width)
    forward = _colours(ends, rows[order], height)
    longest = int(np.diff(ends).max(initial=0))  # no colouring of the rows has fewer
    if mode == "forward" or forward.max(initial=0) < max(longest, 1) or not _has_rules(run.nodes, False):
        return True, forward
    reverse = _colours(starts, columns, width)
    return (True, forward) if forward.max(initial=0) <= reverse.max(initial=0) else (False, reverse)


def _colours(starts: np.ndarray, places: np.ndarray, height: int) -> np.ndarray:
    """For each column, given by the places of its items, the first colour that no column before it has which shares a
    place with it. The colours at each place are the bits of a number."""
    count = len(starts) - 1
    if np.bincount(places, minlength=1).max() == count:  # all meet at one place
        return np.arange(count)
    taken = [0] * height
    colours = []
    bounds, every = starts.tolist(), places.tolist()
    for start, stop in itertools.pairwise(bounds):
        mine = every[start:stop]
        used = 0
        for place in mine:
            used |= taken[place]
        free = ~used & (used + 1)  # the lowest bit that is not set
        for place in mine:
            taken[place] |= free
        colours.append(free.bit_length() - 1)
    return np.array(colours, np.int64)
