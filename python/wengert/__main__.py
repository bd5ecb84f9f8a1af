"""The command line: train, evaluate, predict, plot, info. `wengert COMMAND --help` says what each takes."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import wengert as wg

from . import distributed, machine
from ._terminal import printable


def parser() -> argparse.ArgumentParser:
    """The options of all commands.

    Nothing of training is imported for it, so that `--help` answers at once.
    """
    top = argparse.ArgumentParser(prog="wengert", description="Tensor autodiff for the CPU.")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    _add_train(commands.add_parser("train", help="train a network on Fashion-MNIST"))

    evaluate = commands.add_parser("evaluate", help="judge a trained network on the test images")
    predict = commands.add_parser("predict", help="say what is in a picture")
    plot = commands.add_parser("plot", help="draw a run: curves, mistakes, first layer, confusion matrix")
    for command in (evaluate, predict, plot):
        command.add_argument("run", metavar="RUN", help="the directory that `wengert train` has named")
        command.add_argument("--best", action="store_true", help="use the weights of the best epoch, not of the last")
        _add_threads(command)
    _add_distributed(evaluate)
    for command in (evaluate, plot):
        _add_data(command)
    predict.add_argument(
        "images", metavar="IMAGE", nargs="+", help="pictures or IDX files; other sizes than 28x28 are resized"
    )
    predict.add_argument("--invert", action="store_true", help="for dark clothes on a bright background")
    plot.add_argument("--out", metavar="DIR", help="where to write the pictures (default: RUN)")

    commands.add_parser("info", help="describe this machine and build, and measure its ceilings")
    return top


def _add_train(train: argparse.ArgumentParser) -> None:
    """The options of `wengert train`.

    Those of the network and its training have no default here: what is not given is up to `wengert.train.Settings`, or
    with --resume to the run.
    """
    network = train.add_argument_group("the network and its training")

    def option(name: str, text: str, **kind: Any) -> None:
        network.add_argument(name, default=argparse.SUPPRESS, help=text, **kind)

    models = "multilayer perceptron (default), softmax regression, LeNet or a plain convolutional network"
    option("--model", models, choices=("mlp", "softmax", "lenet", "cnn"))
    option("--hidden", "widths of the hidden layers (default: 256)", type=_positive, nargs="+", metavar="N")
    option("--epochs", "(default: 10)", type=_natural, metavar="N")
    option("--batch-size", "(default: 256)", type=_positive, metavar="N")
    option("--lr", "learning rate (default: 0.1)", type=_rate, metavar="X")
    option("--momentum", "(default: 0.9)", type=_rate, metavar="X")
    option("--weight-decay", "(default: 0)", type=_rate, metavar="X")
    schedules = (
        "of the learning rate: constant (default), down along a cosine, up and down, or a tenth after each third"
    )
    option("--schedule", schedules, choices=("constant", "cosine", "onecycle", "step"))
    augment = "move training images by up to N pixels (default: 0; without a number 2) and mirror half of them"
    option("--augment", augment, type=_natural, nargs="?", const=2, metavar="N")
    patience = "stop after N epochs without better accuracy on the test images (default: 0, never)"
    option("--patience", patience, type=_natural, metavar="N")
    option("--seed", "(default: 0)", type=_natural, metavar="N")
    option("--dtype", "(default: float32)", choices=("float32", "float64"))
    train.add_argument("--out", metavar="DIR", help="directory for the run (default: a new one under runs/)")
    train.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped, with its own settings")
    train.add_argument("--compile", action="store_true", help="run updates as programs, with the same results")
    train.add_argument("--no-progress", action="store_true", help="no progress bar")
    _add_distributed(train)
    _add_threads(train)
    _add_data(train)


def _add_threads(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--threads", type=_positive, metavar="N", help="to compute with (default: what the machine has)"
    )


def _add_distributed(command: argparse.ArgumentParser) -> None:
    command.add_argument("--distributed", action="store_true", help="share the work among the ranks of `mpirun`")


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data-dir", metavar="DIR", help="where the four files are (default: $WENGERT_DATA, then the cache)"
    )


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
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        The exit status: 0, 1 after an error, 130 after Ctrl-C. Wrong usage exits with 2.
    """
    options = _parsed(arguments)
    try:
        return _command(options)(options)
    except BrokenPipeError:  # whoever read the output, as `head` does, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError, ImportError, ArithmeticError, MemoryError) as error:
        return distributed.fail(f"wengert {options.command}: {printable(str(error) or type(error).__name__)}", 1)
    except KeyboardInterrupt:
        return distributed.fail(f"\nwengert {options.command}: stopped by Ctrl-C", 130)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; of several processes that a launcher of MPI has started alike, the first says what is wrong."""
    rank, size = distributed.launched()
    quiet = io.StringIO() if rank else None
    with contextlib.redirect_stdout(quiet or sys.stdout), contextlib.redirect_stderr(quiet or sys.stderr):
        options = parser().parse_args(arguments)
        if size > 1 and not getattr(options, "distributed", False):
            able = options.command in ("train", "evaluate")
            instead = "--distributed lets them share the work" if able else "start it without mpirun"
            text = f"started as {size} processes, each of which would do the same; {instead}"
            print(f"wengert {options.command}: {text}", file=sys.stderr)
            sys.exit(2)
    return options


def _command(options: argparse.Namespace) -> Callable[[argparse.Namespace], int]:
    if options.command == "info":
        return info
    command: Callable[[argparse.Namespace], int] = getattr(wg.train.commands, options.command)
    return command


def info(options: argparse.Namespace) -> int:
    """`wengert info`."""
    print(machine.report())
    return 0


if __name__ == "__main__":
    sys.exit(main())
