"""The command line: `wengert train` trains a network on Fashion-MNIST, `wengert info` describes this machine and build."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def parser() -> argparse.ArgumentParser:
    """The options of all commands."""
    top = argparse.ArgumentParser(prog="wengert", description="Tensor autodiff for the CPU.")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    train = commands.add_parser(
        "train", help="train a network on Fashion-MNIST", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    train.add_argument("--model", choices=("mlp", "softmax"), default="mlp", help="multilayer perceptron or softmax regression")
    train.add_argument("--hidden", type=_positive, nargs="+", default=[256], metavar="N", help="widths of the hidden layers")
    train.add_argument("--epochs", type=_natural, default=10)
    train.add_argument("--batch-size", type=_positive, default=256)
    train.add_argument("--lr", type=_rate, default=0.1, help="learning rate")
    train.add_argument("--momentum", type=_rate, default=0.9)
    train.add_argument("--weight-decay", type=_rate, default=0.0)
    train.add_argument("--seed", type=_natural, default=0)
    train.add_argument("--threads", type=_positive, default=None, help="threads to compute with (default: what the machine has)")
    train.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    train.add_argument("--data-dir", default=None, help="where the four files are (default: $WENGERT_DATA, then the cache)")
    train.add_argument("--out", default=None, help="directory for the run (default: a new one under runs/)")
    train.add_argument("--no-progress", action="store_true", help="no progress bar")
    commands.add_parser("info", help="describe this machine and build")
    return top


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a number >= 0, got {text}")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number >= 1, got {text}")
    return value


def _rate(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a finite number >= 0, got {text}")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit status."""
    options = parser().parse_args(arguments)
    try:
        return {"train": train, "info": info}[options.command](options)
    except (OSError, ValueError, ImportError, ArithmeticError) as error:
        print(f"wengert {options.command}: {error}", file=sys.stderr)
        return 1


class _FashionData:
    """The two loaders that the trainer asks for."""

    def __init__(self, train_set: Any, test_set: Any, batch_size: int, generator: Any) -> None:
        from .data import DataLoader

        self.train = DataLoader(train_set, batch_size, shuffle=True, generator=generator)
        self.test = DataLoader(test_set, 1000)

    def train_dataloader(self) -> Any:
        return self.train

    def val_dataloader(self) -> Any:
        return self.test


def train(options: argparse.Namespace) -> int:
    """`wengert train`."""
    import numpy as np

    import wengert as wg

    from .data import fashion_mnist_or_stand_in
    from .train import Classification, Run, Trainer, mlp, softmax_regression
    from .train.run import fresh_directory
    from .train.tasks import confusion, confusion_table

    if options.threads is not None:
        wg.set_num_threads(options.threads)
    train_set, test_set, real, message = fashion_mnist_or_stand_in(options.data_dir)
    print(message)
    name = f"{options.model}-{'-'.join(map(str, options.hidden))}" if options.model == "mlp" else "softmax"
    path = Path(options.out) if options.out else fresh_directory("runs", name)
    settings = {key: value for key, value in vars(options).items() if key not in ("command", "out", "no_progress")}
    run = Run(path, {**settings, "data": "Fashion-MNIST" if real else "SyntheticFashion", "version": wg.__version__})

    before = wg.get_default_dtype()
    wg.set_default_dtype(options.dtype)
    try:
        wg.manual_seed(options.seed)
        net = mlp(options.hidden) if options.model == "mlp" else softmax_regression()
        task = Classification(net, options.lr, options.momentum, options.weight_decay)
        data = _FashionData(train_set, test_set, options.batch_size, wg.Generator().manual_seed(options.seed))
        trainer = Trainer(options.epochs, callbacks=[run], progress=not options.no_progress)
        start = time.perf_counter()
        history = trainer.fit(task, data)
        seconds = time.perf_counter() - start
        labels = np.asarray(test_set.targets)
        with wg.no_grad():
            predicted = np.concatenate([task.predict(x) for x, _ in data.test])
    finally:
        wg.set_default_dtype(before)

    if trainer.interrupted:
        print(f"\nstopped after {trainer.epoch} complete epoch(s); this is what was reached")
    if len(history):
        print(history.table())
    print(f"\n{trainer.step} updates in {seconds:.1f} s with {wg.get_num_threads()} thread(s)")
    print("\nconfusion on the test images (rows: true class, columns: predicted)")
    counts = confusion(predicted, labels, 10)
    print(confusion_table(counts, test_set.classes))
    print(f"test accuracy {np.trace(counts) / counts.sum():.4f}")
    run.write_weights(task.state_dict())
    if len(history):
        run.write_history(history)
        run.write_curves(history)
    run.write_text("confusion.txt", confusion_table(counts, test_set.classes) + "\n")
    print(f"the run is in {path}")
    if not real:
        print(message)
    return 130 if trainer.interrupted else 0


def info(options: argparse.Namespace) -> int:
    """`wengert info`."""
    import platform

    import numpy as np

    import wengert as wg

    from . import _kernels

    print(f"wengert {wg.__version__}, Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}")
    print(f"instruction set {_kernels.isa()} (available: {', '.join(_kernels.available_isas())})")
    print(f"threads {wg.get_num_threads()}")
    for dtype in ("float32", "float64"):
        print(f"fused multiply-add ceiling, one thread, {dtype}: {_kernels.peak_flops(dtype) / 1e9:.0f} GFLOP/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
