"""The loop in which a neuron learns a table, and how it ends early."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

from tinygrad_neuron.command.dataset import Part
from tinygrad_neuron.command.errors import Diverged
from tinygrad_neuron.command.output import say
from tinygrad_neuron.engine import Value, no_grad
from tinygrad_neuron.nn import Neuron
from tinygrad_neuron.optim import SGD

Criterion = Callable[[list[Value], list[float]], Value]
BATCH = 1_000  # rows whose graph is in memory at one time
PATIENCE = 1.0  # seconds before the progress is shown


class Interruptible:
    """A context in which the first Ctrl-C asks for an end, and the second one ends at once.

    asked  whether there was one
    """

    def __init__(self) -> None:
        self.asked = False
        self.before = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> Interruptible:
        if self.before != signal.SIG_IGN:  # as of a job that a shell script has put aside
            signal.signal(signal.SIGINT, self.ask)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self.before)

    def ask(self, signum: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def train(
    neuron: Neuron, criterion: Criterion, part: Part, lr: float, epochs: int
) -> Iterator[float]:
    """Predict, measure the error, adjust, repeat; yields the loss of each epoch.

    Rows are learned from in batches, whose gradients add up to that of the whole. Diverged: when
    the loss overflows, the loss or a weight is not finite, or the loss is over a million times the
    first; after the last update too.
    """
    optimizer = SGD(neuron.parameters(), lr)
    losses: list[float] = []
    for epoch in range(epochs):
        total = 0.0
        try:
            optimizer.zero_grad()
            for batch in batches(part):
                # forward pass
                predictions = [neuron(row) for row in batch.rows]
                # loss, of which the batch has a share
                loss = criterion(predictions, batch.targets) * (len(batch.rows) / len(part.rows))
                # backward pass
                loss.backward()
                total += loss.item()
            # update
            optimizer.step()
        except OverflowError:
            raise Diverged(epoch, lr, "the loss overflows a float", losses) from None
        losses.append(total)
        check(lr, neuron, total, losses)
        yield total
    check(lr, neuron, evaluate(neuron, criterion, part)[1], losses)


def batches(part: Part) -> Iterator[Part]:
    for start in range(0, len(part.rows), BATCH):
        end = start + BATCH
        yield Part(part.rows[start:end], part.targets[start:end])


def check(lr: float, neuron: Neuron, loss: float, losses: list[float]) -> None:
    """Diverged if a number is not finite, or if the loss is over a million times the first."""
    epoch, first = len(losses) - 1, losses[0]
    if not all(math.isfinite(x) for x in (loss, *neuron.state_dict().values())):
        raise Diverged(epoch, lr, "the loss or a weight is not finite any more", losses)
    if loss > 1e6 * first:
        raise Diverged(epoch, lr, f"the loss grew from {first:.4g} to {loss:.4g}", losses)


def evaluate(neuron: Neuron, criterion: Criterion, part: Part) -> tuple[list[float], float]:
    """The predictions and their loss, which is inf where it overflows."""
    with no_grad():
        predictions = [neuron(row) for row in part.rows]
        try:
            loss = criterion(predictions, part.targets).item()
        except OverflowError:
            loss = math.inf
    return [prediction.item() for prediction in predictions], loss


def train_until_done(
    losses: Iterator[float],
    epochs: int,
    interruption: Interruptible,
    line_for: Callable[[int, float], str],
) -> list[float]:
    """Go through the epochs until there is an interruption, and return their losses.

    A line is printed for some; on a terminal the progress stands on stderr meanwhile.
    """
    seen: list[float] = []
    start, progress = time.monotonic(), None
    watched = sys.stderr is not None and sys.stderr.isatty()
    try:
        for epoch, loss in enumerate(losses):
            seen.append(loss)
            if watched and not progress and time.monotonic() > start + PATIENCE:
                from tqdm import tqdm  # only where it is seen

                progress = tqdm(total=epochs, initial=epoch, unit="epoch", leave=False)
            line = line_for(epoch, loss)
            if progress:
                progress.set_postfix_str(f"loss {loss:.4g}", refresh=False)
                progress.update()
                if line:
                    progress.clear()
            if line:
                say(line)
            if interruption.asked:
                say(f"Interrupted after epoch {epoch}, Loss: {loss:.4g}")
                break
    finally:
        if progress:
            progress.close()
    return seen
