"""PyTorch's name for the place of data sets and loaders: `wengert.utils.data` is `wengert.data`.

Examples
--------
>>> from wengert.utils.data import DataLoader
>>> DataLoader is wg.data.DataLoader
True
"""

import sys

from . import data

__all__ = ["data"]

sys.modules[f"{__name__}.data"] = data  # so that it can be imported from, as there
