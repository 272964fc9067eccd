"""What was learned as a picture: the loss, and for two inputs the decision line."""

from __future__ import annotations

import io
import math
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tinygrad_neuron.command.dataset import Dataset
from tinygrad_neuron.command.errors import InputError
from tinygrad_neuron.command.model_file import Model
from tinygrad_neuron.view.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOT_SUFFIXES = (".png", ".svg", ".pdf")
LOGARITHMIC = 50  # times that the highest loss is above the lowest
MARKERS = "ox"  # which tell the classes apart without colours too


def check_plot(path: str) -> None:
    """ValueError unless the path's suffix is that of a plot."""
    if Path(path).suffix.lower() not in PLOT_SUFFIXES:
        raise ValueError(f"a plot's file ends in {', '.join(PLOT_SUFFIXES)}, not {path!r}")


def check_matplotlib() -> None:
    if find_spec("matplotlib") is None:
        raise InputError("a plot needs matplotlib: pip install '.[plots]'")


def save_plot(losses: list[float], model: Model, data: Dataset, path: Path) -> None:
    """Draw the loss by epoch, and two classes of two inputs with the line between them."""
    from matplotlib.figure import Figure

    has_line = model.classes is not None and len(model.scales) == 2
    figure = Figure(figsize=(10 if has_line else 6, 4), layout="constrained")
    loss_axes, *other = figure.subplots(1, 2 if has_line else 1, squeeze=False)[0]
    draw_losses(loss_axes, losses)
    for axes in other:
        draw_points(axes, model, data)
        draw_decision_line(axes, model)
    write_figure(figure, path)


def save_diverged_plot(losses: list[float], epoch: int, path: Path) -> None:
    """Draw the finite losses of a training that diverged."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    draw_losses(axes, [loss for loss in losses if math.isfinite(loss)])
    axes.set_title(f"diverged at epoch {epoch}: lower the learning rate")
    write_figure(figure, path)


def write_figure(figure: Figure, path: Path) -> None:
    import warnings

    from matplotlib import rc_context

    picture, kind = io.BytesIO(), path.suffix[1:].lower()
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}  # the same plot, the same bytes
    # What matplotlib warns of, such as a letter that its font has not, is in the picture.
    with rc_context({"svg.hashsalt": "tinygrad_neuron"}), warnings.catch_warnings(action="ignore"):
        figure.savefig(picture, format=kind, metadata=dates.get(kind))
    try:
        write_whole(path, picture.getvalue())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def draw_losses(axes: Axes, losses: list[float]) -> None:
    axes.plot(losses, marker="o" if len(losses) == 1 else "")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.locator_params(axis="x", integer=True, min_n_ticks=1, nbins=6)
    if min(losses) > 0 and max(losses) > LOGARITHMIC * min(losses):
        axes.set_yscale("log")


def draw_points(axes: Axes, model: Model, data: Dataset) -> None:
    """The rows that were learned from, in the table's own units."""
    for answer, (name, marker) in enumerate(zip(model.classes or (), MARKERS)):
        rows = [r for r, t in zip(data.training.rows, data.training.targets) if t == answer]
        columns = [
            [scale.mean + scale.deviation * row[i] for row in rows]
            for i, scale in enumerate(model.scales.values())
        ]
        axes.scatter(*columns, marker=marker, label=plot_label(name))
    x, y = model.scales
    axes.set(xlabel=plot_label(x), ylabel=plot_label(y))


def plot_label(name: str) -> str:
    """A name as matplotlib must have it: $ begins a formula, and _ keeps it out of the legend."""
    return name.replace("$", r"\$").replace("_", " _", 1 if name.startswith("_") else 0)


def draw_decision_line(axes: Axes, model: Model) -> None:
    """Where the neuron is undecided: w1*x + w2*y + bias = 0."""
    (w1, w2), bias = model.in_own_units()
    if not math.isfinite(w1 + w2 + bias):  # too large for a float
        axes.legend()
        return
    limits = axes.axis()
    if abs(w2) * (limits[3] - limits[2]) > abs(w1) * (limits[1] - limits[0]):
        axes.axline((0, -bias / w2), slope=-w1 / w2, color="black", label="undecided")
    elif w1:
        x_at = [-(bias + w2 * y) / w1 for y in limits[2:]]
        axes.plot(x_at, limits[2:], color="black", label="undecided")
    axes.axis(limits)
    axes.legend()
