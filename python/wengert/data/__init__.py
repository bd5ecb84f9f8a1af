"""Data: IDX files, Fashion-MNIST and its stand-in, data sets and the loader.

Examples
--------
>>> from wengert.data import DataLoader, SyntheticFashion
>>> images, labels = next(iter(DataLoader(SyntheticFashion(size=1000), batch_size=256)))
>>> images.shape, images.dtype, labels.shape, labels.dtype
(wengert.Size([256, 1, 28, 28]), dtype('float32'), wengert.Size([256]), dtype('int64'))
"""

from ..core.missing import explain
from .augmentation import Augmented
from .collate import RaggedError, default_collate, default_convert
from .dataset import (
    Arrays,
    ChainDataset,
    Column,
    ConcatDataset,
    Dataset,
    IterableDataset,
    LabelledImages,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from .distributed import DistributedBatchSampler, DistributedSampler
from .fashion import FASHION_CLASSES, ChecksumError, DownloadError, FashionMNIST
from .idx import IDXError, read_idx, write_idx
from .loader import DataLoader, NeedlessWorkersWarning
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .synthetic import FashionData, SyntheticFashion, fashion_mnist_or_stand_in
from .workers import WorkerInfo, get_worker_info

__all__ = [
    "FASHION_CLASSES", "Arrays", "Augmented", "BatchSampler", "ChainDataset", "ChecksumError", "Column",
    "ConcatDataset", "DataLoader", "Dataset", "DistributedBatchSampler", "DistributedSampler", "DownloadError",
    "FashionData", "FashionMNIST", "IDXError", "IterableDataset", "LabelledImages", "NeedlessWorkersWarning",
    "RaggedError", "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset", "SubsetRandomSampler",
    "SyntheticFashion", "TensorDataset", "WeightedRandomSampler", "WorkerInfo", "default_collate", "default_convert",
    "fashion_mnist_or_stand_in", "get_worker_info", "random_split", "read_idx", "write_idx",
]  # fmt: skip

explain(__name__)
