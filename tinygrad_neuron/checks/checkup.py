"""Is this engine right? The stages of building one, and mistakes that engines of this kind make.

Each check is a program of about three lines, in words that any micrograd-like engine has, with its
answer worked by hand. `checkup` runs them on an engine.

>>> from tinygrad_neuron import Neuron, Value
>>> {outcome.verdict for outcome in checkup(Value, Neuron)}
{'right'}
"""

from __future__ import annotations

import gc
import math
from collections import namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from tinygrad_neuron.checks.stages import STAGES, Check
from tinygrad_neuron.foreign.parts import (
    CLOSURES,
    DATA,
    GRAD,
    MISSING,
    PARTIALS,
    Engine,
    adopt,
    first,
)
from tinygrad_neuron.foreign.probing import upstream


class Outcome(namedtuple("Outcome", "check verdict answer note", defaults=("",))):
    """What an engine made of a check's program.

    verdict  "right", "wrong", "crashed" or "cannot be expressed"
    answer   what the last line gave, or the error
    note     which mistake gives this answer, if that is known, or what is to be said of it
    """

    __slots__ = ()


MISTAKES = (
    Check(
        "differences",
        """
        a = Value(5.0); b = Value(2.0); a - b
        y = 2 + (a - b) * 3 - b; backward(y)
        data(y), grad(a), grad(b)
        """,
        (9.0, 3.0, -4.0),
        "In a - b, b gets minus the upstream gradient, and for 2 + v Python calls __radd__ of v.",
    ),
    Check(
        "tanh of a shared value",
        """
        x = Value(0.5); y = x * 3 + tanh(x)
        backward(y); z = tanh(x) + x * 3; backward(z)
        round(grad(x), 4)
        """,
        7.5729,
        "Each pass gives x 3 from the product and 0.7864 from tanh, which adds with += as well.",
    ),
    Check(
        "equal numbers",
        """
        a = Value(3.0); b = Value(3.0); y = a * b + a
        backward(y)
        grad(a), grad(b)
        """,
        (4.0, 3.0),
        "Two values with the same number are two nodes: a set of visited ones must not merge them.",
    ),
    Check(
        "zeroed leaves",
        """
        a = Value(2.0); c = a * 2; d = c * 5; backward(d)
        zero(a); backward(d)
        grad(a)
        """,
        10.0,
        "Zeroing the leaves is enough: what inner nodes hold from the last pass must not count.",
        or_refused=True,
    ),
    Check(
        "shared node",
        """
        a = Value(2.0); c = a * 2; d = c * 5; e = c * 3; backward(d)
        backward(e)
        grad(a)
        """,
        16.0,
        "Two outputs use c, and a gets 5 * 2 from one and 3 * 2 from the other.",
        or_refused=True,
    ),
    Check(
        "data changed",
        """
        w = Value(2.0); x = Value(3.0); y = w * x; backward(w * w)
        set_data(w, 100.0); backward(y)
        grad(x)
        """,
        2.0,
        "The gradient belongs to the forward pass that was run, in which w was 2.",
        or_refused=True,
    ),
    Check(
        "deep sum",
        """
        x = Value(1.0); y = x * 1
        for _ in range(1500): y = y + x
        backward(y)
        grad(x)
        """,
        1501.0,
        "A sum of 1,500 terms is as many nodes deep, and recursion ends at about 1,000.",
    ),
    Check(
        "same bits",
        """
        x = [Value(0.3) for _ in range(100)]; x[0] * x[0] * 0.1 + x[0]
        def f(x): return x * 0.1 + (x * 0.7 + (x * x * x * 1.1 + (x * 1e-3 + (x * x + x * 0.9))))
        for y in [f(v) for v in x]: backward(y)
        len({grad(v) for v in x})
        """,
        1.0,
        "One program gives one gradient; a set of operands is walked in the order of addresses.",
    ),
    Check(
        "graph freed",
        """
        before = alive(); x = Value(2.0); y = x * x + x
        backward(y)
        del x, y
        alive() - before
        """,
        0.0,
        "Nodes that hold each other, through closures, stay until the cycle collector comes.",
    ),
    Check(
        "relu at 0",
        """
        x = Value(0.0); y = relu(x)
        backward(y)
        grad(x)
        """,
        0.0,
        "The slope at the kink is 0 by convention, which is PyTorch's too.",
    ),
    Check(
        "relu of nan",
        """
        x = Value(float("nan"))
        data(relu(x))
        """,
        math.nan,
        "A nan that becomes 0 hides that something went wrong before.",
    ),
    Check(
        "saturated tanh",
        """
        x = Value(1000.0)
        data(tanh(x))
        """,
        1.0,
        "It is 1 to the last digit; written with exp(2x) it overflows.",
    ),
    Check(
        "0 ** 0",
        """
        x = Value(0.0); y = x**0
        backward(y)
        grad(x)
        """,
        0.0,
        "x**0 is 1 everywhere, so its slope is 0; the rule n * x**(n-1) divides by zero here.",
    ),
    Check(
        "negative base",
        """
        x = Value(-8.0); x**3
        data(x ** (1 / 3))
        """,
        math.nan,
        "Python's answer is a complex number, and a complex loss means nothing.",
        or_refused=True,
    ),
    Check(
        "division",
        """
        x = Value(49.0); y = x / x
        data(y)
        """,
        1.0,
        "49 * 49**-1 is 0.9999999999999999: a division is an operation of its own.",
    ),
    Check(
        "in-place update",
        """
        w = Value(2.0); model = [w]; backward(w * w)
        w -= 0.1 * grad(w)
        data(model[0])
        """,
        1.6,
        "If -= makes a new node, the model keeps the old one and never learns.",
        or_refused=True,
    ),
    Check(
        "wrong number of inputs",
        """
        neuron = Neuron(2); neuron([1.0, 2.0])
        neuron([1.0])
        """,
        None,
        "A neuron that leaves out a weight in silence hides a mistake in the data.",
    ),
    Check(
        "typo in an attribute",
        """
        w = Value(2.0)
        w.gard = 0.0
        data(w)
        """,
        None,
        "The line was meant to zero a gradient, and it did not.",
    ),
    Check(
        "text as data",
        """
        x = Value(3.0); x + x
        x = Value("3")
        data(x + x)
        """,
        None,
        "A cell of a table that was not converted should stop here, not give '33'.",
    ),
    Check(
        "division by zero",
        """
        x = Value(0.0); 1 / Value(2.0)
        data(1 / x)
        """,
        None,
        "Python raises where it divides by zero, and an inf would spread through the graph.",
    ),
)
CHECKS = STAGES + MISTAKES


class Lacking(Exception):
    """The engine has no such operation or attribute."""


def checkup(
    value_class: type[Any],
    neuron_class: Callable[..., Any] | None = None,
    functions: Mapping[str, Any] | None = None,
) -> list[Outcome]:
    """Run the programs of the stages, and then those of the mistakes, on an engine.

    value_class has the operators, `backward()`, `data` or `value`, and `grad` or `gradient`.
    Where it has no method `backward`, `relu` or `tanh`, that of `functions` is taken, by name.
    What an engine lacks, or a neuron_class of None, makes a program "cannot be expressed". Operands
    and local derivatives are found as the views find them.

    >>> from tinygrad_neuron import Neuron, Value
    >>> outcomes = checkup(Value, Neuron)
    >>> len(outcomes), {outcome.verdict for outcome in outcomes}
    (29, {'right'})
    """
    words = vocabulary(value_class, neuron_class, functions or {})
    return [attempt(check, dict(words)) for check in CHECKS]


def vocabulary(
    value_class: type[Any],
    neuron_class: Callable[..., Any] | None,
    functions: Mapping[str, Any],
) -> dict[str, Any]:
    """The words of the programs, in terms of one engine."""

    def attribute(v: Any, names: tuple[str, str]) -> str:
        for name in names:
            if hasattr(v, name):
                return name
        if isinstance(v, value_class):
            raise Lacking(f"a value has no attribute {' or '.join(names)}")
        return names[0]  # v is no value of this engine, and Python says so

    def grad(v: Any) -> Any:
        gradient = getattr(v, attribute(v, GRAD))
        if gradient is None:  # which no pass has reached
            return 0.0
        return data(gradient) if isinstance(gradient, value_class) else gradient

    def data(v: Any) -> Any:
        # Some engines give plain numbers, of which NumPy's have a `data` of their own.
        return v if isinstance(v, (int, float, complex)) else getattr(v, attribute(v, DATA))

    def read(v: Any) -> Engine:
        if not isinstance(v, value_class):
            raise TypeError(f"{v!r:.60} is no {value_class.__name__}, and remembers no operands")
        try:
            return Engine(adopt(v))
        except (TypeError, RuntimeError) as error:
            raise Lacking(str(error)) from None

    def operands(v: Any) -> list[Any]:
        return [operand for operand, _ in read(v).arrows(v)[0]]

    def pushed(v: Any, gradient: float, *takers: Any) -> tuple[Any, ...]:
        """The gradients that a value with this one passes on to these of its operands."""
        engine = read(v)
        arrows = engine.arrows(v)[0]
        name = first(v, CLOSURES, callable)
        if all(partial is not MISSING for _, partial in arrows):
            shares = [(t, share(partial, gradient)) for t, partial in arrows]
            return tuple(sum(part for t, part in shares if t is taker) for taker in takers)
        if not name:
            looked = ", ".join(CLOSURES + PARTIALS)
            raise Lacking(f"no local derivatives were found: name them as one of {looked}")
        setattr(v, attribute(v, GRAD), gradient)
        for taker in takers:
            setattr(taker, attribute(taker, GRAD), 0.0)
        closure = getattr(v, name)
        try:
            returned = closure(*(gradient * number for number in upstream(closure)))
        except (TypeError, AttributeError) as error:
            raise Lacking(f"the {name} of a value is called in an unknown way: {error}") from None
        if isinstance(returned, (tuple, list)) and len(returned) == len(arrows):
            pairs = list(zip((t for t, _ in arrows), returned))
            return tuple(sum(share for t, share in pairs if t is taker) for taker in takers)
        return tuple(map(grad, takers))

    def share(partial: Any, gradient: float) -> Any:
        """What an arrow passes on: its function may want the gradient or be the derivative."""
        if upstream(partial):
            return partial(gradient)
        derivative: Any = partial() if callable(partial) else data(partial)
        return derivative * gradient

    def is_refused(v: Any) -> bool:
        """Whether an engine refuses a second pass, as it may; or else that is done."""
        try:
            words["backward"](v)
        except RecursionError:
            raise
        except (ValueError, RuntimeError):
            return True
        return False

    def operation(name: str) -> Any:
        if hasattr(value_class, name):
            return lambda v: getattr(v, name)()  # its own: a node may be of a subclass
        return functions.get(name) or lacking(name)

    words = {
        "Value": value_class,
        "Neuron": neuron_class or lacking("class for a neuron"),
        "data": data,
        "grad": grad,
        "zero": lambda v: setattr(v, attribute(v, GRAD), 0.0),
        "set_data": lambda v, number: setattr(v, attribute(v, DATA), number),
        "operands": operands,
        "pushed": pushed,
        "alive": lambda: sum(issubclass(type(thing), value_class) for thing in gc.get_objects()),
        "is_refused": is_refused,
        **{name: operation(name) for name in ("backward", "relu", "tanh")},
    }
    return words


def lacking(what: str) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        raise Lacking(f"there is no {what}")

    return fail


def attempt(check: Check, words: dict[str, Any]) -> Outcome:
    first, *lines, last = (line.strip() for line in check.program.strip().splitlines())
    expressed, collecting = False, gc.isenabled()
    gc.disable()  # so that only what no cycle holds is freed
    try:
        exec(first, words)
        expressed = True
        exec("\n".join(lines), words)
        answer = eval(last, words)
    except (RecursionError, MemoryError) as error:  # which are never meant as a refusal
        return Outcome(check, "crashed", error)
    except Exception as error:
        if not expressed or isinstance(error, Lacking):
            return Outcome(check, "cannot be expressed", error)
        meant = not isinstance(error, (TypeError, AttributeError, NameError))
        refused = check.right is None or (check.or_refused and meant)
        return Outcome(check, "right" if refused else "crashed", error)
    finally:
        if collecting:
            gc.enable()
    if check.right is not None and same(answer, check.right):
        return Outcome(check, "right", answer)
    note = next((told for known, told in check.known.items() if same(answer, known)), "")
    return Outcome(check, "right" if note.startswith("but") else "wrong", answer, note)


def same(answer: Any, right: Any) -> bool:
    try:
        return bool(answer == right or (answer != answer and right != right))  # nan
    except Exception:  # an array of many, or what only knows its own kind
        return False
