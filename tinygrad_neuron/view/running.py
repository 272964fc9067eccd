"""Programs on floats, arrays, tensors and Values, and in files of their own."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from numbers import Real
from typing import Any

from tinygrad_neuron.engine import Value, as_values
from tinygrad_neuron.view.functions import functions_for

Function = Callable[..., tuple[Any, Any]]

FUNCTION = "backprop"  # its name in the program's text

ADDED = re.compile(r"^( +)(\w+) \+= (.*?)  #", re.MULTILINE)


def function_for(source: str, types: Collection[type]) -> Function:
    """The program's function, on arguments of these types."""
    kind = kind_of(types)
    function = compiled(source, functions_for(kind))
    if kind == "floats":
        return function if set(types) <= {float, int} else on_numbers(function)
    return on_values(function) if kind == "values" else on_arrays(function, kind)


def kind_of(types: Collection[type]) -> str:
    kinds = set()
    for one in types:
        library = one.__module__.partition(".")[0]
        if issubclass(one, Value):
            kinds.add("values")
        elif library in ("numpy", "torch"):
            kinds.add(library)
        elif not issubclass(one, Real):
            rule = "a program takes numbers, NumPy arrays, PyTorch tensors or Values"
            raise TypeError(f"{rule}, not {one.__name__}")
    if len(kinds) > 1:
        raise TypeError(
            f"a program takes one kind besides numbers, not {' and '.join(sorted(kinds))}"
        )
    return kinds.pop() if kinds else "floats"


def on_numbers(function: Function) -> Function:
    return lambda *arguments: function(*map(float, arguments))


def on_values(function: Function) -> Function:
    def call(*arguments: Value | float) -> tuple[Value, tuple[Value, ...]]:
        value, gradients = function(*as_values(arguments))
        return value, tuple(as_values(gradients))

    return call


def on_arrays(function: Function, library: str) -> Function:
    """Every gradient gets the shape of the value: that of a bias is 1 for each sample."""
    module = __import__(library)
    as_array = module.as_tensor if library == "torch" else module.asarray

    def call(*arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        value, gradients = function(*arguments)
        shape, dtype = value.shape, value.dtype
        return value, tuple(
            g
            if getattr(g, "shape", None) == shape
            else module.broadcast_to(as_array(g, dtype=dtype), shape)
            for g in gradients
        )

    return call


def totals_for(source: str, inputs: Sequence[str], types: Collection[type]) -> Function:
    """The program's function on arrays, which adds up the value and the gradients.

    A gradient that is one product is never made as an array: its sum is a dot product, which
    halves the time.
    """
    kind = kind_of(types)
    if kind not in ("numpy", "torch"):
        raise TypeError("totals are of arrays: there is nothing to add up of numbers and Values")
    module = __import__(kind)
    products = [x for x in inputs if f"    d_{x} += " not in source]
    one_product = re.compile(
        rf"^    (d_(?:{'|'.join(products)})) = (\w+) \* (\w+)  #", re.MULTILINE
    )
    value = source.rpartition("    return ")[2].partition(",")[0]
    made = set(one_product.findall(source))
    source = one_product.sub(rf"    \1 = sum_of_products({value}, \2, \3)  #", source)

    def total(value: Any, gradient: Any) -> Any:
        as_array = module.as_tensor if kind == "torch" else module.asarray
        return module.broadcast_to(as_array(gradient, dtype=value.dtype), value.shape).sum()

    def sum_of_products(value: Any, a: Any, b: Any) -> Any:
        if getattr(a, "shape", None) == value.shape == getattr(b, "shape", None):
            return module.dot(a.ravel(), b.ravel())
        return total(value, a * b)

    namespace = {**functions_for(kind), "sum_of_products": sum_of_products}
    function = compiled(source, namespace)
    fused = [f"d_{x}" in {name for name, _, _ in made} for x in inputs]

    def call(*arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        value, gradients = function(*arguments)
        sums = [g if done else total(value, g) for g, done in zip(gradients, fused)]
        return value.sum(), tuple(sums)

    return call


def compiled(source: str, functions: Mapping[str, Any]) -> Function:
    # += would change an array in place, which may be another gradient too, or be too small.
    source = ADDED.sub(r"\1\2 = \2 + \3  #", source)
    namespace = dict(functions)
    exec(compile(source, f"<{FUNCTION}>", "exec"), namespace)
    function: Function = namespace.pop(FUNCTION)
    return function


def standalone(source: str, inputs: Sequence[str], numbers: Sequence[float]) -> str:
    """A module with the program and the functions that it uses; run, it prints an example."""
    functions = functions_for("floats")
    carried: dict[str, str] = {}
    imported: set[str] = set()
    texts = [source]
    while texts:
        for word in set(re.findall(r"\b[a-z]\w*\b", texts.pop())) & functions.keys():
            if not inspect.isfunction(functions[word]):
                imported.add(word)
            elif word not in carried:
                carried[word] = inspect.getsource(functions[word])
                texts.append(carried[word])
    imports = f"from math import {', '.join(sorted(imported - {'abs'}))}\n\n\n"
    helpers = [f"{carried[word]}\n\n" for word in functions if word in carried]
    example = [f"        {argument}={number!r},\n" for argument, number in zip(inputs, numbers)]
    return "".join([imports if imported else "", *helpers, source, MAIN, *example, PRINTED])


MAIN = """

if __name__ == "__main__":
    example = dict(
"""
PRINTED = f"""    )
    value, gradients = {FUNCTION}(**example)
    print("value", value)
    for name, gradient in zip(example, gradients):
        print("d_" + name, gradient)
"""


def in_debugger(path: str) -> Function:
    """The function of a saved program, which stops in the debugger on its first line."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = text.replace("    # forward:", "    breakpoint()\n    # forward:", 1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    namespace: dict[str, Any] = {"__name__": FUNCTION, "__file__": path}
    exec(compile(text, path, "exec"), namespace)
    function: Function = namespace.pop(FUNCTION)
    return function
