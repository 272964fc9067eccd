"""The eight stages in which an autograd engine is built, each with a program that tries it.

No right answer is 0 or 1, and different mistakes give different answers, so that an answer often
says which mistake was made.
"""

from __future__ import annotations

from collections import namedtuple


class Check(namedtuple("Check", "name program right why stage wrong also or_refused",
        defaults=("", {}, {}, False))):  # fmt: skip
    """A program whose last line is an expression, and what that must give.

    program     its first line is what any engine can do, or else the check cannot be expressed
    right       the number, or several; None where the program must be refused with an error
    why         one sentence: why that is right; for a stage, what to build
    stage       the stage to which it belongs
    wrong       the mistakes that give a known answer: {(place in the answer, number): sentence}
    also        other answers that are right, likewise, each with what is to be said of it
    or_refused  whether an error after the first line is right too
    """

    __slots__ = ()


STAGES = (
    Check(
        "record",
        """
        x = Value(3.0); y = x * x
        data(y), len(operands(y))
        """,
        (9.0, 2),
        "An operation gives a Value that holds the result and, in a tuple, both its operands.",
        "record",
        {(1, 1): "The operands are in a set, which keeps x once where x * x uses it twice."},
    ),
    Check(
        "operation",
        """
        a = Value(2.0); b = Value(-5.0); c = a * b
        pushed(c, 7.0, a, b)
        """,
        (-35.0, 14.0),
        "The node c passes on its gradient times the other operand: 7 * -5 to a, 7 * 2 to b.",
        "operation",
        {
            (0, -5.0): "The gradient of c, 7, is forgotten: it is the factor of both.",
            (0, 14.0): "Each operand is multiplied by its own data, and must be by the other's.",
            (0, 50.0): "It is multiplied by the data of c, and must be by the gradient of c.",
        },
    ),
    Check(
        "reuse",
        """
        x = Value(3.0); y = x * x
        pushed(y, 5.0, x)[0]
        """,
        30.0,
        "Both uses of x give it 5 * 3: a gradient is a sum, so write += and not =.",
        "reuse",
        {(0, 15.0): "The second use replaces the first, as = does: write +=."},
    ),
    Check(
        "backward",
        """
        a, b, c, f = [Value(data) for data in (2.0, -5.0, 14.0, 3.0)]
        d = (a * b + c) * f; backward(d)
        grad(a), grad(b), grad(c), grad(f)
        """,
        (-15.0, 6.0, 3.0, 4.0),
        "The method backward() sets the output's gradient to 1, and goes back to the leaves.",
        "backward",
        {
            (3, 0.0): "All gradients are 0: the output's own gradient must start at 1.",
            (2, 0.0): "Only the last operation has passed a gradient on: go from the output back.",
            (2, 1.0): "+ drops the upstream gradient, 3: each operand of a sum gets all of it.",
        },
    ),
    Check(
        "order",
        """
        a = Value(2.0); two, three, five = Value(2.0), Value(3.0), Value(5.0)
        b = a * three; y = b * two + b * five; backward(y)
        c = Value(2.0); b = c * three; y = b * two * five + b; backward(y)
        grad(a), grad(c)
        """,
        (21.0, 33.0),
        "The node b passes its gradient on when all nodes that use b have added to it.",
        "order",
        {
            (0, 6.0): "b passes on what it has after one use: sort the values topologically.",
            (0, 15.0): "b passes on what it has after one use: sort the values topologically.",
            (0, 27.0): "b passes on the same part twice: visit each value once.",
            (0, 36.0): "b passes on the same part twice: visit each value once.",
            (1, 3.0): "Breadth first, b comes before a value that uses it: sort topologically.",
        },
    ),
    Check(
        "doubling",
        """
        x = Value(1.0); y = x + x
        for _ in range(29): y = y + y
        backward(y)
        grad(x)
        """,
        2.0**30,
        "Right, but it takes 2ⁿ steps: go along each arrow once, and not along each path.",
        "order",
    ),
    Check(
        "numbers",
        """
        x = Value(2.0)
        y = 1 - 3 / x; backward(y)
        data(y), grad(x)
        """,
        (-0.5, 0.75),
        "For 1 - v and 3 / v Python calls the methods __rsub__ and __rtruediv__ of v.",
        "numbers",
        {
            (0, 0.5): "The operands are swapped: v.__rsub__(1) is 1 - v, and not v - 1.",
            (1, -0.75): "The operands are swapped: v.__rsub__(1) is 1 - v, and not v - 1.",
            (1, 1.5): "The derivative of a power is n * x ** (n - 1), and not n * x ** n.",
        },
    ),
    Check(
        "tanh",
        """
        x = Value(0.5); y = tanh(x * 2) * 3
        backward(y)
        round(grad(x), 4)
        """,
        2.5198,
        "The slope of tanh is 1 - tanh(x) ** 2, times the upstream gradient.",
        "tanh",
        {
            (0, 0.8399): "The upstream gradient, 3, is forgotten.",
            (0, 1.4304): "The slope is 1 - tanh(x) ** 2, and not 1 - tanh(x).",
            (0, 0.0): "The slope is 1 - tanh(x) ** 2, and not 1 - x ** 2.",
        },
    ),
    Check(
        "again",
        """
        a = Value(2.0); d = a * 2 * 5; backward(d)
        backward(d)
        w = Value(2.0); backward(w * 3); backward(w * 4)
        grad(a), grad(w)
        """,
        (20.0, 7.0),
        "A leaf adds up what all passes give, and inner values start each pass at 0.",
        "again",
        {
            (0, 10.0): "Leaves are reset, too: they must add up, so that batches can.",
            (1, 4.0): "Leaves are reset, too: they must add up, so that batches can.",
            (0, 40.0): "The output adds up its own gradient, too: it starts each pass at 1.",
        },
        {(0, 30.0): "a second pass adds to inner values, too, as in micrograd: 30 and not 20"},
        or_refused=True,
    ),
)  # fmt: skip
