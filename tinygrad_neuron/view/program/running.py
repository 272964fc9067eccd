"""Programs on floats, arrays, tensors and Values, and in files of their own."""

from __future__ import annotations

import inspect
import linecache
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any
from zlib import crc32

from tinygrad_neuron.engine import Value
from tinygrad_neuron.nn import as_values
from tinygrad_neuron.view.functions import functions_of
from tinygrad_neuron.view.program.program_text import FUNCTION, SUM_OF_PRODUCT, ProgramText

Function = Callable[..., tuple[Any, Any]]


def per_sample(text: ProgramText, types: Collection[type]) -> Function:
    """The program's function, on arguments of these types."""
    kind = kind_of(types)
    if kind == "floats":
        function = compiled(text.to_read(), functions_of(kind))
        return function if set(types) == {float} else on_numbers(function)
    function = compiled(text.for_arrays(), functions_of(kind))
    return on_values(function) if kind == "values" else on_arrays(function, kind)


def totals(text: ProgramText, types: Collection[type]) -> Function:
    """The program's function on arrays, which adds up the value and each gradient."""
    library = kind_of(types)
    if library not in ("numpy", "torch"):
        raise TypeError("total() adds up arrays: call the program itself with numbers or Values")
    dot = __import__(library).dot

    def sum_of_product(value: Any, a: Any, b: Any) -> Any:
        if getattr(a, "shape", None) == value.shape == getattr(b, "shape", None):
            a, b = like(value, a, library), like(value, b, library)
            return dot(a.ravel(), b.ravel())
        return like(value, a * b, library).sum()

    source, summed = text.for_totals()
    function = compiled(source, {**functions_of(library), SUM_OF_PRODUCT: sum_of_product})
    is_summed = [x in summed for x in text.inputs]

    def call(*arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        value, gradients = function(*map(floating, arguments))
        sums = (g if s else like(value, g, library).sum() for g, s in zip(gradients, is_summed))
        return value.sum(), tuple(sums)

    return call


def compiled(source: str, functions: Mapping[str, Any]) -> Function:
    namespace = dict(functions)
    exec(compile(source, f"<{FUNCTION}>", "exec"), namespace)
    function: Function = namespace.pop(FUNCTION)  # which so is in no cycle with its namespace
    return function


def kind_of(types: Collection[type]) -> str:
    kinds = set()
    for one in types:
        if issubclass(one, Value):
            kinds.add("values")
        elif not issubclass(one, Real):  # which NumPy's scalars are, too
            kinds.add(library_of(one))
    if len(kinds) > 1:
        both = " and ".join(sorted(kinds))
        raise TypeError(f"a program takes one kind besides numbers, not {both}")
    return kinds.pop() if kinds else "floats"


def library_of(one: type) -> str:
    for base in one.__mro__:
        library = base.__module__.partition(".")[0]
        if (library, base.__name__) in (("numpy", "ndarray"), ("torch", "Tensor")):
            return library
    rule = "a program takes numbers, NumPy arrays, PyTorch tensors or Values"
    raise TypeError(f"{rule}, not {one.__name__}")


def on_numbers(function: Function) -> Function:
    return lambda *arguments: function(*map(float, arguments))


def on_values(function: Function) -> Function:
    def call(*arguments: Value | float) -> tuple[Value, tuple[Value, ...]]:
        value, gradients = function(*as_values(arguments))
        return value, tuple(as_values(gradients))

    return call


def on_arrays(function: Function, library: str) -> Function:
    def call(*arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        arguments = tuple(map(floating, arguments))
        value, gradients = function(*arguments)
        seen = set(map(id, arguments))
        results = [like(value, result, library) for result in (value, *gradients)]
        for i, result in enumerate(results):  # no two are the same array, and none an argument
            if id(result) in seen:
                results[i] = copied(result, library)
            seen.add(id(result))
        return results[0], tuple(results[1:])

    return call


def copied(array: Any, library: str) -> Any:
    return array.clone() if library == "torch" else array.copy()


def floating(argument: Any) -> Any:
    """Whole numbers as floats, as the engine has them."""
    if type(argument) is float:
        return argument
    if isinstance(argument, Real):
        return float(argument)
    tensor = hasattr(argument, "is_floating_point")
    if argument.is_complex() if tensor else argument.dtype.kind not in "fiub":
        raise TypeError(f"a program takes arrays of real numbers, not of {argument.dtype}")
    if tensor:
        return argument if argument.is_floating_point() else argument.double()
    return argument if argument.dtype.kind == "f" else argument.astype(float)


def like(value: Any, gradient: Any, library: str) -> Any:
    """The gradient with the value's shape and dtype: a bias may have the plain number 1."""
    if type(gradient) is not type(value) or gradient.dtype != value.dtype:
        module = __import__(library)
        if library == "torch":
            gradient = module.as_tensor(gradient, dtype=value.dtype, device=value.device)
        else:
            gradient = module.asarray(gradient, dtype=value.dtype)
    if gradient.shape != value.shape:
        # A copy, because all places of what is broadcast are one.
        gradient = copied(__import__(library).broadcast_to(gradient, value.shape), library)
    return gradient


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


def standalone(program: ProgramText, numbers: Sequence[float]) -> str:
    """A module with the program and the functions that it uses; run, it prints an example."""
    source, functions = program.to_read(), functions_of("floats")
    carried: dict[str, str] = {}
    imported: set[str] = set()
    example = [
        f"        {argument}={number!r},\n" for argument, number in zip(program.inputs, numbers)
    ]
    texts = [source, *example]
    while texts:
        for word in set(re.findall(r"\b[a-z]\w*\b", texts.pop())) & functions.keys() - {"abs"}:
            if not inspect.isfunction(functions[word]):
                imported.add(word)
            elif word not in carried:
                carried[word] = inspect.getsource(functions[word])
                texts.append(carried[word])
    imports = f"from math import {', '.join(sorted(imported))}\n\n\n" if imported else ""
    helpers = [f"{carried[word]}\n\n" for word in functions if word in carried]
    return "".join([imports, *helpers, source, MAIN, *example, PRINTED])


def in_debugger(program: ProgramText, numbers: Sequence[float]) -> Function:
    """The program, whose lines debuggers find in `linecache`: there is no file of this name."""
    text = standalone(replace(program, forward=["breakpoint()", *program.forward]), numbers)
    path = os.path.abspath(f"unrolled-{crc32(text.encode()):08x}/backprop.py")
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    namespace: dict[str, Any] = {"__name__": FUNCTION, "__file__": path}
    exec(compile(text, path, "exec"), namespace)
    function: Function = namespace.pop(FUNCTION)
    return function
