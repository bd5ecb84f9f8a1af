"""The course's devices: here there is the CPU."""

from __future__ import annotations


def cpu() -> str:
    """The CPU, as tensors call it.

    Returns
    -------
    str

    Examples
    --------
    >>> wg.ones(2, device=wg.d2l.cpu()).device
    device(type='cpu')
    """
    return "cpu"


def gpu(i: int = 0) -> str:
    """What PyTorch calls GPU number i; no tensor can be put there.

    Parameters
    ----------
    i : int

    Returns
    -------
    str

    Examples
    --------
    >>> wg.d2l.gpu(1)
    'cuda:1'
    """
    return f"cuda:{i}"


def num_gpus() -> int:
    """How many GPUs tensors can be put on.

    Returns
    -------
    int

    Examples
    --------
    >>> wg.d2l.num_gpus()
    0
    """
    return 0


def try_gpu(i: int = 0) -> str:
    """GPU number i if there is one, else the CPU.

    Parameters
    ----------
    i : int

    Returns
    -------
    str

    Examples
    --------
    >>> wg.d2l.try_gpu()
    'cpu'
    """
    return gpu(i) if i < num_gpus() else cpu()


def try_all_gpus() -> list[str]:
    """All GPUs, or the CPU where there is none.

    Returns
    -------
    list of str

    Examples
    --------
    >>> wg.d2l.try_all_gpus()
    ['cpu']
    """
    return [gpu(i) for i in range(num_gpus())] or [cpu()]
