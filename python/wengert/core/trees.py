"""Structures of tensors, as a list of leaves and back: nested lists, tuples, mappings, dataclasses, and objects of
classes that users register.

Neither way has functions that refer to themselves by a closure: those would keep their leaves, and the graphs behind
them, until a collection of cycles.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from .variable import Variable

_SEQUENCE, _MAPPING, _RECORD, _LEAF, _NOTHING = "sequence", "mapping", "dataclass", "leaf", "None"
_NODE = "registered class"
_CONTAINERS = (_SEQUENCE, _MAPPING, _RECORD, _NODE)

# What takes an object of a class apart, and what puts it together.
_registered: dict[type, tuple[Callable[[Any], Any], Callable[[list[Any], Any], Any]]] = {}


class Structure:
    """What a tree is without its leaves. Called with as many, it puts them in their places.

    Lists, tuples, named tuples, mappings and dataclasses keep their class, and mappings and dataclasses the order of
    their keys and fields. A field of a dataclass whose metadata say ``{"static": True}`` is no part of the tree: it
    stays as it is. None is no leaf either. An object of a registered class is what its functions make of it.

    Parameters
    ----------
    kind : str
    of : type
        The class of the container.
    keys : tuple
        Of a mapping; of a dataclass the names of its fields.
    children : tuple of Structure
    shell : object
        Of a dataclass, one with the static fields alone; of a mapping that makes missing values, what makes them; of a
        registered class, the context.
    """

    __slots__ = ("children", "keys", "kind", "of", "shell")

    def __init__(
        self, kind: str, of: type = object, keys: tuple[Any, ...] = (), children: tuple[Structure, ...] = (),
        shell: Any = None,
    ) -> None:  # fmt: skip
        self.kind, self.of, self.keys, self.children, self.shell = kind, of, keys, children, shell

    def __call__(self, leaves: list[Any]) -> Any:
        return self._filled(iter(leaves))

    def _filled(self, leaves: Iterator[Any]) -> Any:
        """The tree with the next leaves in it."""
        kind = self.kind
        if kind is _LEAF:
            return next(leaves)
        if kind is _NOTHING:
            return None
        built = [child._filled(leaves) for child in self.children]
        if kind is _SEQUENCE:
            return self.of(*built) if hasattr(self.of, "_fields") else self.of(built)
        if kind is _RECORD:
            record = copy.copy(self.shell)
            for name, value in zip(self.keys, built, strict=True):
                object.__setattr__(record, name, value)
            return record
        if kind is _NODE:
            return _registered[self.of][1](built, self.shell)
        values = dict(zip(self.keys, built, strict=True))
        return values if self.of is dict else _mapping(self.of, self.shell, values)

    def of_tree(self, tree: Any) -> list[Any]:
        """The leaves of a tree of this structure, in this structure's order: mappings are matched by their keys.

        Raises
        ------
        ValueError
            If the tree has another structure. It names the place.
        """
        leaves: list[Any] = []
        self._gather(tree, leaves, "")
        return leaves

    def _gather(self, tree: Any, leaves: list[Any], path: str) -> None:
        """Add the leaves of a tree that stands at `path`."""
        kind = self.kind
        if kind is _LEAF or kind is _NOTHING:
            if (kind is _NOTHING) != (tree is None) or _kind_of(tree) in _CONTAINERS:
                raise ValueError(f"expected {'None' if kind is _NOTHING else 'a tensor'}{_at(path)}, got {_told(tree)}")
            if kind is _LEAF:
                leaves.append(tree)
            return
        right = isinstance(tree, Mapping) if kind is _MAPPING else type(tree) is self.of
        if not right:
            raise ValueError(f"expected {_article(self.of)}{_at(path)}, got {_told(tree)}")
        parts = self._parts(tree, path)
        if parts is not None and len(parts) != len(self.children):
            raise ValueError(f"expected {len(self.children)} item(s){_at(path)}, got {len(parts)}")
        if kind is _MAPPING and (len(tree) != len(self.keys) or any(key not in tree for key in self.keys)):
            raise ValueError(f"expected the keys {list(self.keys)}{_at(path)}, got {list(tree)}")
        for k, child in enumerate(self.children):
            part = parts[k] if parts is not None else self._part(tree, k)
            child._gather(part, leaves, path + self._step(k))

    def _parts(self, tree: Any, path: str) -> Any:
        """The children of a tree whose class has places for them; None of one that has keys."""
        if self.kind is not _NODE:
            return tree if self.kind is _SEQUENCE else None
        parts, context = _apart(tree)
        if context is not self.shell and not np.all(context == self.shell):
            raise ValueError(f"expected {_article(self.of)} of context {self.shell!r}{_at(path)}, got {context!r}")
        return parts

    def _part(self, tree: Any, k: int) -> Any:
        """Child k of a tree that has keys."""
        return tree[self.keys[k]] if self.kind is _MAPPING else getattr(tree, self.keys[k])

    def static(self) -> list[tuple[str, Any]]:
        """What belongs to the structure besides its form: static fields, a context, what makes missing values."""
        if self.kind is _RECORD:
            fields = (field.name for field in dataclasses.fields(self.shell))
            names = dict.fromkeys([*fields, *getattr(self.shell, "__dict__", ())])
            return [(name, getattr(self.shell, name)) for name in names if name not in self.keys]
        return [] if self.shell is None else [("context" if self.kind is _NODE else "default_factory", self.shell)]

    def _step(self, k: int) -> str:
        """What leads to child k, as it would be written behind the tree's name."""
        if self.kind is _SEQUENCE or self.kind is _NODE:
            return f"[{k}]"
        return f"[{self.keys[k]!r}]" if self.kind is _MAPPING else f".{self.keys[k]}"

    def paths(self, path: str = "") -> list[str]:
        """Where the leaves are."""
        if self.kind is _LEAF:
            return [path]
        return [found for k, child in enumerate(self.children) for found in child.paths(path + self._step(k))]


LEAF, NOTHING = Structure(_LEAF), Structure(_NOTHING)


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of a tree, in order, and its structure, which puts others in their places: that raises a TypeError
    for a mapping that cannot be made again from its items."""
    leaves: list[Any] = []
    return leaves, _structure(tree, leaves)


def changed(tree: Any, function: Callable[[Any], Any]) -> Any:
    """The tree with `function` of its leaves; what has none that changes stays the object that it is, and so does a
    mapping that cannot be made again."""
    kind = _kind_of(tree)
    if kind is _LEAF:
        return function(tree)
    if kind is _NOTHING:
        return tree
    shape, parts = _opened(tree, kind)
    new = [changed(part, function) for part in parts]
    if all(a is b for a, b in zip(parts, new, strict=True)):
        return tree
    shape.children = (LEAF,) * len(new)
    try:
        return shape(new)
    except TypeError:
        if kind is _NODE:  # whose function is the user's
            raise
        return tree


_LEAVES = frozenset((np.ndarray, float, int, bool))


def _kind_of(tree: Any) -> str:
    """What a tree is at its top."""
    if isinstance(tree, Variable) or type(tree) in _LEAVES:  # most of what is asked for
        return _LEAF
    if _registered and type(tree) in _registered:
        return _NODE
    if isinstance(tree, (list, tuple)):
        return _SEQUENCE
    if tree is None:
        return _NOTHING
    if isinstance(tree, Mapping):
        return _MAPPING
    is_record = dataclasses.is_dataclass(tree) and not isinstance(tree, type)
    return _RECORD if is_record and not callable(tree) else _LEAF  # one that is called is a function, such as a module


def _opened(tree: Any, kind: str) -> tuple[Structure, list[Any]]:
    """A container's structure without children, and what it holds."""
    if kind is _SEQUENCE:
        return Structure(kind, type(tree)), list(tree)
    if kind is _MAPPING:
        made = tree.default_factory if isinstance(tree, defaultdict) else None
        return Structure(kind, type(tree), tuple(tree), (), made), list(tree.values())
    if kind is _NODE:
        parts, context = _apart(tree)
        return Structure(kind, type(tree), (), (), context), parts
    names = tuple(field.name for field in dataclasses.fields(tree) if not field.metadata.get("static"))
    shell = copy.copy(tree)
    for name in names:
        object.__setattr__(shell, name, None)
    return Structure(kind, type(tree), names, (), shell), [getattr(tree, name) for name in names]


def _structure(tree: Any, leaves: list[Any]) -> Structure:
    """What a tree is without its leaves, which are added to `leaves`."""
    kind = _kind_of(tree)
    if kind is _LEAF:
        leaves.append(tree)
        return LEAF
    if kind is _NOTHING:
        return NOTHING
    structure, parts = _opened(tree, kind)
    structure.children = tuple([_structure(part, leaves) for part in parts])
    return structure


def _mapping(of: Any, made: Any, values: dict[Any, Any]) -> Any:
    """A mapping of a class with these items."""
    try:
        built = of(made, values) if issubclass(of, defaultdict) else of(values)
        same = list(built) == list(values)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise TypeError(_not_again(of)) from error
    if not same:
        raise TypeError(_not_again(of))
    return built


def _not_again(of: type) -> str:
    return (
        f"{_article(of)} cannot be made again from its items: {of.__name__}(dict) must give a mapping with the same "
        "keys in the same order; pass a dict"
    )


def _at(path: str) -> str:
    return f" at {path}" if path else ""


def _article(of: type) -> str:
    return f"{'an' if of.__name__[0] in 'AEIOUaeiou' else 'a'} {of.__name__}"


def _told(tree: Any) -> str:
    if tree is None:
        return "None"
    kind = _kind_of(tree)
    return f"{_article(type(tree))} of {len(tree)}" if kind in (_SEQUENCE, _MAPPING) else _article(type(tree))


# ---------------------------------------------------------------- classes of users


def register_pytree_node(
    cls: type, flatten_fn: Callable[[Any], Any], unflatten_fn: Callable[[list[Any], Any], Any]
) -> None:
    """Let objects of a class be structures of tensors, as lists, dicts and dataclasses are: in arguments and results
    of the functions here, of `vmap`, and of compiled functions.

    Parameters
    ----------
    cls : type
        Objects of it alone, and not of classes derived from it.
    flatten_fn : callable
        Of an object; gives a pair of the list of what is in it, tensors or structures of them, and of a context, which
        is anything that is compared by ``==`` (and hashable for compiled functions).
    unflatten_fn : callable
        Of such a list and the context; gives an object. The list may hold other things than tensors, such as
        derivatives by them, None or numbers, so that it should not look into it.

    Raises
    ------
    TypeError
        If it is given no class, or a class of tensors.
    ValueError
        If the class is registered already, or is one of Python's own containers.

    Examples
    --------
    >>> class Line:
    ...     def __init__(self, slope, offset, name):
    ...         self.slope, self.offset, self.name = slope, offset, name
    >>> wg.func.register_pytree_node(
    ...     Line, lambda line: ([line.slope, line.offset], line.name), lambda parts, name: Line(*parts, name)
    ... )
    >>> gradient = wg.grad(lambda line: line.slope * 3 + line.offset)(Line(2., 1., "first"))
    >>> gradient.slope, gradient.offset, gradient.name
    (tensor(3.), tensor(1.), 'first')
    """
    if not isinstance(cls, type) or issubclass(cls, Variable):
        raise TypeError(f"register_pytree_node: expected a class whose objects hold tensors, got {cls!r}")
    if cls in _registered or cls in (list, tuple, dict, type(None), *_LEAVES):
        raise ValueError(f"register_pytree_node: {cls.__name__} is known already")
    _registered[cls] = (flatten_fn, unflatten_fn)


def _apart(tree: Any) -> tuple[list[Any], Any]:
    """What an object of a registered class holds, and its context."""
    found = _registered[type(tree)][0](tree)
    if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[0], (list, tuple)):
        raise TypeError(
            f"register_pytree_node: flatten_fn of {type(tree).__name__} must give a pair of a list and a context, got "
            f"{found!r}"
        )
    return list(found[0]), found[1]
