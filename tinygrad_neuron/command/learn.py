"""One neuron learns: the textbook line, or a column of a table from the others."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tinygrad_neuron.command.dataset import Classes, Dataset, Part, Scale, make_dataset
from tinygrad_neuron.command.draw import check_layout, save_picture
from tinygrad_neuron.command.errors import Diverged, Interrupted
from tinygrad_neuron.command.model_file import Model, model_of, save_model
from tinygrad_neuron.command.output import check_outputs, say
from tinygrad_neuron.command.plot import check_matplotlib, save_diverged_plot, save_plot
from tinygrad_neuron.command.table import STDIN, read_table
from tinygrad_neuron.command.training import (
    Criterion,
    Interruptible,
    evaluate,
    train,
    train_until_done,
)
from tinygrad_neuron.engine import Value
from tinygrad_neuron.losses import bce_loss, mse_loss
from tinygrad_neuron.nn import Neuron
from tinygrad_neuron.view.notation import cells, padded

LINE = Dataset(
    "y", None, {"x": Scale(0.0, 1.0)}, Part([[1.0], [2.0], [3.0], [4.0]], [4.0, 7.0, 10.0, 13.0]),
    Part([], []),
)  # fmt: skip


class Files(NamedTuple):
    """What is to be written, each a path or None.

    picture  the graph of the first row
    plot     the loss, and what was learned from one or two inputs
    model    what was learned
    """

    picture: Path | None
    plot: Path | None
    model: Path | None

    def check(self, *tables: Path) -> None:
        """InputError before anything is learned, if something could not be written after."""
        check_outputs([path for path in self if path], tables)
        if self.picture:
            check_layout(self.picture)
        if self.plot:
            check_matplotlib()

    @contextmanager
    def plotting_divergence(self) -> Iterator[None]:
        """Where the training diverges, its losses are plotted before the command fails."""
        try:
            yield
        except Diverged as error:
            if self.plot:
                save_diverged_plot(error.losses, error.epoch, self.plot)
            raise

    def save(self, neuron: Neuron, data: Dataset, losses: list[float]) -> None:
        model = model_of(neuron, data)
        if self.model:
            save_model(model, self.model)
        if self.plot:
            save_plot(losses, model, data, self.plot)
        if self.picture:
            save_graph(neuron, data, self.picture)


def learn_line(lr: float | None, epochs: int | None, files: Files) -> None:
    """Learn y = 3x + 1 from four points on it. Interrupted: by Ctrl-C, after the report."""
    files.check()
    neuron = Neuron(1)
    neuron.load_state_dict({"w1": 0.5, "b": 0.0})
    w, b = neuron.parameters()

    def line_for(step: int, loss: float) -> str:
        return "" if step % 20 else f"Step {step}: w={w:.2f}, b={b:.2f}, loss={loss:.4f}"

    epochs = epochs or 100
    with Interruptible() as interruption:
        steps = train(neuron, mse_loss, LINE.training, lr or 0.01, epochs)
        with files.plotting_divergence():
            losses = train_until_done(steps, epochs, interruption, line_for)
        say(f"Learned: y = {w:.2f}x + {b:.2f}")
        files.save(neuron, LINE, losses)
    if interruption.asked:
        raise Interrupted


def learn_table(
    path: Path,
    *,
    target: str | None,
    inputs: list[str] | None,
    classes: Classes | None,
    one_class: str | None,
    holdout: float | None,
    lr: float | None,
    epochs: int | None,
    seed: int | None,
    files: Files,
) -> None:
    """Learn a table's target: two classes with a sigmoid neuron, numbers with a linear one.

    Interrupted: by Ctrl-C, after the report.
    """
    files.check(*([] if path == STDIN else [path]))
    rng = random.Random(seed or 0)
    data = make_dataset(read_table(path), target, inputs, classes, one_class, holdout or 0.0, rng)
    n = len(data.scales)
    if data.classes:
        say("{} = 0, {} = 1".format(*data.classes))
        neuron, criterion, usual_lr = Neuron(n, Value.sigmoid, rng), bce_loss, 0.5
    else:
        neuron, criterion, usual_lr = Neuron(n, None, rng), mse_loss, 0.1
    epochs = epochs or 200
    last, often = epochs - 1, math.ceil(epochs / 10)

    def line_for(epoch: int, loss: float) -> str:
        return f"Epoch {epoch}, Loss: {loss:.4g}" if epoch % often == 0 or epoch == last else ""

    with Interruptible() as interruption:
        steps = train(neuron, criterion, data.training, lr or usual_lr, epochs)
        with files.plotting_divergence():
            losses = train_until_done(steps, epochs, interruption, line_for)
        report(neuron, criterion, data)
        files.save(neuron, data, losses)
    if interruption.asked:
        raise Interrupted


def report(neuron: Neuron, criterion: Criterion, data: Dataset) -> None:
    """Print the weights, the equation, the loss, and for classes the accuracy."""
    say()
    print_weights(model_of(neuron, data))
    say()
    parts = {"": data.training}
    if data.held_out.rows:
        parts = {" (training)": data.training, " (held out)": data.held_out}
    for name, part in parts.items():
        predictions, loss = evaluate(neuron, criterion, part)
        say(f"{'loss' + name:24}{loss:.4g}")
        if data.classes and data.held_out.rows:
            counts = [part.targets.count(kind) for kind in (0.0, 1.0)]
            rows = ", ".join(f"{n} {word}" for n, word in zip(counts, data.classes))
            say(f"{'rows' + name:24}{rows}")
        if data.classes:
            right = sum((p >= 0.5) == (t == 1) for p, t in zip(predictions, part.targets))
            say(f"{'accuracy' + name:24}{100 * right / len(predictions):.1f} %")


def print_weights(model: Model) -> None:
    """The weights of standardised inputs and in the table's own units, and the equation."""
    names = [*model.scales, "bias"]
    own, bias = model.in_own_units()
    # A column that lies far from 0, such as a year, needs as many more digits as it is far.
    farthest = max(1.0, *(abs(s.mean) / s.deviation for s in model.scales.values()))
    digits = min(17, 4 + math.floor(math.log10(farthest)))
    width, wide = max(map(cells, names)), digits + 8
    say(f"{'':{width}}  {'standardised':>12}  {'own units':>{wide}}")
    for name, standardised, weight in zip(names, [*model.weights, model.bias], [*own, bias]):
        say(f"{padded(name, width)}  {standardised:12.4g}  {weight:{wide}.{digits}g}")
    say()
    terms = [*zip(own, model.scales), (bias, "")]
    signed = [f"{'-' if w < 0 else '+'} {abs(w):.{digits}g}{'*' * bool(n)}{n}" for w, n in terms]
    total = " ".join(signed).removeprefix("+ ")
    if model.classes:
        say(f"probability of {model.classes[1]} = sigmoid({total})")
    else:
        say(f"{model.target} = {total}")


def save_graph(neuron: Neuron, data: Dataset, path: Path) -> None:
    """Draw what the neuron makes of the first row."""
    row = dict(zip(data.scales, data.training.rows[0]))
    inputs = {name: Value(x, label=name) for name, x in row.items()}
    prediction = neuron(inputs.values())
    prediction.label = data.answer_name()
    neuron.zero_grad()
    prediction.backward()
    save_picture(prediction, path, {"neuron": neuron, "row": inputs})
