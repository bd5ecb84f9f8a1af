"""The training loop that the command line, the course and users share."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from ..autograd import AnomalyError, detect_anomaly, no_grad
from ..compiling import compile as compiled
from ..distributed import World
from ..nn.modules.parameter import UninitializedParameter
from ..nn.utils import clip_grad_norm_
from ..ops.compare import NotFiniteError, required_finite
from ..tensors.tensor import Tensor
from . import checkpoint, ranks
from .history import History, Means
from .progress import Progress


class Model(Protocol):
    """What a model tells the trainer: its loss on a batch, how it is judged, and how it is optimised."""

    def training_step(self, batch: Any) -> Any: ...
    def validation_step(self, batch: Any) -> Any: ...
    def configure_optimizers(self) -> Any: ...


class Data(Protocol):
    """What a data set tells the trainer: its batches."""

    def train_dataloader(self) -> Iterable[Any]: ...
    def val_dataloader(self) -> Iterable[Any] | None: ...


class _Step(NamedTuple):
    """What comes of a step."""

    metrics: dict[str, float]  # of this rank's part of the batch
    loss: float  # of the whole batch
    examples: int  # in it


class DivergenceError(ArithmeticError):
    """The loss became NaN or infinite. The message names the step, and the first operation that gave such a value.

    Attributes
    ----------
    finding : str
        The message without what it advises.
    """

    def __init__(self, finding: str, advice: str = "") -> None:
        super().__init__("; ".join(part for part in (finding, advice) if part))
        self.finding = finding


class Callback:
    """Something that is told how training goes. Every method may be left as it is.

    Examples
    --------
    >>> class Count(wg.train.Callback):
    ...     steps = 0
    ...     def on_step_end(self, trainer, loss):
    ...         self.steps += 1
    >>> trainer = wg.train.Trainer(max_epochs=3, callbacks=[Count()])
    """

    everywhere = True  # False: of a distributed training, rank 0 alone has it, as what writes files

    def on_fit_start(self, trainer: Trainer) -> None:
        """Before the first epoch, when model, data and optimizer are known."""

    def on_step_end(self, trainer: Trainer, loss: float) -> None:
        """After each update of the parameters."""

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """After each epoch. `metrics` is its row of the history; `trainer.should_stop = True` ends training here."""

    def on_epoch_complete(self, trainer: Trainer) -> None:
        """After all callbacks' `on_epoch_end`: nothing changes before the next epoch, so states can be saved."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch, also when training was interrupted or failed."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint has to keep of this callback, in JSON's types."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""


class Trainer:
    """Fits a model to data.

    Parameters
    ----------
    max_epochs : int
    gradient_clip_val : float
        Limit of the gradients' norm; 0 for none.
    callbacks : sequence of Callback
    progress : bool
        Show a progress bar on standard error.
    stop_on_divergence : bool
        Raise when the loss becomes NaN or infinite, and name the step and the operation.
    unit : str
        What the progress bar calls the examples.
    compile : bool
        Run updates as programs (`wg.compile`), in the same bits: loss, gradients, clipping, the optimizer's step. The
        model's training_step must then look at no value: its metrics are tensors, and numbers of Python's that it reads
        are frozen. Where several ranks train together, updates run as ever.
    distributed : wengert.distributed.World, optional
        The ranks that train together. All begin with rank 0's weights, and each takes its part of every batch; the
        gradients are the whole batch's before they are clipped, and so are metrics and validation. Progress, and
        callbacks that write files, are rank 0's. The loaders are `wengert.data.DataLoader`, made alike on all ranks.

    Attributes
    ----------
    epoch : int
        Epochs completed.
    train_batch_idx, val_batch_idx : int
        Batches seen so far.
    num_train_batches, num_val_batches : int
        Batches of an epoch.
    history : History
    model, train_dataloader, val_dataloader, optim
        What is being fitted, to what, and by what.
    world : wengert.distributed.World
        Of one rank, if training is not distributed.
    reported : dict
        Metrics of the batch at work; a step may put its own here instead of returning them.
    should_stop : bool
        Callbacks set it to end training after this epoch.
    interrupted : bool
        Whether the user stopped training with Ctrl-C; what was reached is kept.

    Raises
    ------
    ValueError
        If a limit is negative; by `fit`, if ranks train different things, or there are not enough examples for all.
    TypeError
        By `fit`, if ranks train together and a loader is no `DataLoader`.
    CompileError
        By `fit` with `compile=True`, if a step makes a number or a decision of a tensor, or does not do the same twice.

    Examples
    --------
    >>> data = wg.d2l.SyntheticRegressionData(w=wg.tensor([2., -3.4]), b=4.2)
    >>> history = wg.train.Trainer(max_epochs=3, progress=False).fit(wg.d2l.LinearRegression(lr=0.03), data)
    >>> len(history), history["train_loss"][0] > history["train_loss"][2]
    (3, True)
    """

    model: Any
    optim: Any
    train_dataloader: Any
    val_dataloader: Any
    _dtype: Any = None
    _trained: Sequence[Any] = ()  # the parameters, where ranks train together
    _program: Callable[..., Any] | None = None  # the update, where it is compiled

    def __init__(
        self, max_epochs: int, *, gradient_clip_val: float = 0.0, callbacks: Sequence[Callback] = (),
        progress: bool = True, stop_on_divergence: bool = True, unit: str = "examples", compile: bool = False,
        distributed: World | None = None,
    ) -> None:  # fmt: skip
        if max_epochs < 0 or gradient_clip_val < 0:
            raise ValueError(
                f"Trainer: expected max_epochs and gradient_clip_val >= 0, got {max_epochs} and {gradient_clip_val}"
            )
        self.max_epochs = max_epochs
        self.gradient_clip_val = gradient_clip_val
        self.world = World() if distributed is None else distributed
        self.callbacks = [callback for callback in callbacks if callback.everywhere or self.world.rank == 0]
        self.progress = progress and self.world.rank == 0
        self.stop_on_divergence = stop_on_divergence
        self.unit = unit
        self.compile = compile
        self._start()

    def _start(self) -> None:
        self.epoch = self.train_batch_idx = self.val_batch_idx = 0
        self.history = History()
        self.reported: dict[str, float] = {}
        self.should_stop = self.interrupted = self._stopping = False

    def fit(self, model: Model, data: Data, *, resume: str | os.PathLike[str] | None = None) -> History:
        """Train until `max_epochs`, until a callback says stop, or until Ctrl-C.

        Ctrl-C lets the update at work end and then stops; a second one raises KeyboardInterrupt at once.

        Parameters
        ----------
        model : has training_step(batch), validation_step(batch), configure_optimizers()
            A step returns the loss of a batch, or a pair of it and a dict of further metrics, numbers or tensors of one
            item. A method attach(trainer), if there is one, is called before all.
        data : has train_dataloader(), val_dataloader()
        resume : path, optional
            A checkpoint to go on from (see `wengert.train.checkpoint`): model, optimizer, callbacks, history, samplers
            and random generators take over its state, and what follows equals the run that was never stopped. Of a
            sampler, or a loader of one's own, the state is what its `state_dict` gives, or else its attributes that are
            numbers, words or generators. Other sources of random numbers, such as `numpy.random`'s global one, are not
            kept.

        Returns
        -------
        History

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite.
        CheckpointError
            If the checkpoint is damaged or belongs to something else.
        """
        self.prepare_data(data)
        self.prepare_model(model)
        self.optim = model.configure_optimizers()
        self._start()
        self._program = self.make_program() if self.compile and self.world.size == 1 else None
        with self.world.together():
            if self.world.size > 1:
                ranks.require_alike(self)
            self._tell("on_fit_start")
            try:
                self._begin(resume)
                with _Interrupts(self):
                    self._fit_epochs()
                self.interrupted = self.world.any(self.interrupted or self._stopping)
            finally:
                self._tell("on_fit_end")
        return self.history

    def _begin(self, resume: str | os.PathLike[str] | None) -> None:
        if self.world.size > 1:
            self._trained = ranks.parameters(self)
            ranks.start(self, resume)
        elif resume is not None:
            checkpoint.load(resume, self)

    @property
    def _ends(self) -> bool:
        """Whether to stop here: an interrupt of any rank counts once all know of it."""
        return self.interrupted if self.world.size == 1 else self._stopping

    def _fit_epochs(self) -> None:
        while self.epoch < self.max_epochs and not self.should_stop:
            metrics = {"epoch": self.epoch + 1, **(self.fit_epoch() or {})}
            if self._ends:
                break
            self.epoch += 1
            self.history.rows.append(metrics)
            self._tell("on_epoch_end", metrics)
            self.should_stop = self.world.any(self.should_stop)
            self._tell("on_epoch_complete")

    def prepare_data(self, data: Data) -> None:
        """Ask the data for its loaders."""
        self.train_dataloader = data.train_dataloader()
        self.val_dataloader = data.val_dataloader()
        self.num_train_batches, self.num_val_batches = _length(self.train_dataloader), _length(self.val_dataloader)

    def prepare_model(self, model: Model) -> None:
        """Take up the model. One with lazy layers is called with a batch's inputs: the optimizer needs the sizes."""
        self.model = model
        if hasattr(model, "attach"):
            model.attach(self)
        parameters = list(model.parameters()) if hasattr(model, "parameters") else []
        if any(isinstance(p, UninitializedParameter) for p in parameters):
            batch = next(iter(self.train_dataloader if self.val_dataloader is None else self.val_dataloader))
            with no_grad():
                model.eval()(*batch[:-1])  # type: ignore[attr-defined]
        self._dtype = next((p.dtype for p in parameters if p.is_floating_point()), None)

    def prepare_batch(self, batch: Any) -> Any:
        """The batch as the model takes it: its floating-point tensors in the dtype of the model's parameters."""
        if isinstance(batch, (list, tuple)):
            return [self.prepare_batch(part) for part in batch]
        if self._dtype is not None and isinstance(batch, Tensor) and batch.is_floating_point():
            return batch.to(self._dtype)
        return batch

    def fit_epoch(self) -> dict[str, float] | None:
        """One pass over the training data and one over the validation data; the epoch's metrics.

        The loaders and their samplers are told the number of epochs before this one by `set_epoch`, if they have it.
        """
        start = time.perf_counter()
        means = Means()
        shown = means if self.world.size == 1 else Means()  # of the progress bar: the loss of all ranks
        self.model.train()
        update = self._update if self._program is None else self._update_by_program
        title = f"epoch {self.epoch + 1}/{self.max_epochs}"
        with Progress(title, self.num_train_batches, self.progress, self.unit) as progress:
            for batch in self._begun(self.train_dataloader):
                step = update(self.prepare_batch(batch))
                means.add(step.metrics, _size(batch))
                if shown is not means:
                    shown.add({**step.metrics, "loss": step.loss}, step.examples)
                progress.advance(shown)
                if self.callbacks:
                    self._tell("on_step_end", step.loss)
                if self._ends:
                    return None
            if self.world.size > 1:
                ranks.share_buffers(self)
            validation = self.evaluate(self._begun(self.val_dataloader))
            means, seconds = self._merged(means, time.perf_counter() - start)
            if self._ends:
                return None
            progress.finish(means, validation)
        judged = {f"val_{name}": value for name, value in validation.items()}
        return {**means.result("train_"), **judged, "seconds": seconds}

    def _merged(self, means: Means, seconds: float) -> tuple[Means, float]:
        """An epoch's metrics over all ranks, and its time on rank 0; an interrupt of one rank becomes one of all."""
        if self.world.size == 1:
            return means, seconds
        found = self.world.all_gather_object((means, seconds, self.interrupted))
        own, times, interrupts = zip(*found, strict=True)
        self._stopping = any(interrupts)
        return Means.merged(own), times[0]

    def _begun(self, loader: Any) -> Any:
        """This rank's batches, after loader and samplers were told which epoch begins, as far as they want to know."""
        for part in checkpoint.parts_of(loader).values():
            if hasattr(part, "set_epoch"):
                part.set_epoch(self.epoch)
        return loader if self.world.size == 1 else ranks.part(self.world, loader)

    def _update(self, batch: Any) -> _Step:
        together, count = self.world.size > 1, _size(batch)
        empty = together and not count
        loss, metrics = (None, {}) if empty else self._measure(self.model.training_step, batch)
        mean = 0.0 if empty else metrics["loss"]
        if not together:
            self._require_finite(mean, batch)
        self.optim.zero_grad()
        if loss is not None:
            loss.backward()
        if together:
            values = [mean, float(self.interrupted)]
            total, (mean, interrupted) = self.world.average_gradients(self._trained, count, values)
            count, self._stopping = round(total), interrupted > 0
            self._require_finite(mean, batch)
        self._move()
        self.train_batch_idx += 1
        return _Step(metrics, mean, count)

    def _move(self) -> None:
        """Change the parameters by their gradients."""
        with no_grad():
            if self.gradient_clip_val > 0:
                self.clip_gradients(self.gradient_clip_val, self.model)
            self.optim.step()

    def make_program(self) -> Callable[..., Any]:
        """The update as a program: anew for every fit, since what it freezes may have changed."""
        return compiled(self._whole_update)

    def _whole_update(self, batch: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """An update, without a look at any value: the metrics, and those that the step has put into `reported`."""
        loss, metrics = self._run(self.model.training_step, batch)
        if self.stop_on_divergence and isinstance(metrics["loss"], Tensor):
            metrics["loss"] = required_finite(metrics["loss"])
        self.optim.zero_grad()
        loss.backward()
        self._move()
        return metrics, self.reported

    def _update_by_program(self, batch: Any) -> _Step:
        assert self._program is not None
        try:
            metrics, self.reported = self._program(batch)
        except NotFiniteError as error:  # before anything was changed
            self._require_finite(error.args[0], batch)
            raise
        self.train_batch_idx += 1
        metrics = _numbers({**metrics, **self.reported})
        return _Step(metrics, metrics["loss"], _size(batch))

    def _require_finite(self, loss: float, batch: Any) -> None:
        if not self.stop_on_divergence or math.isfinite(loss):
            return
        found = self.world.all_gather_object(self._where_it_diverged(batch) if _size(batch) else "")
        where = next((text for text in found if text and not text.startswith(_NOWHERE)), found[0] or _NOWHERE)
        raise DivergenceError(
            f"the loss is {loss} at step {self.train_batch_idx + 1} (epoch {self.epoch + 1}); {where}",
            "a smaller learning rate or gradient clipping may help, and stop_on_divergence=False goes on all the same",
        )

    def _where_it_diverged(self, batch: Any) -> str:
        """The first operation of a step whose result is not finite, found by running the step again."""
        named = getattr(self.model, "named_parameters", dict)
        bad = [name for name, p in dict(named()).items() if not p.detach().isfinite().all()]
        try:
            with detect_anomaly():
                self.model.training_step(batch)
        except AnomalyError as error:
            where = str(error)
        else:
            where = _NOWHERE
        return where if not bad else f"{where}; the update before left {', '.join(bad)} not finite"

    def _measure(self, step: Callable[[Any], Any], batch: Any) -> tuple[Any, dict[str, float]]:
        """The loss that a step returns, and it and the other metrics as numbers."""
        loss, metrics = self._run(step, batch)
        return loss, _numbers({**metrics, **self.reported})

    def _run(self, step: Callable[[Any], Any], batch: Any) -> tuple[Any, dict[str, Any]]:
        """The loss that a step returns, and it and the other metrics as they are returned."""
        self.reported = {}
        result = step(batch)
        loss, metrics = result if isinstance(result, tuple) else (result, {})
        return loss, metrics if loss is None else {"loss": loss.detach(), **metrics}

    def clip_gradients(self, grad_clip_val: float, model: Any) -> None:
        """Scale the gradients of all parameters down together so that their norm is at most `grad_clip_val`."""
        clip_grad_norm_(model.parameters(), grad_clip_val)

    def evaluate(self, loader: Iterable[Any] | None) -> dict[str, float]:
        """The means of the model's metrics over a loader, or over those of all ranks, without recording."""
        means = Means()
        self.model.eval()
        with no_grad():
            for batch in () if loader is None else loader:
                if self.world.size == 1 or _size(batch):
                    means.add(self._measure(self.model.validation_step, self.prepare_batch(batch))[1], _size(batch))
                self.val_batch_idx += 1
                if self.interrupted:
                    break
        self.model.train()
        return Means.merged(self.world.all_gather_object(means)).result()

    def _tell(self, what: str, *args: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, what)(self, *args)


_NOWHERE = "no operation gave it when the step was run again"


class _Interrupts:
    """While training, the first Ctrl-C only sets `trainer.interrupted`, so that no update and no file is cut in two.

    So does SIGTERM where several ranks train: some launchers send it when they get Ctrl-C, and batch systems when the
    time is over. Where signals are none of our business (another thread than the main one, a handler that the program
    has chosen) nothing changes.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.before: dict[int, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        ordinary: dict[int, tuple[Any, ...]] = {signal.SIGINT: (signal.default_int_handler,)}
        if self.trainer.world.size > 1:
            ordinary[signal.SIGTERM] = (signal.default_int_handler, signal.SIG_DFL)
        for number, handlers in ordinary.items():
            if (handler := signal.getsignal(number)) in handlers:
                self.before[number] = handler
                signal.signal(number, self._interrupt)

    def _interrupt(self, number: int, frame: Any) -> None:
        self.trainer.interrupted = True
        signal.signal(number, self.before[number])

    def __exit__(self, *exception: Any) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


def _length(loader: Any) -> int | None:
    """The number of batches: 0 without a loader, None if it cannot tell."""
    return 0 if loader is None else len(loader) if hasattr(loader, "__len__") else None


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    """Metrics, those that are tensors as numbers."""
    return {name: value.item() if isinstance(value, Tensor) else value for name, value in metrics.items()}


def _size(batch: Any) -> int:
    return len(batch[0]) if isinstance(batch, (tuple, list)) else len(batch)
