"""The peers that are compared with, where they are installed."""

from __future__ import annotations

import importlib
from typing import Any

from conftest import THREADS


def load(name: str) -> Any:
    """A module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


torch = load("torch")
if torch is not None:
    torch.set_num_threads(THREADS)
jax = load("jax")
