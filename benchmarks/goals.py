"""The figures that the library is to reach on a CPU with two cores: what the benchmarks are judged by in the report."""

from __future__ import annotations

from typing import Any, NamedTuple


class Goal(NamedTuple):
    """A limit for the ratio of wengert's time to the fastest of some opponents'.

    A goal that is spoken of as a speed is the same limit upside down. `threads` and `isa` are the number of threads and
    the instruction set that it is meant for, None for any.
    """

    what: str
    against: tuple[str, ...]
    time: float | None = None  # at most
    speed: float | None = None  # at least
    threads: int | None = None
    isa: str | None = None

    def reached(self, medians: dict[str, float]) -> float | None:
        """The ratio in the goal's own terms, or None if nobody that it is against took part."""
        opponents = [medians[name] for name in self.against if name in medians]
        if not opponents:
            return None
        ratio = medians["wengert"] / min(opponents)
        return ratio if self.time is not None else 1 / ratio

    def met(self, ratio: float) -> bool:
        return ratio <= self.time if self.time is not None else ratio >= (self.speed or 0)

    def limit(self) -> str:
        return f"≤ {self.time:.2f}" if self.time is not None else f"≥ {self.speed:.2f}"


PEERS = ("numpy", "torch")
EITHER = ("torch", "torch channels_last")

# What a compiled function is, and its time at most, of the same function's and of JAX's program's.
PROGRAMS: dict[str, tuple[Any, ...]] = {
    "8-16-10 SGD at 16": ("a step of 8-16-10, batch 16, SGD", 0.10, 0.10),
    "8-16-10 Adam at 16": ("a step of 8-16-10, batch 16, Adam", 0.12, 0.12),
    "64-32-32-10 SGD at 32": ("a step of 64-32-32-10, batch 32", 0.35, 0.35),
    "784-256-10 SGD at 32": ("a step of 784-256-10, batch 32", 0.85, 0.75),
    "784-256-10 SGD at 256": ("a step of 784-256-10, batch 256", 0.95),
    "gradient 5": ("the gradient of Rosenbrock's function, n = 5", 0.02, 0.2),
    "Hessian 20": ("its Hessian, n = 20", 0.05, 0.5),
    "RK4": ("100 steps of Runge and Kutta's method, n = 4", 0.05, 1.1),
    "six of 1000000": ("six cheap elementwise operations on 1 M", 0.7),
}
_OF_PROGRAMS = (("", "eager calls'", "eager"), (", JAX", "JAX's", "jax"))

GOALS = {
    "matmul": Goal("matmul 512³, 1024³, 2048³: speed, of the ceiling", ("ceiling",), speed=0.87, threads=1),
    "matmul, training": Goal(
        "matmul, the training shapes, each transposition: speed, of the ceiling", ("ceiling",), speed=0.82, threads=1
    ),
    "matmul, ten classes": Goal(
        "matmul, ten classes, each transposition: speed, of NumPy's", ("numpy",), speed=1.5, threads=1
    ),
    "matmul, small": Goal(
        "matmul 64³, 100³, 200³, 257×129×33: speed, of the faster of NumPy and PyTorch", PEERS, speed=1.3, threads=1
    ),
    "matmul, tiny": Goal("matmul 16³: speed, of PyTorch's", ("torch",), speed=1.3, threads=1),
    "matmul, threads": Goal("matmul 512³ and up, two threads: speed, of one thread's", ("1 thread",), speed=1.8),
    "matmul, AVX2": Goal(
        "matmul with WENGERT_ISA=v3: speed, of NumPy's with AVX2", ("numpy",), speed=0.97, threads=1, isa="v3"
    ),
    "matmul, medium": Goal(
        'matmul, the training shapes and 1024³, at precision "medium": time, of PyTorch\'s', ("torch medium",), time=1.0
    ),
    "epoch, medium": Goal(
        'an epoch of 784-256-10, batch 256, at precision "medium": time, of PyTorch\'s in float32',
        ("torch",),
        time=0.45,
        threads=1,
    ),
    "epoch, both medium": Goal("the same: time, of PyTorch's at the same", ("torch medium",), time=1.0, threads=1),
    "elementwise, small": Goal(
        "add, multiply, exp, log, tanh, sigmoid, relu, 16 and 1000 elements: time, of PyTorch's", ("torch",), time=0.6
    ),
    "activations": Goal(
        "activations of 10 k to 1 M items, alone and with the gradient: time, of PyTorch's", ("torch",), time=1.15
    ),
    "elementwise, medium": Goal(
        "exp, log, tanh, sigmoid, relu, 100 k and 1 M: time, of the faster of NumPy and PyTorch", PEERS, time=0.9
    ),
    "elementwise, bandwidth": Goal(
        "add, multiply, 100 k and 1 M: time, of the faster of NumPy and PyTorch", PEERS, time=1.0
    ),
    "elementwise, large": Goal("all of them, 10 M: time, of the faster of NumPy and PyTorch", PEERS, time=0.7),
    "broadcasting": Goal("broadcasting: time, of the faster of NumPy and PyTorch", PEERS, time=1.0),
    "rows, small": Goal(
        "softmax, cross-entropy with gradient, 256×10: time, of the faster of NumPy and PyTorch", PEERS, time=0.3
    ),
    "rows, large": Goal(
        "the same, 4096×1000 and 1024×32000: time, of the faster of NumPy and PyTorch", PEERS, time=0.5
    ),
    "reductions": Goal(
        "sum, max, mean over rows and columns: time, of the faster of NumPy and PyTorch", PEERS, time=1.0
    ),
    "argmax": Goal("argmax over rows and columns: time, of the faster of NumPy and PyTorch", PEERS, time=0.9),
    "attention layer": Goal(
        "a training step of an attention layer, 4 heads of 64 over 128 positions: time, of PyTorch's",
        ("torch",),
        time=0.7,
        threads=1,
    ),
    "attention": Goal(
        "attention with its gradient, 16 to 2048 positions, causal and not: time, of PyTorch's", ("torch",), time=0.8
    ),
    "attention, composed": Goal(
        "the same of 2 to 64 positions: time, of that composed of products and softmax", ("composed",), time=1.0
    ),
    "tape": Goal("one small recorded operation, forward and backward: time, of PyTorch's", ("torch",), time=0.5),
    "sparse": Goal(
        "a tridiagonal Jacobian and Hessian, n = 1000: speed, of a walk for each column", ("one by one",), speed=100
    ),
    "sparse, JAX": Goal("the same: time, of JAX's jitted dense one", ("jax",), time=0.5),
    "Jacobian 60": Goal("the Jacobian of tanh(A x), n = 60: time, of torch.func's", ("torch",), time=0.15, threads=1),
    "Jacobian 60, JAX": Goal("the same: time, of JAX's jitted one", ("jax",), time=1.6, threads=1),
    "Jacobian 300": Goal("the same, n = 300: time, of torch.func's", ("torch",), time=0.8, threads=1),
    "Jacobian 300, JAX": Goal("the same: time, of JAX's jitted one", ("jax",), time=1.1, threads=1),
    "Hessian 20": Goal("the Hessian of Rosenbrock's function, n = 20: time, of torch.func's", ("torch",), time=0.10),
    "Hessian 20, JAX": Goal("the same: time, of JAX's jitted one", ("jax",), time=10),
    "Hessian 50": Goal("the Hessian of logistic regression, n = 50: time, of torch.func's", ("torch",), time=0.10),
    "Hessian 50, JAX": Goal("the same: time, of JAX's jitted one", ("jax",), time=2.7),
    "per example": Goal("the gradients of 64 examples, 20-32-5: time, of torch.func's", ("torch",), time=0.25),
    "per example, JAX": Goal("the same: time, of JAX's jitted one", ("jax",), time=3.3),
    "Gaussian process": Goal(
        "the marginal likelihood of a Gaussian process of 120 points, with gradient: time, of PyTorch's",
        ("torch",),
        time=1.0,
    ),
    "epoch": Goal("an epoch of 784-256-10, batch 256: time, of PyTorch's", ("torch",), time=0.5),
    "epoch, JAX": Goal("an epoch of 784-256-10, batch 256: time, of JAX's jitted step", ("jax",), time=0.75),
    "softmax epoch": Goal("an epoch of softmax regression, batch 256: time, of PyTorch's", ("torch",), time=0.3),
    "epoch, small batch": Goal("an epoch of 784-256-10, batch 32: time, of PyTorch's", ("torch",), time=0.4),
    "epoch, threads": Goal("an epoch of 784-256-10, two threads: speed, of one thread's", ("1 thread",), speed=1.6),
    "estimator epoch": Goal(
        "an epoch of scikit-learn's MLPClassifier's 784-100-10, batch 200, Adam, on pixels / 255: time, of its own",
        ("scikit-learn",),
        time=0.25,
    ),
    "epoch, memory": Goal("peak memory of the training process, of PyTorch's", ("torch",), time=0.4),
    "CNN, memory": Goal("memory of a step of the plain CNN, batch 256, of PyTorch's", ("torch",), time=0.6),
    "CNN, threads": Goal(
        "a step of LeNet and the plain CNN, two threads: speed, of one thread's", ("1 thread",), speed=1.6
    ),
    "LeNet, batch 256": Goal("a step of LeNet, batch 256: time, of PyTorch's", ("torch",), time=0.50, threads=1),
    "LeNet, batch 256, either layout": Goal("the same: time, of PyTorch's better layout", EITHER, time=0.55, threads=1),
    "LeNet, batch 32": Goal("a step of LeNet, batch 32: time, of PyTorch's", ("torch",), time=0.52, threads=1),
    "LeNet, batch 32, either layout": Goal("the same: time, of PyTorch's better layout", EITHER, time=0.58, threads=1),
    "plain, batch 256": Goal(
        "a step of a plain CNN, 1-32-64-128-10, batch 256: time, of PyTorch's", ("torch",), time=0.45, threads=1
    ),
    "plain, batch 256, either layout": Goal("the same: time, of PyTorch's better layout", EITHER, time=0.58, threads=1),
    "plain, batch 32": Goal(
        "a step of a plain CNN, 1-32-64-128-10, batch 32: time, of PyTorch's", ("torch",), time=0.50, threads=1
    ),
    "plain, batch 32, either layout": Goal("the same: time, of PyTorch's better layout", EITHER, time=0.62, threads=1),
    "residual, batch 256": Goal(
        "a step of two residual blocks of 64 channels, batch 256: time, of PyTorch's", ("torch",), time=0.60, threads=1
    ),
    "residual, batch 256, either layout": Goal(
        "the same: time, of PyTorch's better layout", EITHER, time=0.70, threads=1
    ),
    "LSTM step": Goal(
        "a step of an LSTM of 128 units, 35 steps, batch 32: time, of PyTorch's", ("torch",), time=0.70, threads=1
    ),
    "import": Goal("import: time, of NumPy's import and 40 ms", ("numpy and 40 ms",), time=1.0),
    **{
        f"program, {name}{of}": Goal(f"{what}: time of a program, of {whose}", (against,), time=limit, threads=1)
        for name, (what, *limits) in PROGRAMS.items()
        for limit, (of, whose, against) in zip(limits, _OF_PROGRAMS, strict=False)
    },
    "program, first calls": Goal(
        "the first three calls of the Hessian, n = 20, as a program: time, of 30 ms", ("30 ms",), time=1.0
    ),
    "program, memory": Goal("memory of the program of an unrolled loop, of all its blocks", ("all blocks",), time=0.25),
    "busy neighbour": Goal(
        "two threads while another process keeps a core busy: time, of one thread's", ("1 thread",), time=1.15
    ),
    "loader": Goal("a pass of the loader over shuffled data: time, of plain indexing here", ("indexing",), time=1.3),
}

# bench_everywhere.py: the geometric mean of all operations' time over PyTorch's at most, by direction and items; and
# from where on a row is slower, of which there may be a twentieth.
EVERYWHERE = {
    ("forward", 256): 0.65, ("forward", 10_000): 0.50, ("forward", 1_000_000): 0.45,
    ("backward", 256): 0.36, ("backward", 10_000): 0.38, ("backward", 1_000_000): 0.42,
}  # fmt: skip
SLOWER = 1.15
