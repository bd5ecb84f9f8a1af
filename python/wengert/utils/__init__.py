"""PyTorch's names for what lies elsewhere here: `wengert.utils.data` is `wengert.data`, and `checkpoint` and
`tensorboard` are as there.

Examples
--------
>>> from wengert.utils.data import DataLoader
>>> from wengert.utils.data.distributed import DistributedSampler
>>> DataLoader is wg.data.DataLoader, DistributedSampler is wg.data.DistributedSampler
(True, True)
"""

import sys

from .. import data
from ..core.missing import explain
from ..data import loader
from . import checkpoint, tensorboard

__all__ = ["checkpoint", "data", "tensorboard"]

# So that they can be imported from, as there; under either name a module is one and the same. Stubs say so to checkers.
_HERE, _THERE = f"{__name__}.data", data.__name__
sys.modules.update({_HERE + name[len(_THERE) :]: sys.modules[name] for name in [*sys.modules] if name == _THERE or
                    name.startswith(f"{_THERE}.")})  # fmt: skip
sys.modules[f"{_HERE}.dataloader"] = loader
explain(__name__)
