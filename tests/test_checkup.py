"""The twenty mistakes: our engine makes none of them, and engines that make them are found out."""

import pytest

from tinygrad_neuron import Neuron, Value, checkup
from tinygrad_neuron.checkup import MISTAKES


@pytest.mark.parametrize("outcome", checkup(Value, Neuron), ids=lambda o: o.mistake.name)
def test_our_engine_is_right(outcome):
    assert outcome.verdict == "right", outcome


def test_there_are_twenty_each_with_its_name_a_short_program_and_a_sentence_why():
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) == 20
    for mistake in MISTAKES:
        assert 2 <= len(mistake.program.strip().splitlines()) <= 4
        assert mistake.why.endswith(".")


class Careless:
    """An engine of the usual kind: closures, sets, recursion, no checks."""

    def __init__(self, data, operands=(), op=""):
        self.data, self.grad, self.operands = data, 0.0, set(operands)
        self.pass_on = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Careless) else Careless(other)
        out = Careless(self.data + other.data, (self, other))

        def pass_on():
            self.grad += out.grad
            other.grad += out.grad

        out.pass_on = pass_on
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Careless) else Careless(other)
        out = Careless(self.data * other.data, (self, other))

        def pass_on():
            self.grad = other.data * out.grad  # the mistake: = for +=
            other.grad = self.data * out.grad

        out.pass_on = pass_on
        return out

    def __pow__(self, n):
        return Careless(self.data**n, (self,))

    def __truediv__(self, other):
        return self * other**-1

    def __rsub__(self, other):
        return self + -other  # the mistake: the order

    def __rtruediv__(self, other):
        return other * self**-1

    def __sub__(self, other):
        return self + -1 * other

    def relu(self):
        return Careless(max(0.0, self.data))

    def backward(self):
        order, seen = [], set()

        def walk(node):
            if node not in seen:
                seen.add(node)
                for operand in node.operands:
                    walk(operand)
                order.append(node)

        walk(self)
        self.grad = 1.0
        for node in reversed(order):
            node.pass_on()

    __radd__, __rmul__ = __add__, __mul__


def careless_neuron(n):
    weights = [Careless(1.0)] * n
    return lambda x: sum((w * v for w, v in zip(weights, x)), Careless(0.0))


def test_a_careless_engine_is_found_out():
    verdicts = {o.mistake.name: o for o in checkup(Careless, careless_neuron)}
    wrong = {name: o.answer for name, o in verdicts.items() if o.verdict == "wrong"}
    assert wrong["x * x"] == 3.0
    assert wrong["data changed"] == 100.0
    assert wrong["in-place update"] == 2.0
    assert wrong["wrong number of inputs"].data == 1.0
    assert wrong["typo in an attribute"] == 2.0
    assert wrong["text as data"] == "33"
    assert wrong["relu of nan"] == 0.0
    assert wrong["graph freed"] > 0
    assert isinstance(wrong["negative base"], complex)
    assert verdicts["deep sum"].verdict == "crashed"
    assert isinstance(verdicts["deep sum"].answer, RecursionError)
    assert verdicts["saturated tanh"].verdict == "cannot be expressed"
    assert verdicts["relu at 0"].verdict == "right"


def test_without_a_neuron_its_program_cannot_be_expressed():
    outcomes = {o.mistake.name: o.verdict for o in checkup(Value, None)}
    assert outcomes["wrong number of inputs"] == "cannot be expressed"
    assert set(outcomes.values()) == {"right", "cannot be expressed"}


class Strict(Value):
    """An engine that refuses what PyTorch refuses is right too."""

    __slots__ = ("spent",)

    def backward(self):
        if hasattr(self, "spent"):
            raise RuntimeError("a second pass through the graph")
        super().backward()
        self.spent = True


def test_refusing_a_second_pass_is_right_and_a_missing_operator_is_no_refusal():
    outcomes = {o.mistake.name: o.verdict for o in checkup(Strict, None)}
    assert outcomes["zeroed leaves"] == "right"

    class Meagre:
        def __init__(self, data):
            self.data = data

    outcomes = {o.mistake.name: o.verdict for o in checkup(Meagre, lambda: None)}
    for name in "negative base", "division by zero", "wrong number of inputs", "relu at 0":
        assert outcomes[name] == "cannot be expressed"
