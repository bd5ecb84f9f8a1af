"""The helper classes of "Dive into Deep Learning", over this library's own trainer, data, layers and optimizers.

>>> from wengert import d2l
>>> data = d2l.SyntheticRegressionData(w=wg.tensor([2.0, -3.4]), b=4.2)
>>> model = d2l.LinearRegressionScratch(num_inputs=2, lr=0.03)
>>> history = d2l.Trainer(max_epochs=3).fit(model, data)
>>> abs(model.b.item() - 4.2) < 0.1
True
"""

from __future__ import annotations

from typing import Any

from .attention import (
    AdditiveAttention,
    AddNorm,
    AttentionDecoder,
    DotProductAttention,
    MultiHeadAttention,
    PositionalEncoding,
    PositionWiseFFN,
    TransformerEncoder,
    TransformerEncoderBlock,
    masked_softmax,
)
from .data import HOUSES, FashionMNIST, SyntheticRegressionData, house_tiny
from .design import (
    SGD,
    Classifier,
    DataModule,
    HyperParameters,
    Module,
    Point,
    ProgressBoard,
    Timer,
    Trainer,
    add_to_class,
)
from .devices import cpu, gpu, num_gpus, try_all_gpus, try_gpu
from .images import LeNet, Residual, ResNeXtBlock, corr2d, init_cnn
from .models import (
    MLP,
    LinearRegression,
    LinearRegressionScratch,
    LogisticRegression,
    MLPScratch,
    SoftmaxRegression,
    SoftmaxRegressionScratch,
    WeightDecay,
    WeightDecayScratch,
    cross_entropy,
    l2_penalty,
    newton,
    numerical_lim,
    relu,
    softmax,
)
from .plots import (
    annotate,
    normal,
    plot,
    set_figsize,
    show_heatmaps,
    show_images,
    show_list_len_pair_hist,
    show_trace_2d,
    train_2d,
    use_svg_display,
    with_gradient,
)
from .sequences import (
    GRU,
    LSTM,
    RNN,
    RNNLM,
    Decoder,
    Encoder,
    EncoderDecoder,
    RNNLMScratch,
    RNNScratch,
    Seq2Seq,
    Seq2SeqEncoder,
    Vocab,
    bleu,
    check_len,
    check_shape,
    init_seq2seq,
)

__all__ = [
    "GRU",
    "HOUSES",
    "LSTM",
    "MLP",
    "RNN",
    "RNNLM",
    "SGD",
    "AddNorm",
    "AdditiveAttention",
    "AttentionDecoder",
    "Classifier",
    "DataModule",
    "Decoder",
    "DotProductAttention",
    "Encoder",
    "EncoderDecoder",
    "FashionMNIST",
    "HyperParameters",
    "LeNet",
    "LinearRegression",
    "LinearRegressionScratch",
    "LogisticRegression",
    "MLPScratch",
    "Module",
    "MultiHeadAttention",
    "Point",
    "PositionWiseFFN",
    "PositionalEncoding",
    "ProgressBoard",
    "RNNLMScratch",
    "RNNScratch",
    "ResNeXtBlock",
    "Residual",
    "Seq2Seq",
    "Seq2SeqEncoder",
    "SoftmaxRegression",
    "SoftmaxRegressionScratch",
    "SyntheticRegressionData",
    "Timer",
    "Trainer",
    "TransformerEncoder",
    "TransformerEncoderBlock",
    "Vocab",
    "WeightDecay",
    "WeightDecayScratch",
    "add_to_class",
    "annotate",
    "bleu",
    "check_len",
    "check_shape",
    "corr2d",
    "cpu",
    "cross_entropy",
    "gpu",
    "house_tiny",
    "init_cnn",
    "init_seq2seq",
    "l2_penalty",
    "masked_softmax",
    "newton",
    "normal",
    "num_gpus",
    "numerical_lim",
    "plot",
    "relu",
    "set_figsize",
    "show_heatmaps",
    "show_images",
    "show_list_len_pair_hist",
    "show_trace_2d",
    "softmax",
    "train_2d",
    "try_all_gpus",
    "try_gpu",
    "use_svg_display",
    "with_gradient",
]


def __getattr__(name: str) -> Any:
    if name == "plt":  # the book's code reaches for pyplot by this name
        from matplotlib import pyplot

        return pyplot
    raise AttributeError(f"module 'wengert.d2l' has no attribute {name!r}")
