"""Helpers around parameters and gradients, weights with a norm, and sequences of different lengths (`rnn`)."""

from . import parametrizations, parametrize, rnn
from .gradients import clip_grad_norm_, clip_grad_value_, parameters_to_vector, vector_to_parameters
from .norms import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm

__all__ = [
    "clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "parametrizations", "parametrize",
    "remove_spectral_norm", "remove_weight_norm", "rnn", "spectral_norm", "vector_to_parameters", "weight_norm",
]  # fmt: skip
