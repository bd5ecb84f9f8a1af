"""What TensorBoard shows, written by tensorboardX under the names and arguments of `torch.utils.tensorboard`.

tensorboardX is in the extra ``tensorboard``; it knows NumPy arrays and PyTorch's tensors, and gets ours as arrays here.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from ..core.trees import changed
from ..tensors.tensor import Tensor

__all__ = ["SummaryWriter"]


def _arrays(values: Any) -> Any:
    """Nested lists, tuples and dicts with arrays for their tensors, and numbers for those without dimensions."""
    return changed(values, _array)


def _array(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    return x.detach().numpy() if x.ndim else x.item()


def _import_extra(name: str) -> Any:
    """Import a module of the extra."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"SummaryWriter needs {name}, which is not installed: pip install 'wengert[tensorboard]'", name=name
        ) from error


class SummaryWriter:
    """Writes what TensorBoard shows into a directory: ``tensorboard --logdir runs`` looks there.

    Tensors may stand wherever numbers, arrays or pictures are asked for, whether they require a gradient or not. Every
    other method of tensorboardX's writer is there too, and takes tensors.

    Parameters
    ----------
    log_dir : path, optional
        By default ``runs/DATE_HOST`` with the comment.
    comment : str
        Ends the name of the default directory.
    purge_step : int, optional
        Events from this step on, of a run that crashed and goes on here, are hidden.
    max_queue : int
        How many events may wait to be written.
    flush_secs : int
        How often they are, in seconds.
    filename_suffix : str
        Ends the names of the files.

    Attributes
    ----------
    log_dir : str

    Raises
    ------
    ImportError
        If tensorboardX is not installed: pip install 'wengert[tensorboard]'.

    Examples
    --------
    >>> import tempfile
    >>> from wengert.utils.tensorboard import SummaryWriter
    >>> directory = tempfile.TemporaryDirectory()
    >>> with SummaryWriter(directory.name) as writer:
    ...     for step in range(3):
    ...         writer.add_scalar("loss", wg.tensor(1.0 / (step + 1)), step)
    ...     writer.add_histogram("weights", wg.rand(100), 0)
    >>> directory.cleanup()
    """

    def __init__(
        self, log_dir: str | os.PathLike[str] | None = None, comment: str = "", purge_step: int | None = None,
        max_queue: int = 10, flush_secs: int = 120, filename_suffix: str = "",
    ) -> None:  # fmt: skip
        self._writer = _import_extra("tensorboardX").SummaryWriter(
            logdir=None if log_dir is None else os.fspath(log_dir), comment=comment, purge_step=purge_step,
            max_queue=max_queue, flush_secs=flush_secs, filename_suffix=filename_suffix,
        )  # fmt: skip
        self.log_dir: str = self._writer.logdir

    def get_logdir(self) -> str:
        """Where the files are."""
        return self.log_dir

    def add_scalar(
        self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None,
        new_style: bool = False, double_precision: bool = False,
    ) -> None:  # fmt: skip
        """Add a point to a curve; `new_style` and `double_precision` are accepted, and of no effect."""
        self._writer.add_scalar(tag, _arrays(scalar_value), global_step, walltime)

    def add_histogram(
        self, tag: str, values: Any, global_step: int | None = None, bins: Any = "tensorflow",
        walltime: float | None = None, max_bins: int | None = None,
    ) -> None:  # fmt: skip
        """Add the distribution of a tensor's items."""
        self._writer.add_histogram(tag, _arrays(values), global_step, bins, walltime, max_bins)

    def add_image(
        self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:  # fmt: skip
        """Add a picture: bytes, or floats in [0, 1]."""
        self._writer.add_image(tag, _arrays(img_tensor), global_step, walltime, dataformats)

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:  # fmt: skip
        """Refused: the writer knows PyTorch's graphs alone.

        Raises
        ------
        NotImplementedError
            Always; `wg.trace` shows a graph.
        """
        raise NotImplementedError(
            "SummaryWriter.add_graph: tensorboardX draws PyTorch's graphs alone; wg.trace(f, *args) shows one of ours"
        )

    def __getattr__(self, name: str) -> Any:
        if name == "_writer":  # while there is none
            raise AttributeError(name)
        found = getattr(self._writer, name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: found(*_arrays(args), **_arrays(kwargs))

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._writer.close()
