from ...data import DistributedBatchSampler as DistributedBatchSampler
from ...data import DistributedSampler as DistributedSampler
