"""What was learned as a picture: the loss, and what the neuron makes of one or two inputs."""

from __future__ import annotations

import io
import math
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tinygrad_neuron.command.dataset import Dataset
from tinygrad_neuron.command.errors import InputError, about_file
from tinygrad_neuron.command.model_file import Model
from tinygrad_neuron.view.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOT_SUFFIXES = (".png", ".svg", ".pdf")
LOGARITHMIC = 50  # times that the highest loss is above the lowest
MARKERS = ("o", "#1f5fa8"), ("^", "#8c3a0b")  # by class; both colours are dark when printed grey
FARTHEST = 1e307  # from 0: matplotlib fails where the width of a panel overflows
FINENESS = 100  # parts of a panel's width, or height, for each of which the neuron is asked


def check_plot(path: str) -> None:
    """ValueError unless the path's suffix is that of a plot."""
    if Path(path).suffix.lower() not in PLOT_SUFFIXES:
        raise ValueError(f"a plot's file ends in {', '.join(PLOT_SUFFIXES)}, not {path!r}")


def check_matplotlib() -> None:
    if find_spec("matplotlib") is None:
        raise InputError("a plot needs matplotlib: pip install '.[plots]'")


def save_plot(losses: list[float], model: Model, data: Dataset, path: Path) -> None:
    """Draw the loss by epoch, and next to it what was learned, if a flat picture can show that."""
    from matplotlib.figure import Figure

    inputs = len(model.scales)
    two_panels = inputs == 1 or (inputs == 2 and model.classes)
    figure = Figure(figsize=(11, 4.5) if two_panels else (6, 4), layout="constrained")
    loss_axes, *other = figure.subplots(1, 2 if two_panels else 1, squeeze=False)[0]
    draw_losses(loss_axes, losses)
    for axes in other:
        draw_learned = draw_curve if inputs == 1 else draw_probability
        draw_learned(axes, model, data)
        figure.legend(loc="outside upper right", ncols=3, frameon=False)
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
    with about_file(path):
        write_whole(path, picture.getvalue())


def draw_losses(axes: Axes, losses: list[float]) -> None:
    axes.plot(losses, marker="o" if len(losses) == 1 else "")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.locator_params(axis="x", integer=True, min_n_ticks=1, nbins=6)
    if min(losses) > 0 and max(losses) > LOGARITHMIC * min(losses):
        axes.set_yscale("log")


def draw_curve(axes: Axes, model: Model, data: Dataset) -> None:
    """The rows of one input, and what the neuron answers from the left side to the right one."""
    draw_points(axes, data)
    ((name, scale),) = model.scales.items()
    left, right = map(float, axes.get_xlim())  # NumPy's numbers warn when they overflow
    xs = [left, *middles(left, right), right]
    answers = model.predict([[x] for x in scale.standardised(xs)])
    axes.plot(xs, answers, color="black", label="learned")
    axes.set(xlim=(left, right), xlabel=plot_label(name), ylabel=plot_label(data.answer_name()))


def draw_probability(axes: Axes, model: Model, data: Dataset) -> None:
    """The rows of two inputs, the probability as shading, and where the neuron is undecided."""
    draw_points(axes, data)
    (x_name, x_scale), (y_name, y_scale) = model.scales.items()
    left, right, bottom, top = map(float, axes.axis())
    xs = x_scale.standardised(middles(left, right))
    ys = y_scale.standardised(middles(bottom, top))
    shading = axes.imshow(
        [model.predict([[x, y] for x in xs]) for y in ys],
        extent=(left, right, bottom, top), origin="lower", aspect="auto", interpolation="bilinear",
        cmap="Greys", vmin=0, vmax=1, alpha=0.4,  # light enough to see the points
    )  # fmt: skip
    bar = axes.figure.colorbar(shading, ax=axes, ticks=[0, 0.1, 0.5, 0.9, 1])
    bar.set_label(plot_label(data.answer_name()))
    axes.set(xlim=(left, right), xlabel=plot_label(x_name))
    axes.set(ylim=(bottom, top), ylabel=plot_label(y_name))
    draw_decision_line(axes, model)


def draw_points(axes: Axes, data: Dataset) -> None:
    """The rows in the table's own units; those that are held out are hollow.

    The height of a row is its second input, or its target if there is only one input.
    """
    for part, note in (data.training, ""), (data.held_out, ", held out"):
        points = [
            [s.mean + s.deviation * x for s, x in zip(data.scales.values(), row)] + [target]
            for row, target in zip(part.rows, part.targets)
        ]
        for kind, (name, (marker, colour)) in enumerate(zip(data.classes or ["rows"], MARKERS)):
            ours = [point[:2] for point in points if point[-1] == kind or not data.classes]
            shown = [point for point in ours if max(map(abs, point)) <= FARTHEST]
            if not shown:
                continue
            x, y = zip(*shown)
            inside, edge = ("white", colour) if note else (colour, "white")
            axes.scatter(
                x, y, marker=marker, s=45, color=inside, edgecolors=edge, linewidths=0.8,
                label=plot_label(name) + note, zorder=3,  # above the line
            )  # fmt: skip


def middles(start: float, end: float) -> list[float]:
    """The middles of equal parts from start to end."""
    shares = [(i + 0.5) / FINENESS for i in range(FINENESS)]
    return [start * (1 - share) + end * share for share in shares]  # end - start may overflow


def plot_label(name: str) -> str:
    """A name as matplotlib must have it: $ begins a formula, and _ keeps it out of the legend."""
    return name.replace("$", r"\$").replace("_", " _", 1 if name.startswith("_") else 0)


def draw_decision_line(axes: Axes, model: Model) -> None:
    """Where the neuron is undecided: w1*x + w2*y + bias = 0."""
    (w1, w2), bias = model.in_own_units()
    if not math.isfinite(w1 + w2 + bias):  # too large for a float
        return
    limits = axes.axis()
    if abs(w2) * (limits[3] - limits[2]) > abs(w1) * (limits[1] - limits[0]):
        axes.axline((0, -bias / w2), slope=-w1 / w2, color="black", label="undecided")
    elif w1:
        x_at = [-(bias + w2 * y) / w1 for y in limits[2:]]
        axes.plot(x_at, limits[2:], color="black", label="undecided")
    axes.axis(limits)
