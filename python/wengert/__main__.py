# PYTHON_ARGCOMPLETE_OK
"""The command line: train, evaluate, predict, plot, info. `wengert COMMAND --help` says what each takes."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import wengert as wg

from . import distributed, machine
from ._terminal import printable

# The options of a network and its training, by which `wengert.train.Settings` calls them.
_OF_THE_NETWORK = (
    "model", "hidden", "epochs", "batch_size", "lr", "momentum", "weight_decay", "schedule", "augment", "patience",
    "seed", "dtype",
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The options of all commands.

    Nothing of training is imported for it, so that `--help` answers at once.
    """
    top = argparse.ArgumentParser(prog="wengert", description="Tensor autodiff for the CPU.")
    top.add_argument("--version", action="version", version=f"wengert {wg.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    _add_train(commands.add_parser("train", help="train a network on Fashion-MNIST"))

    evaluate = commands.add_parser("evaluate", help="judge a trained network on the test images")
    predict = commands.add_parser("predict", help="say what is in a picture")
    plot = commands.add_parser("plot", help="draw a run: curves, mistakes, first layer, confusion matrix")
    for command in (evaluate, predict, plot):
        command.add_argument("run", metavar="RUN", help="the directory that `wengert train` has named")
        command.add_argument("--best", action="store_true", help="use the weights of the best epoch, not of the last")
        _add_threads(command)
        _add_telling(command)
    _add_distributed(evaluate)
    for command in (evaluate, plot):
        _add_data(command)
    predict.add_argument(
        "images", metavar="IMAGE", nargs="+", help="pictures or IDX files; other sizes than 28x28 are resized"
    )
    predict.add_argument("--invert", action="store_true", help="for dark clothes on a bright background")
    plot.add_argument("--out", metavar="DIR", help="where to write the pictures (default: RUN)")

    _add_json(commands.add_parser("info", help="describe this machine and build, and measure its ceilings"))
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
    resume = "go on with a run that was stopped, with its own settings; with --epochs, up to that number of epochs"
    train.add_argument("--resume", metavar="RUN", help=resume)
    train.add_argument("--compile", action="store_true", help="run updates as programs, with the same results")
    train.add_argument("--no-progress", action="store_true", help="no progress bar")
    _add_distributed(train)
    _add_threads(train)
    _add_telling(train)
    _add_data(train)


def _add_threads(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--threads", type=_positive, metavar="N", help="to compute with (default: what the machine has)"
    )


def _add_json(command: argparse.ArgumentParser) -> None:
    results = "print results as lines of JSON, and what is meant for people on standard error"
    command.add_argument("--json", action="store_true", help=results)


def _add_telling(command: argparse.ArgumentParser) -> None:
    _add_json(command)
    command.add_argument("-v", "--verbose", action="store_true", help="tell where data and weights came from")


def _add_distributed(command: argparse.ArgumentParser) -> None:
    command.add_argument("--distributed", action="store_true", help="share the work among the ranks of `mpirun`")


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data-dir", metavar="DIR", help="where the four files are (default: $WENGERT_DATA, then the cache)"
    )


def _natural(text: str) -> int:
    return _whole(text, 0)


def _positive(text: str) -> int:
    return _whole(text, 1)


def _whole(text: str, least: int) -> int:
    with contextlib.suppress(ValueError):
        if (value := int(text)) >= least:
            return value
    raise argparse.ArgumentTypeError(f"expected a whole number >= {least}, got {text!r}")


def _rate(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (value := float(text)) < float("inf"):
            return value
    raise argparse.ArgumentTypeError(f"expected a finite number >= 0, got {text!r}")


def _misfit(options: argparse.Namespace, processes: int) -> str | None:
    """Why an option that is given does not apply beside the others; None if all do."""
    given = vars(options)
    if options.command != "train":
        return None
    if options.resume is not None:
        settled = [name for name in (*_OF_THE_NETWORK, "out") if name != "epochs"]
        if names := [name for name in settled if given.get(name) is not None]:
            listed = ", ".join("--" + name.replace("_", "-") for name in names)
            return f"a run that --resume goes on with keeps its own settings, but for --epochs; leave out {listed}"
    if "hidden" in given and given.get("model", "mlp") != "mlp":
        return f"--hidden is for --model mlp; --model {given['model']} has layers of its own"
    if "momentum" in given and given.get("schedule") == "onecycle":
        return "--momentum does not apply with --schedule onecycle, which moves the momentum itself, from 0.95 to 0.85"
    if options.compile and processes > 1:
        return "--compile is for one process; where several train together, updates run as ever"
    return None


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
        with _results(options) as options.tell:
            return _command(options)(options)
    except BrokenPipeError:  # whoever read the output, as `head` does, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError, ImportError, ArithmeticError, MemoryError) as error:
        return distributed.fail(f"wengert {options.command}: {printable(str(error) or type(error).__name__)}", 1)
    except KeyboardInterrupt:
        return distributed.fail(f"\nwengert {options.command}: stopped by Ctrl-C", 130)


@contextlib.contextmanager
def _results(options: argparse.Namespace) -> Iterator[Callable[..., None]]:
    """What a command tells its results: with --json a line each, while all else it prints goes to standard error."""
    if not getattr(options, "json", False):
        yield lambda **result: None
        return
    out = sys.stdout

    def tell(**result: Any) -> None:
        """One object, in plain ASCII, which can move no terminal."""
        print(json.dumps(_finite(result), allow_nan=False), file=out, flush=True)

    with contextlib.redirect_stdout(sys.stderr):
        yield tell


def _finite(value: Any) -> Any:
    """A result for JSON, which has no word for what is not finite: null takes its place."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _complete(top: argparse.ArgumentParser) -> None:
    """Answer the shell that asks how a line goes on, if argcomplete, the extra `completion`, is installed."""
    if "_ARGCOMPLETE" in os.environ:
        with contextlib.suppress(ImportError):
            import argcomplete

            argcomplete.autocomplete(top)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; of several processes that a launcher of MPI has started alike, the first says what is wrong."""
    rank, size = distributed.launched()
    quiet = io.StringIO() if rank else None
    with contextlib.redirect_stdout(quiet or sys.stdout), contextlib.redirect_stderr(quiet or sys.stderr):
        top = parser()
        _complete(top)
        options = top.parse_args(arguments)
        if misfit := _misfit(options, size):
            top.error(f"{options.command}: {misfit}")
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
    if options.json:
        options.tell(**machine.describe(), ceilings=machine.ceilings())
    else:
        print(machine.report())
    return 0


if __name__ == "__main__":
    sys.exit(main())
