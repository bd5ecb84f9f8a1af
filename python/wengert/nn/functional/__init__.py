"""The functions that layers and losses compute, with PyTorch's names and signatures.

Examples
--------
>>> from wengert.nn import functional as F
>>> F.mse_loss(wg.tensor([1., 2.]), wg.tensor([0., 4.]))
tensor(2.5000)
"""

import typing

from ...core.faces import later
from ...core.signatures import telling

if typing.TYPE_CHECKING:
    from ...ops.activations import prelu
    from ...ops.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
    from ...ops.creation import one_hot
    from ...ops.losses import cross_entropy, nll_loss
    from .activations import (
        celu,
        elu,
        gelu,
        glu,
        gumbel_softmax,
        hardshrink,
        hardsigmoid,
        hardswish,
        hardtanh,
        leaky_relu,
        log_softmax,
        logsigmoid,
        mish,
        relu,
        relu6,
        rrelu,
        selu,
        sigmoid,
        silu,
        softmax,
        softmin,
        softplus,
        softshrink,
        softsign,
        tanh,
        tanhshrink,
        threshold,
    )
    from .attention import multi_head_attention_forward, scaled_dot_product_attention
    from .bags import embedding_bag
    from .distances import cosine_similarity, normalize, pairwise_distance
    from .dropping import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout
    from .grids import affine_grid, grid_sample
    from .inplace import celu_, elu_, hardtanh_, leaky_relu_, relu_, rrelu_, selu_, threshold_
    from .layers import batch_norm, batch_norm_relu, embedding, layer_norm, linear
    from .losses import (
        binary_cross_entropy,
        binary_cross_entropy_with_logits,
        gaussian_nll_loss,
        huber_loss,
        kl_div,
        l1_loss,
        mse_loss,
        poisson_nll_loss,
        smooth_l1_loss,
    )
    from .margins import (
        cosine_embedding_loss,
        hinge_embedding_loss,
        margin_ranking_loss,
        multi_margin_loss,
        multilabel_margin_loss,
        multilabel_soft_margin_loss,
        soft_margin_loss,
        triplet_margin_loss,
        triplet_margin_with_distance_loss,
    )
    from .normalization import group_norm, instance_norm, local_response_norm, rms_norm
    from .padding import pad
    from .pairs import bilinear, conv_tbc, linear_cross_entropy, pdist
    from .pooling import (
        adaptive_avg_pool1d,
        adaptive_avg_pool2d,
        adaptive_max_pool1d,
        adaptive_max_pool2d,
        avg_pool1d,
        avg_pool2d,
        lp_pool1d,
        lp_pool2d,
        max_pool1d,
        max_pool2d,
        max_unpool1d,
        max_unpool2d,
    )
    from .sampling import (
        channel_shuffle,
        fold,
        interpolate,
        native_channel_shuffle,
        pixel_shuffle,
        pixel_unshuffle,
        unfold,
    )
    from .sequences import ctc_loss

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "affine_grid",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "batch_norm_relu",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "celu_",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "elu_",
    "embedding",
    "embedding_bag",
    "feature_alpha_dropout",
    "fold",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "grid_sample",
    "group_norm",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "hinge_embedding_loss",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "leaky_relu_",
    "linear",
    "linear_cross_entropy",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "lp_pool1d",
    "lp_pool2d",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool2d",
    "max_unpool1d",
    "max_unpool2d",
    "mish",
    "mse_loss",
    "multi_head_attention_forward",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "native_channel_shuffle",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "pdist",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rms_norm",
    "rrelu",
    "rrelu_",
    "scaled_dot_product_attention",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "unfold",
]

_ELEMENTWISE = {
    "celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "logsigmoid", "mish",
    "relu", "relu6", "selu", "sigmoid", "silu", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
}  # fmt: skip


def _made(name: str, function: typing.Any) -> typing.Any:
    return function if name in _ELEMENTWISE else telling(function)


later(__name__, {
    "...ops.activations": "prelu",
    "...ops.convolution": "conv1d conv2d conv_transpose1d conv_transpose2d",
    "...ops.creation": "one_hot",
    "...ops.losses": "cross_entropy nll_loss",
    ".activations": """
        celu elu gelu glu gumbel_softmax hardshrink hardsigmoid hardswish hardtanh leaky_relu log_softmax logsigmoid
        mish relu relu6 rrelu selu sigmoid silu softmax softmin softplus softshrink softsign tanh tanhshrink
        threshold""",
    ".attention": "multi_head_attention_forward scaled_dot_product_attention",
    ".bags": "embedding_bag",
    ".distances": "cosine_similarity normalize pairwise_distance",
    ".dropping": "alpha_dropout dropout dropout1d dropout2d dropout3d feature_alpha_dropout",
    ".grids": "affine_grid grid_sample",
    ".inplace": "celu_ elu_ hardtanh_ leaky_relu_ relu_ rrelu_ selu_ threshold_",
    ".layers": "batch_norm batch_norm_relu embedding layer_norm linear",
    ".losses": """
        binary_cross_entropy binary_cross_entropy_with_logits gaussian_nll_loss huber_loss kl_div l1_loss mse_loss
        poisson_nll_loss smooth_l1_loss""",
    ".margins": """
        cosine_embedding_loss hinge_embedding_loss margin_ranking_loss multi_margin_loss multilabel_margin_loss
        multilabel_soft_margin_loss soft_margin_loss triplet_margin_loss triplet_margin_with_distance_loss""",
    ".normalization": "group_norm instance_norm local_response_norm rms_norm",
    ".padding": "pad",
    ".pairs": "bilinear conv_tbc linear_cross_entropy pdist",
    ".pooling": """
        adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool1d adaptive_max_pool2d avg_pool1d avg_pool2d
        lp_pool1d lp_pool2d max_pool1d max_pool2d max_unpool1d max_unpool2d""",
    ".sampling": "channel_shuffle fold interpolate native_channel_shuffle pixel_shuffle pixel_unshuffle unfold",
    ".sequences": "ctc_loss",
}, _made)  # fmt: skip
