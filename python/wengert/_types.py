"""The name `Tensor` for annotations on the floors below the class: at run time a placeholder, in the stub the class."""

from __future__ import annotations


class Tensor:
    """What annotations mean by `wengert.Tensor`, where the class itself is not yet known."""

    __module__ = "wengert"


__all__ = ["Tensor"]
