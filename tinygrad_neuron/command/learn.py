"""One neuron learns: the textbook line, or a column of a table from the others."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from tinygrad_neuron.command.dataset import Classes, Dataset, Part, make_dataset
from tinygrad_neuron.command.draw import check_layout, save_picture
from tinygrad_neuron.command.table import read_table
from tinygrad_neuron.engine import Value, no_grad
from tinygrad_neuron.losses import bce_loss, mse_loss
from tinygrad_neuron.nn import Neuron
from tinygrad_neuron.optim import SGD

Criterion = Callable[[list[Value], list[float]], Value]


class Diverged(Exception):
    """The loss ran away: when, at which learning rate, how, and what to try."""

    def __init__(self, epoch: int, lr: float, how: str) -> None:
        where = f"diverged at epoch {epoch} at the learning rate {lr:g}"
        super().__init__(f"{where}: {how}; try --lr {lr / 10:g}")


def learn_line(lr: float | None, epochs: int | None, picture: Path | None) -> None:
    """Learn y = 3x + 1 from four points on it."""
    if picture:
        check_layout(picture)
    neuron = Neuron(1)
    neuron.load_state_dict({"w1": 0.5, "b": 0.0})
    w, b = neuron.parameters()
    points = Part([[1.0], [2.0], [3.0], [4.0]], [4.0, 7.0, 10.0, 13.0])
    for step, loss in enumerate(train(neuron, mse_loss, points, lr or 0.01, epochs or 100)):
        if step % 20 == 0:
            print(f"Step {step}: w={w:.2f}, b={b:.2f}, loss={loss:.4f}")
    print(f"Learned: y = {w:.2f}x + {b:.2f}")
    if picture:
        save_graph(neuron, {"x": points.rows[0][0]}, "y", picture)


def learn_table(
    path: Path,
    *,
    target: str | None,
    classes: Classes | None,
    one_class: str | None,
    holdout: float | None,
    lr: float | None,
    epochs: int | None,
    seed: int,
    picture: Path | None,
) -> None:
    """Learn a table's target: two classes with a sigmoid neuron, numbers with a linear one."""
    if picture:
        check_layout(picture)
    rng = random.Random(seed)
    data = make_dataset(read_table(path), target, classes, one_class, holdout or 0.0, rng)
    n = len(data.scales)
    if data.classes:
        print("{} = 0, {} = 1".format(*data.classes))
        neuron, criterion, usual_lr = Neuron(n, Value.sigmoid, rng), bce_loss, 0.5
    else:
        neuron, criterion, usual_lr = Neuron(n, None, rng), mse_loss, 0.1
    epochs = epochs or 200
    for epoch, loss in enumerate(train(neuron, criterion, data.training, lr or usual_lr, epochs)):
        if epoch % math.ceil(epochs / 10) == 0 or epoch == epochs - 1:
            print(f"Epoch {epoch}, Loss: {loss:.4g}")
    print()
    print_weights(neuron, data)
    print()
    parts = {"": data.training}
    if data.held_out.rows:
        parts = {" (training)": data.training, " (held out)": data.held_out}
    for name, part in parts.items():
        predictions, loss = evaluate(neuron, criterion, part)
        print(f"{'loss' + name:24}{loss:.4g}")
        if data.classes:
            right = sum((p >= 0.5) == (t == 1) for p, t in zip(predictions, part.targets))
            print(f"{'accuracy' + name:24}{100 * right / len(predictions):.1f} %")
    if picture:
        label = f"probability of {data.classes[1]}" if data.classes else data.target
        save_graph(neuron, dict(zip(data.scales, data.training.rows[0])), label, picture)


def train(
    neuron: Neuron, criterion: Criterion, part: Part, lr: float, epochs: int
) -> Iterator[float]:
    """Predict, measure the error, adjust, repeat; yields the loss of each epoch.

    Diverged: when the loss overflows, the loss or a weight is not finite, or the loss is over a
    million times the first; after the last update too.
    """
    optimizer = SGD(neuron.parameters(), lr)
    first = math.inf
    for epoch in range(epochs):
        try:
            # forward pass
            predictions = [neuron(row) for row in part.rows]
            # loss
            loss = criterion(predictions, part.targets)
            # backward pass
            optimizer.zero_grad()
            loss.backward()
            # update
            optimizer.step()
        except OverflowError:
            raise Diverged(epoch, lr, "the loss overflows a float") from None
        if epoch == 0:
            first = loss.item()
        check(epoch, lr, neuron, loss.item(), first)
        yield loss.item()
    check(epochs - 1, lr, neuron, evaluate(neuron, criterion, part)[1], first)


def check(epoch: int, lr: float, neuron: Neuron, loss: float, first: float) -> None:
    if not all(math.isfinite(x) for x in (loss, *neuron.state_dict().values())):
        raise Diverged(epoch, lr, "the loss or a weight is not finite any more")
    if loss > 1e6 * first:
        raise Diverged(epoch, lr, f"the loss grew from {first:.4g} to {loss:.4g}")


def evaluate(neuron: Neuron, criterion: Criterion, part: Part) -> tuple[list[Value], float]:
    """The predictions and their loss, which is inf where it overflows."""
    with no_grad():
        predictions = [neuron(row) for row in part.rows]
        try:
            return predictions, criterion(predictions, part.targets).item()
        except OverflowError:
            return predictions, math.inf


def save_graph(neuron: Neuron, row: dict[str, float], label: str, path: Path) -> None:
    """Draw what the neuron makes of a row."""
    inputs = {name: Value(x, label=name) for name, x in row.items()}
    prediction = neuron(inputs.values())
    prediction.label = label
    neuron.zero_grad()
    prediction.backward()
    save_picture(prediction, path, {"neuron": neuron, "row": inputs})


def print_weights(neuron: Neuron, data: Dataset) -> None:
    """The weights of standardised inputs and in the table's own units, and the equation."""
    names = [*data.scales, "bias"]
    own = [w.data / scale.deviation for w, scale in zip(neuron.w, data.scales.values())]
    bias = neuron.b.data - sum(w * s.mean for w, s in zip(own, data.scales.values()))
    # A column that lies far from 0, such as a year, needs as many more digits as it is far.
    farthest = max(1.0, *(abs(s.mean) / s.deviation for s in data.scales.values()))
    digits = min(17, 4 + math.floor(math.log10(farthest)))
    width, wide = max(map(len, names)), digits + 8
    print(f"{'':{width}}  {'standardised':>12}  {'own units':>{wide}}")
    for name, standardised, weight in zip(names, neuron.parameters(), [*own, bias]):
        print(f"{name:{width}}  {standardised:12.4g}  {weight:{wide}.{digits}g}")
    print()
    terms = [*zip(own, data.scales), (bias, "")]
    signed = [f"{'-' if w < 0 else '+'} {abs(w):.{digits}g}{'*' * bool(n)}{n}" for w, n in terms]
    total = " ".join(signed).removeprefix("+ ")
    if data.classes:
        print(f"probability of {data.classes[1]} = sigmoid({total})")
    else:
        print(f"{data.target} = {total}")
