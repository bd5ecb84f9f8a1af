"""Data: IDX files, Fashion-MNIST and its stand-in, data sets and the loader.

Examples
--------
>>> from wengert.data import DataLoader, SyntheticFashion
>>> images, labels = next(iter(DataLoader(SyntheticFashion(size=1000), batch_size=256)))
>>> images.shape, images.dtype, labels.shape, labels.dtype
(wengert.Size([256, 1, 28, 28]), dtype('float32'), wengert.Size([256]), dtype('int64'))
"""

from .augmentation import Augmented
from .dataset import Arrays, Column, Dataset, LabelledImages, Subset, TensorDataset, random_split
from .fashion import FASHION_CLASSES, ChecksumError, DownloadError, FashionMNIST
from .idx import IDXError, read_idx, write_idx
from .loader import DataLoader, NeedlessWorkersWarning, default_collate, default_convert
from .sampler import DistributedSampler
from .synthetic import FashionData, SyntheticFashion, fashion_mnist_or_stand_in

__all__ = [
    "FASHION_CLASSES",
    "Arrays",
    "Augmented",
    "ChecksumError",
    "Column",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "DownloadError",
    "FashionData",
    "FashionMNIST",
    "IDXError",
    "LabelledImages",
    "NeedlessWorkersWarning",
    "Subset",
    "SyntheticFashion",
    "TensorDataset",
    "default_collate",
    "default_convert",
    "fashion_mnist_or_stand_in",
    "random_split",
    "read_idx",
    "write_idx",
]
