"""Every function of tensors: what `wengert` exports of them, and what the class has as methods.

A public function marked by `tells` is wrapped here, once: called wrongly it says what it takes (`signatures.telling`).
Elementwise functions, views and indexing are called as they are, since a tenth of a microsecond is too much for them;
so is every function within this floor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.signatures import shown_plainly as _shown_plainly
from ..core.signatures import telling as _telling
from . import (
    activations,
    arithmetic,
    bessel,
    compare,
    contractions,
    convolution,
    counting,
    creation,
    distance,
    elements,
    error_functions,
    extremes,
    functions,
    gamma,
    grouping,
    incomplete_gamma,
    index,
    join,
    least_squares,
    losses,
    matrices,
    norms,
    older,
    order,
    pieces,
    piecewise,
    products,
    random,
    reduce,
    repeats,
    rows,
    running,
    samples,
    scattering,
    shape,
    sources,
    statistics,
    systems,
    triangular,
    windows,
)
from .activations import *
from .arithmetic import *
from .bessel import *
from .compare import *
from .contractions import *
from .convolution import *
from .counting import *
from .creation import *
from .distance import *
from .elements import *
from .error_functions import *
from .extremes import *
from .functions import *
from .gamma import *
from .grouping import *
from .incomplete_gamma import *
from .index import *
from .join import *
from .losses import *
from .matrices import *
from .norms import *
from .older import *
from .order import *
from .pieces import *
from .piecewise import *
from .products import *
from .random import *
from .reduce import *
from .repeats import *
from .rows import *
from .running import *
from .samples import *
from .scattering import *
from .shape import *
from .sources import *
from .statistics import *
from .systems import *
from .triangular import *
from .windows import *

# What users call by these names is not what the rules do.
true_divide = arithmetic.divide
add = arithmetic.add_scaled
divide = arithmetic.divide_rounded
subtract = arithmetic.subtract_scaled
ne = compare.not_equal
power = functions.cheapest_power
pinverse = least_squares.pinv
inverse = systems.inv
adjoint = shape.matrix_transpose
conj_physical = real = resolve_conj = resolve_neg = conj
sgn = sign

# The same functions under the other names that PyTorch has for them.
absolute = abs
arccos, arcsin, arctan, arctan2 = acos, asin, atan, atan2
arccosh, arcsinh, arctanh = acosh, asinh, atanh
clamp = clip
concat = concatenate = cat
div = divide
fix = trunc
ge, gt, le, lt = greater_equal, greater, less_equal, less
moveaxis = movedim
mul = multiply
neg = negative
not_equal = compare.not_equal
pow = power
row_stack = vstack
sub = subtract
swapaxes = swapdims = transpose

if not TYPE_CHECKING:  # checkers follow the stars
    __all__ = [
        "absolute", "add", "adjoint", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
        "clamp", "concat", "concatenate", "conj_physical", "div", "divide", "fix", "ge", "gt", "inverse", "le",
        "lt", "moveaxis", "mul", "ne", "neg", "not_equal", "pinverse", "pow", "power", "real", "resolve_conj",
        "resolve_neg", "row_stack", "sgn", "sub", "subtract", "swapaxes", "swapdims", "true_divide",
    ]  # fmt: skip
    __all__ += activations.__all__
    __all__ += arithmetic.__all__
    __all__ += bessel.__all__
    __all__ += compare.__all__
    __all__ += contractions.__all__
    __all__ += convolution.__all__
    __all__ += counting.__all__
    __all__ += creation.__all__
    __all__ += distance.__all__
    __all__ += elements.__all__
    __all__ += error_functions.__all__
    __all__ += extremes.__all__
    __all__ += functions.__all__
    __all__ += gamma.__all__
    __all__ += grouping.__all__
    __all__ += incomplete_gamma.__all__
    __all__ += index.__all__
    __all__ += join.__all__
    __all__ += losses.__all__
    __all__ += matrices.__all__
    __all__ += norms.__all__
    __all__ += older.__all__
    __all__ += order.__all__
    __all__ += pieces.__all__
    __all__ += piecewise.__all__
    __all__ += products.__all__
    __all__ += random.__all__
    __all__ += reduce.__all__
    __all__ += repeats.__all__
    __all__ += rows.__all__
    __all__ += running.__all__
    __all__ += samples.__all__
    __all__ += scattering.__all__
    __all__ += shape.__all__
    __all__ += sources.__all__
    __all__ += statistics.__all__
    __all__ += systems.__all__
    __all__ += triangular.__all__
    __all__ += windows.__all__

    for _name in __all__:
        if getattr(globals()[_name], "tells", False):
            globals()[_name] = _telling(globals()[_name])
    _shown_plainly(globals()[_name] for _name in __all__)
