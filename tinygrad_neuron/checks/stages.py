"""The eight stages in which an autograd engine is built, each with a program that tries it.

No right answer is 0 or 1, and different mistakes give different answers, so that an answer often
says which mistake was made.
"""

from __future__ import annotations

from collections import namedtuple


class Check(namedtuple("Check", "name program right why stage known or_refused",
        defaults=("", {}, False))):  # fmt: skip
    """A program whose last line is an expression, and what that must give.

    program     its first line is what any engine can do, or else the check cannot be expressed
    right       the number, or several; None where the program must be refused with an error
    why         one sentence: why that is right, and for a stage what the engine needs
    stage       the stage to which it belongs
    known       other answers, each with a sentence: the mistake that gives it. If it begins with
                "but", the answer is right as well
    or_refused  whether an error after the first line is right too
    """

    __slots__ = ()


SWAPPED = "The operands are swapped: v.__rsub__(1) is 1 - v, and not v - 1."
REPEATED = "The node b passes the same part on twice: visit each node once."
EARLY = "The node b passes its gradient on too early: sort the nodes topologically."
RESET = "Leaves are reset, too, but must keep adding, so that you can sum over a batch."
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
        {(9.0, 1): "One of two operands is lost, as in a set, which keeps x once: use a tuple."},
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
            (-5.0, 2.0): "The gradient of c, 7, is forgotten: multiply both by it.",
            (14.0, -35.0): "You multiply by an operand's own data: use the other operand's.",
            (50.0, -20.0): "You wrote out.data where out.grad belongs.",
        },
    ),
    Check(
        "reuse",
        """
        x = Value(3.0); y = x * x
        pushed(y, 5.0, x)[0]
        """,
        30.0,
        "Both uses of x give it 5 * 3, and a gradient is a sum: add with +=.",
        "reuse",
        {15.0: "The second use replaces the first: there is = where += belongs."},
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
            (0.0, 0.0, 0.0, 0.0): "Nothing arrives: the output's own gradient must start at 1.",
            (0.0, 0.0, 0.0, 4.0): "Only the output passes its gradient on: go back "
            "from the output through all nodes.",
            (-5.0, 2.0, 1.0, 4.0): "A sum drops the upstream gradient, 3: both operands get it.",
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
            (6.0, 33.0): EARLY,
            (15.0, 3.0): EARLY,
            (21.0, 3.0): "Breadth first, b comes before a node that uses it: sort the nodes "
            "topologically.",
            (6.0, 30.0): "The second use of b replaces the first: there is = where += belongs.",
            (27.0, 66.0): REPEATED,
            (36.0, 36.0): REPEATED,
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
        "Go along each arrow of the graph once, and not along each path, of which there are 2³⁰.",
        "order",
        {1.0: "A sum replaces what its operands have: there is = where += belongs."},
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
            (0.5, -0.75): SWAPPED,
            (-0.5, 1.5): "The derivative of a power is n * x ** (n - 1), and not n * x ** n.",
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
        "The local derivative of tanh is 1 - tanh(x) ** 2.",
        "tanh",
        {
            0.8399: "The upstream gradient, 3, is forgotten.",
            1.4304: "The local derivative is 1 - tanh(x) ** 2, and not 1 - tanh(x).",
            0.0: "Nothing arrives; the local derivative is 1 - tanh(x) ** 2, and not 1 - x ** 2.",
        },
    ),
    Check(
        "again",
        """
        a = Value(2.0); d = a * 2 * 5; backward(d)
        w = Value(2.0); backward(w * 3); backward(w * 4)
        refused = is_refused(d)
        20.0 if refused else grad(a), grad(w)
        """,
        (20.0, 7.0),
        "A leaf adds the gradients of all passes, and inner values start each pass at 0.",
        "again",
        {
            (30.0, 7.0): "but a second pass adds to inner values, too, as in micrograd: 30, not 20",
            (10.0, 7.0): "The second pass adds nothing: forget which nodes the first one visited.",
            (10.0, 4.0): RESET,
            (20.0, 4.0): RESET,
            (40.0, 7.0): "The output adds up its own gradient, too: write self.grad = 1, not +=.",
        },
    ),
)  # fmt: skip
