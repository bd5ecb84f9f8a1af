# cython: language_level=3
# Static types for the compiled build of define.py. The Python file is complete without this one.
from wengert.core.broadcast cimport ready, ready_alone
from wengert.core.tape cimport apply
from wengert.core.variable cimport Variable
