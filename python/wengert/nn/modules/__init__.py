"""The classes of `wengert.nn`: what holds parameters, and layers, activations, losses and containers made of it."""
