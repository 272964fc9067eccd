"""The checks: our engine is right, and the mistakes of others are found out and called by name."""

import numpy as np
import pytest
import stages

from tinygrad_neuron import Neuron, Value, checkup
from tinygrad_neuron.checks.checkup import CHECKS, attempt, vocabulary
from tinygrad_neuron.checks.stages import STAGES


@pytest.mark.parametrize("outcome", checkup(Value, Neuron), ids=lambda o: o.check.name)
def test_our_engine_is_right(outcome):
    assert outcome.verdict == "right", outcome


def test_each_has_its_name_a_short_program_and_a_sentence_why():
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert 2 <= len(check.program.strip().splitlines()) <= 4
        assert check.why.endswith(".")
        first, *_ = words = check.why.split()
        assert first[0].isupper() or not first.isalpha()
        assert any(len(word) > 3 and word.islower() for word in words)


# The stages of building an engine.


def stages_of(text):
    """The outcome of each stage, on the engine with this text."""
    namespace = {"__name__": "my_engine"}
    exec(text, namespace)
    words = vocabulary(namespace["Value"], None, {})
    return [attempt(stage, dict(words)) for stage in STAGES if stage.name != "doubling"]


def test_the_right_engine_passes_all_stages():
    assert {outcome.verdict for outcome in stages_of(stages.RIGHT)} == {"right"}


@pytest.mark.parametrize(
    ("stage", "mistake", "old", "new", "sentence"),
    [wrong for wrong in stages.WRONG if wrong[0] != "doubling"],  # which takes its time
    ids=[f"{wrong[0]}: {wrong[1]}" for wrong in stages.WRONG if wrong[0] != "doubling"],
)
def test_the_first_stage_that_is_wrong_is_where_the_mistake_was_made_and_says_so(
    stage, mistake, old, new, sentence
):
    outcomes = stages_of(stages.with_mistake(old, new))
    first = next(outcome for outcome in outcomes if outcome.verdict != "right")
    assert first.check.stage == stage
    assert sentence in f"{first.answer} {first.note or first.check.why}"


def test_inner_values_that_add_up_are_no_mistake_but_said():
    *_, again = stages_of(stages.with_mistake(*stages.TOLERATED[:2]))
    assert (again.verdict, again.answer) == ("right", (30.0, 7.0))
    assert again.note.startswith(stages.TOLERATED[2])


def test_a_half_built_engine_is_told_what_is_missing():
    start = stages.RIGHT.index("    def tanh")
    half = stages.RIGHT[:start] + stages.RIGHT[stages.RIGHT.index("    def __neg__") :]
    tanh = stages_of(half)[-2]
    assert (tanh.verdict, str(tanh.answer)) == ("cannot be expressed", "there is no tanh")
    hidden = stages.RIGHT.replace("_backward", "give")
    operation = stages_of(hidden)[1]
    assert operation.verdict == "cannot be expressed"
    assert "no local derivatives were found: name them as one of _b" in str(operation.answer)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "out = Value(self.data * other.data, [self, other])\n\n        def _backward():\n"
            + stages.PRODUCT
            + "\n        out._backward = _backward\n",
            "out = Value(self.data * other.data, [self, other])\n"
            "        out._backward = lambda g: (g * other.data, g * self.data)\n",
        ),
        (
            "out = Value(self.data * other.data, [self, other])\n\n        def _backward():\n"
            + stages.PRODUCT
            + "\n        out._backward = _backward\n",
            "out = Value(self.data * other.data, [self, other])\n"
            "        out._local_grads = (other.data, self.data)\n        del out._backward\n",
        ),
    ],
    ids=["returned", "stored"],
)
def test_an_operation_is_right_however_the_engine_passes_gradients_on(old, new):
    record, operation, reuse, *_ = stages_of(stages.with_mistake(old, new))
    assert [record.verdict, operation.verdict, reuse.verdict] == ["right"] * 3


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
    verdicts = {o.check.name: o for o in checkup(Careless, careless_neuron)}
    wrong = {name: o.answer for name, o in verdicts.items() if o.verdict == "wrong"}
    assert wrong["record"] == (9.0, 1)
    assert "order" in wrong
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
    outcomes = {o.check.name: o.verdict for o in checkup(Value, None)}
    assert outcomes["wrong number of inputs"] == "cannot be expressed"
    assert set(outcomes.values()) == {"right", "cannot be expressed"}


def test_refusing_a_second_pass_is_right_and_a_missing_operator_is_no_refusal(monkeypatch):
    spent, once = [], Value.backward

    def backward(y):
        if y in spent:
            raise RuntimeError("a second pass through the graph")
        spent.append(y)
        once(y)

    monkeypatch.setattr(Value, "backward", backward)
    outcomes = {o.check.name: o for o in checkup(Value, None)}
    assert (outcomes["again"].verdict, outcomes["again"].answer) == ("right", (20.0, 7.0))
    assert outcomes["zeroed leaves"].verdict == "right"
    assert isinstance(outcomes["zeroed leaves"].answer, RuntimeError)
    assert outcomes["shared node"].answer == 16.0

    class Meagre:
        def __init__(self, data):
            self.data = data

    outcomes = {o.check.name: o.verdict for o in checkup(Meagre, lambda: None)}
    for name in "negative base", "division by zero", "wrong number of inputs", "relu at 0":
        assert outcomes[name] == "cannot be expressed"


class Scalar:
    """A value with other names; what it lacks as methods there is as functions."""

    def __init__(self, number):
        self.value, self.gradient = number, None

    def __mul__(self, other):
        out = Scalar(self.value * other.value)
        out.operands = self, other
        return out


def backward(y):
    a, b = y.operands
    a.gradient = (a.gradient or 0) + b.value
    b.gradient = (b.gradient or 0) + a.value


def test_attributes_may_have_their_other_names_and_operations_be_functions():
    functions = {"backward": backward, "relu": lambda v: v}
    outcomes = {o.check.name: o for o in checkup(Scalar, None, functions)}
    assert outcomes["data changed"].answer == 100.0
    assert outcomes["relu at 0"].verdict == "crashed"  # it has no operands
    assert outcomes["saturated tanh"].verdict == "cannot be expressed"
    assert str(outcomes["saturated tanh"].answer) == "there is no tanh"


def test_what_an_engine_lacks_is_no_refusal_and_a_gradient_of_none_is_0():
    outcomes = {o.check.name: o for o in checkup(Scalar, None)}
    assert outcomes["data changed"].verdict == "cannot be expressed"

    class Nameless(Value):
        __slots__ = ()
        grad = property()

    (data_changed,) = [o for o in checkup(Nameless) if o.check.name == "data changed"]
    assert data_changed.verdict == "cannot be expressed"

    functions = {"backward": lambda y: None, "relu": lambda v: v}
    outcomes = {o.check.name: o for o in checkup(Scalar, None, functions)}
    assert outcomes["relu at 0"].answer == 0.0


@pytest.mark.parametrize("kind", [RecursionError, MemoryError])
def test_a_lack_of_stack_or_memory_is_no_refusal(kind, monkeypatch):
    def backward(y):
        raise kind

    monkeypatch.setattr(Value, "backward", backward)
    outcomes = {o.check.name: o for o in checkup(Value)}
    for name in "tanh", "data changed", "numbers":
        assert outcomes[name].verdict == "crashed"
        assert isinstance(outcomes[name].answer, kind)


def test_a_backward_that_always_fails_is_no_refusal_of_a_second_one(monkeypatch):
    monkeypatch.setattr(Value, "backward", lambda y: 1 / 0)
    verdicts = {o.check.name: o.verdict for o in checkup(Value) if "backward(" in o.check.program}
    assert "right" not in verdicts.values()
    assert verdicts["shared node"] == "cannot be expressed"
    assert verdicts["numbers"] == "crashed"


def test_an_answer_that_cannot_be_compared_is_wrong():
    class Odd:
        def __eq__(self, other):
            raise TypeError

    class Odds(Value):
        __slots__ = ()

    Odds.relu = lambda v: type("Box", (), {"data": Odd()})()
    (relu_of_nan,) = [o for o in checkup(Odds) if o.check.name == "relu of nan"]
    assert relu_of_nan.verdict == "wrong"


def test_what_an_engine_lacks_is_named():
    class Bare:
        def __init__(self, number):
            self.number = number

        def __mul__(self, other):
            return self

        __add__ = __rmul__ = __mul__

        def backward(self):
            pass

    answers = {o.check.name: str(o.answer) for o in checkup(Bare)}
    assert answers["in-place update"] == "a value has no attribute grad or gradient"
    assert answers["relu of nan"] == "there is no relu"
    assert answers["wrong number of inputs"] == "there is no class for a neuron"


def test_an_engines_numbers_and_gradients_are_found_under_other_names():
    class Other:
        def __init__(self, value):
            self.value, self.gradient = value, None

    words, v = vocabulary(Other, None, {}), Other(2.0)
    assert words["data"](v) == 2.0
    assert words["data"](np.float64(1.5)) == 1.5
    assert words["grad"](v) == 0.0  # no pass has reached it
    for v.gradient in 3.0, Other(3.0):
        assert words["grad"](v) == 3.0
    words["zero"](v)
    assert v.gradient == 0.0
    with pytest.raises(AttributeError, match="'str' object has no attribute 'data'"):
        words["data"]("33")
