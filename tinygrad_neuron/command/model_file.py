"""What was learned from a table, as a file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from tinygrad_neuron import __version__
from tinygrad_neuron.command.dataset import Classes, Dataset, Scale
from tinygrad_neuron.command.errors import InputError, about_file
from tinygrad_neuron.engine import Value, no_grad
from tinygrad_neuron.nn import Neuron
from tinygrad_neuron.view.files import write_whole

FORMAT = "tinygrad_neuron model 1"


class Model(NamedTuple):
    """A neuron, and what its numbers mean.

    target   the column it predicts
    classes  the words that its answers 0 and 1 stand for; None if it predicts numbers
    scales   of the inputs, by name
    weights  of the standardised inputs, in that order
    bias     likewise
    """

    target: str
    classes: Classes | None
    scales: dict[str, Scale]
    weights: list[float]
    bias: float

    def in_own_units(self) -> tuple[list[float], float]:
        """Weights and bias for the inputs as they stand in the table."""
        weights = [w / scale.deviation for w, scale in zip(self.weights, self.scales.values())]
        return weights, self.bias - sum(w * s.mean for w, s in zip(weights, self.scales.values()))

    def predict(self, rows: list[list[float]]) -> list[float]:
        """The neuron's answers to standardised rows."""
        neuron = Neuron(len(self.weights), Value.sigmoid if self.classes else None)
        weights = {f"w{i}": w for i, w in enumerate(self.weights, 1)}
        neuron.load_state_dict(weights | {"b": self.bias})
        with no_grad():
            return [neuron(row).item() for row in rows]


def model_of(neuron: Neuron, data: Dataset) -> Model:
    weights = [w.item() for w in neuron.w]
    return Model(data.target, data.classes, data.scales, weights, neuron.b.item())


def save_model(model: Model, path: Path) -> None:
    """Write the file whole, or leave the old one and raise an InputError."""
    own_weights, own_bias = model.in_own_units()
    inputs = [
        {
            "name": name,
            "mean": scale.mean,
            "deviation": scale.deviation,
            "weight": weight,
            "weight_in_own_units": finite_or_none(own),
        }
        for (name, scale), weight, own in zip(model.scales.items(), model.weights, own_weights)
    ]
    contents = {
        "format": FORMAT,
        "made_by": f"tinygrad_neuron {__version__}",
        "target": model.target,
        "classes": model.classes,
        "inputs": inputs,
        "bias": model.bias,
        "bias_in_own_units": finite_or_none(own_bias),
    }
    text = json.dumps(contents, indent=2, ensure_ascii=False, allow_nan=False)
    with about_file(path):
        write_whole(path, f"{text}\n".encode())


def load_model(path: Path) -> Model:
    """InputError if the file is not what save_model writes."""
    try:
        with about_file(path):
            contents = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a model, for it is no whole JSON ({error})") from None
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise InputError(f"{path}: not a model, which has the format {FORMAT!r}")
    try:
        return model_from(contents)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        problem = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path}: a damaged model: {problem}") from None


def model_from(contents: dict[str, Any]) -> Model:
    """KeyError, TypeError, ValueError or OverflowError if something is not what it should be."""
    target, classes, inputs = (contents[key] for key in ("target", "classes", "inputs"))
    if classes is not None:
        if not isinstance(classes, list) or not all_text(classes) or len({*classes}) != 2:
            raise TypeError(f"the classes must be two words, or null, not {classes!r:.60}")
        classes = (classes[0], classes[1])
    if not isinstance(inputs, list) or not inputs or not all(isinstance(i, dict) for i in inputs):
        raise TypeError(f"the inputs must be a list of at least one, not {inputs!r:.60}")
    names = [each["name"] for each in inputs]
    if not all_text([target, *names]) or len({target, *names}) <= len(names):
        raise TypeError("the target and the inputs must have different names")
    scales = {
        each["name"]: Scale(finite(each, "mean"), finite(each, "deviation")) for each in inputs
    }
    if not all(scale.deviation > 0 and 1 / scale.deviation < math.inf for scale in scales.values()):
        raise ValueError("every deviation must be above 0, and not only just")
    weights = [finite(each, "weight") for each in inputs]
    return Model(target, classes, scales, weights, finite(contents, "bias"))


def all_text(things: list[Any]) -> bool:
    return all(isinstance(thing, str) and thing.isprintable() for thing in things)


def finite_or_none(number: float) -> float | None:
    """In own units a number may be too large for a float, and JSON has no infinity."""
    return number if math.isfinite(number) else None


def finite(numbers: dict[str, Any], key: str) -> float:
    number = numbers[key]
    if type(number) not in (int, float) or not math.isfinite(number):
        raise TypeError(f"{key} must be a finite number, not {number!r:.60}")
    return float(number)
