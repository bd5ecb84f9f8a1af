"""What is said of a name that is not there: why, if it is one of PyTorch's that this library does without, or which
name of ours was meant.

Python's own guess, "Did you mean", knows our names alone, and takes `refine` for `define` as readily as `zeroes` for
`zeros`. It looks at what the error's `obj` has, so that ours have None there.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable
from typing import Any

# By topic: what is the reason, and which names it explains, wherever they are asked for ("*" stands for any letters).
# A name that exists is never looked up, so that an entry may be wider than what is missing.
TOPICS: dict[str, str] = {
    "tensors are real here, and no dtype is complex": """
        angle cdouble cfloat chalf complex complex32 complex64 complex128 conj conj_physical* eig eigvals imag is_conj
        polar real resolve_conj resolve_neg view_as_complex* view_as_real* ComplexDouble* ComplexFloat*""",
    "Fourier transforms give complex numbers, and tensors are real here; scipy.fft takes x.detach().numpy()": """
        fft fft2 fftn ifft* irfft* rfft* hfft* ihfft* stft istft signal""",
    "tensors are dense here, and none is sparse or nested": """
        SparseAdam *_sparse *_sparse_csr ccol_indices* coalesce col_indices* crow_indices* dense_dim hspmm hsmm dsmm
        indices is_coalesced resize_as_sparse_ row_indices* saddmm smm sparse sparse_* spmm sspaddmm to_dense to_sparse
        to_sparse_* values jagged nested is_nested to_padded_tensor layout strided masked""",
    "tensors hold the numbers that they show here, and none is quantised": """
        *fake_quant* ao choose_qparams* dequantize fbgemm* int_repr intrinsic per_channel_* per_tensor_*
        q_per_channel_* q_scale q_zero_point qat qint* qscheme quantiz* quint* QInt* QUInt* bits* int[1-7] uint[1-7]
        is_mkldnn to_mkldnn""",
    "the dtypes here are float16, float32, float64, int8, int16, int32, int64, uint8 and bool": """
        bfloat16 float4_* float8_* uint16 uint32 uint64 BFloat16*""",
    "this library computes on the CPU, and knows no other device": """
        AcceleratorError Event Stream current_stream default_stream stream graph graphs CUDAGraph cudnn_* device_of
        get_device_module has_cuda has_cudnn has_mps hpu ipu is_vulkan_available miopen_* mkldnn_* mtia nccl nvtx
        record_stream set_per_process_memory_fraction set_stream set_sync_debug_mode mem_get_info memory_summary
        memory_stats memory_snapshot sdp_kernel *_sdp vulkan xla xpu OutOfMemoryError""",
    "layers are for sequences and pictures here, of one or two dimensions": """
        *3d channels_last_3d grid_sampler_3d *3d_with_indices fractional_max_pool2d* FractionalMaxPool2d""",
    "nothing translates Python here; wengert.compile records what a function does, and runs it again": """
        Script* CompilationUnit Future compiler export fork fx jit library ops package script trace_module wait
        import_ir_module* parse_ir parse_schema cond while_loop JITException""",
    "there are no storages here; x.numpy() is the array that a tensor's memory belongs to": """
        *Storage StorageBase UntypedStorage TypedStorage is_set_to is_shared set_ share_memory_ storage storage_type
        untyped_storage from_file as_strided_copy""",
    "shapes are integers here, and none is symbolic": """
        SymBool SymFloat SymInt sym_* constrain_range""",
    "wengert.distributed is what trains on several processes here, over MPI": """
        DataParallel DistributedDataParallel SyncBatchNorm parallel multiprocessing futures rpc is_distributed
        share_memory prepare_multiprocessing_environment""",
    "no models are downloaded here; wengert.load_safetensors reads their weights": """
        hub load_state_dict_from_url model_zoo""",
    "PyTorch has taken this name out, or advises against it": """
        Container CrossMapLRN2d NLLLoss2d UpsamplingTrilinear* chain_matmul eig lstsq matrix_rank range reinforce
        resize resize_as solve symeig triangular_solve upsample upsample_bilinear upsample_nearest volatile
        backward_hook NestedIOFunction norm_except_dim nuclear_norm frobenius_norm Variable_ new qr_""",
    "there is no profiler here; cProfile tells of time, wengert.memory of memory": """
        monitor profiler bottleneck ThroughputBenchmark""",
    "numpy.testing.assert_allclose compares tensors, and wengert.autograd.gradcheck derivatives": """
        testing""",
    "it is a copy of what another function gives as a view; use that one, and .clone()": """
        *_copy""",
}


@functools.cache
def _patterns() -> list[tuple[str, list[str]]]:
    return [(why, names.split()) for why, names in TOPICS.items()]


def reason(name: str) -> str | None:
    """Why a name of PyTorch's is not here; None if this table does not know."""
    from fnmatch import fnmatchcase  # as in `_near`

    return next((why for why, known in _patterns() if any(fnmatchcase(name, k) for k in known)), None)


def error(owner: str, name: str, known: Iterable[str] = ()) -> AttributeError:
    """What to raise of a name that `owner` does not have; `known` are those that it has."""
    text = f"{owner} has no attribute {name!r}"
    if name.startswith("__"):  # asked for by Python
        return AttributeError(text, name=name, obj=None)
    why = reason(name)
    if why is not None:
        text += f": {why}"
    elif (near := _near(name, known)) is not None:
        text += f"; there is {near!r}"
    return AttributeError(text, name=name, obj=None)


def of_module(module: str, name: str) -> AttributeError:
    """What to raise of a name that a module does not have."""
    return error(f"module {module!r}", name, vars(sys.modules[module]).get("__all__", ()))


def explain(module: str) -> None:
    """Let a module say so of names that it does not have.

    Checkers of types are not to see it, since a module with a `__getattr__` has any name to them.
    """

    def __getattr__(name: str) -> Any:
        raise of_module(module, name)

    sys.modules[module].__getattr__ = __getattr__  # type: ignore[method-assign]


def _near(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like a name, if one is."""
    import difflib  # a hundredth of a second, which only who errs need wait for

    public = [k for k in known if not k.startswith("_")]
    alike = [k for k in public if k.lower() == name.lower()] or difflib.get_close_matches(name, public, 1, 0.85)
    return alike[0] if alike else None


class Absent:
    """In a class: a name of PyTorch's that objects of it do not have. Asking for it raises an AttributeError that says
    why, so that `hasattr` says no; it costs what is there nothing, which a `__getattr__` would."""

    __slots__ = ("_name", "_owner")

    def __init__(self, owner: str, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: Any, owner: Any = None) -> Absent:
        raise error(f"{self._owner!r} object", self._name)


def present(cls: type, names: Iterable[str]) -> list[str]:
    """Those of a class's names that are there: what `dir` is to show."""
    absent = {name for base in cls.__mro__ for name, value in vars(base).items() if type(value) is Absent}
    return [name for name in names if name not in absent]
