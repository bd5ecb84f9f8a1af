"""The thread pool among other pools: worker processes, and threadpoolctl.

Processes that share a machine must share its processors. Inside a worker of `multiprocessing`, `concurrent.futures` or
joblib an operation uses one thread, unless `WENGERT_NUM_THREADS` or :func:`wengert.set_num_threads` says otherwise.
Where threadpoolctl is imported, before wengert or after, its `threadpool_info` lists the pool and `threadpool_limits`
holds it, as user API "wengert". Neither package is imported from here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from . import _kernels


def _is_worker() -> bool:
    """Whether this is a worker process, or one that is being prepared: that imports the program's main module."""
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return False
    current = process.current_process()
    return getattr(current, "_inheriting", False) or type(current).__name__ != "_MainProcess"


def _after_fork() -> None:
    """In a forked child. Only a child of `multiprocessing` goes on to run what is registered with its `util`."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_kernels, lambda kernels: kernels.share_processors())


def _register(threadpoolctl: ModuleType) -> None:
    """Tell threadpoolctl of the pool."""

    class Controller(threadpoolctl.LibController):  # type: ignore[name-defined, misc]
        user_api = internal_api = "wengert"
        filename_prefixes = (os.path.basename(_kernels.__file__).partition(".")[0],)
        check_symbols = ("wg_get_num_threads",)

        def get_num_threads(self) -> int:
            return _kernels.get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            _kernels.set_num_threads(num_threads)

        def get_version(self) -> str:
            return _kernels.__version__

    threadpoolctl.register(Controller)


# No classes of importlib.abc, which imports a quarter of what `import wengert` would take.


class _Finder:
    """Waits for threadpoolctl to be imported: lets the others find it, and the pool be registered when it is loaded."""

    searching = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "threadpoolctl" or self.searching:
            return None
        import importlib.util  # which takes as long as three of our own files, and is not needed till then

        self.searching = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self.searching = False
        if spec is not None and spec.loader is not None:
            spec.loader = _RegisteringLoader(spec.loader)  # type: ignore[assignment]
        return spec


class _RegisteringLoader:
    """Another loader, after which the pool is registered."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self.loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        _register(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)


if _is_worker():
    _kernels.share_processors()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
if "threadpoolctl" in sys.modules:
    _register(sys.modules["threadpoolctl"])
else:
    sys.meta_path.insert(0, _Finder())
