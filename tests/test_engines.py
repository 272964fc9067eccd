"""Every view of every engine: pictures, trees, steps, explanations, pages and programs."""

import math
import operator
import os
import random
import re
import subprocess
import sys

import numpy as np
import pytest
from engines import ENGINES, UNREADABLE
from manual import ROOT
from micrograd.engine import Value as MicrogradValue
from micrograd.nn import MLP
from seen import Seen
from test_foreign import attributes_of, random_graph, same

from tinygrad_neuron import Rule, draw, explain, no_grad, play, steps, tree, unroll, walk
from tinygrad_neuron import Value as OurValue
from tinygrad_neuron.foreign.reading import read
from tinygrad_neuron.view.graph import Graph

RIGHT = [name for name, engine in ENGINES.items() if engine.right]
NO_NAMES = {"stored derivatives", "handwritten"}  # of all operations, so there are no rules


def looks(output, leaf):
    """All views, as texts."""
    named = {"variables": {"leaf": leaf}}
    yield draw(output, **named).source
    yield tree(output, **named)
    yield "\n".join(map(str, steps(output, **named)))
    yield str(explain(output, leaf, **named))
    yield str(play(output, **named))
    yield play(output, **named).html()


@pytest.mark.parametrize("name", ENGINES)
def test_every_view_takes_the_output_as_it_is_and_changes_nothing(name, capsys):
    engine, rng = ENGINES[name], random.Random(1)
    for _ in range(3):
        output = random_graph(engine, rng)
        engine.backward(output)
        graph = read(engine.output(output))
        before = attributes_of(graph)
        leaf = next(graph.originals[v] for v in graph.order if not v.operands and v.op != "const")
        texts = list(looks(engine.output(output), leaf))
        walk(engine.output(output))
        name = graph.twins[id(leaf)].label or "leaf"
        assert all(re.search(rf"\b{name}\b", text) for text in texts[:4])
        assert texts == list(looks(engine.output(output), leaf))
        assert same(before, attributes_of(graph))


@pytest.mark.parametrize("name", RIGHT)
def test_the_last_steps_are_the_gradients_that_their_own_pass_found(name, capsys):
    engine, rng = ENGINES[name], random.Random(2)
    compared = 0
    for _ in range(40):
        output = random_graph(engine, rng)
        engine.backward(output)
        found = {}
        for step in steps(engine.output(output), variables={}):
            found[id(step.operand)] = step.operand, step.grad_after
        for thing, grad in found.values():
            if not isinstance(thing, float | int):
                explained = explain(engine.output(output), thing, variables={})
                size = sum(abs(path.product) for path in explained.paths)
                assert abs(grad - engine.grad(thing)) <= 1e-8 * max(size, abs(grad), 1e-3)
                assert explained.gradient == grad
                compared += 1
        assert not Graph(engine.output(output), {}).over_arrows
    assert compared > 300


@pytest.mark.parametrize("name", sorted({*RIGHT} - NO_NAMES))
def test_their_graph_can_be_unrolled_into_a_program_with_their_gradients(name, capsys):
    engine, rng = ENGINES[name], random.Random(3)
    compared = 0
    for _ in range(20):
        output = random_graph(engine, rng)
        engine.backward(output)
        graph = Graph(engine.output(output), {})
        ends = [v for v in graph.order if not v.operands]
        leaves = [v for v in ends if not isinstance(graph.original(v), float | int)]
        inputs = [graph.original(v) for v in leaves]
        program = unroll(engine.output(output), inputs, variables={})
        value, gradients = program(*[v.data for v in leaves])
        assert value == pytest.approx(output.data, rel=1e-12)
        for gradient, leaf in zip(gradients, leaves, strict=True):
            assert gradient == pytest.approx(leaf.grad, rel=1e-9, abs=1e-9)
            compared += 1
    assert compared > 40


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_one_sentence_from_every_view(name, monkeypatch):
    monkeypatch.setattr("tinygrad_neuron.foreign.probing.PROBE_SECONDS", 0.2)
    a = UNREADABLE[name].make(0.5)
    output = (a * a + a).tanh() if name != "exponential" else a
    for _ in range(40 if name == "exponential" else 0):
        output = output + output
    for look in draw, tree, steps, play, unroll, walk, lambda y: explain(y, a):
        with pytest.raises((TypeError, RuntimeError, TimeoutError)) as info:
            look(output)
        assert "\n" not in str(info.value)


# What the rules add.

SET = ENGINES["closures and a set"]


@pytest.mark.parametrize("op", [operator.sub, operator.truediv])
@pytest.mark.parametrize("numbers", [(2.0, 5.0), (5.0, 2.0), (3.0, 3.0)])
def test_a_difference_and_a_quotient_over_a_set_keep_their_order(op, numbers):
    a, b = (SET.make(number, "") for number in numbers)
    y = op(a, b)
    with no_grad():  # which is about our engine alone
        graph = Graph(y, {})
    assert [graph.original(v) for v in graph.output.operands] == [a, b]


def test_an_operation_over_a_set_keeps_the_order_of_its_own_rule():
    a, b = SET.make(3.0, ""), SET.make(7.0, "")
    y = b.apply("b - 2a", a, rule=lambda b, a: (b - 2 * a, (1.0, -2.0)))
    rules = {"b - 2a": Rule("a - 2 * b", "1", "-2")}
    assert unroll(y, [a, b], rules=rules)(3.0, 7.0) == (1.0, (-2.0, 1.0))


def test_data_that_changed_since_do_not_swap_the_operands_of_a_difference():
    a, b = SET.make(2.0, ""), SET.make(5.0, "")
    y = a - b
    a.data = 7.0
    graph = Graph(y, {})
    assert [graph.original(v) for v in graph.output.operands] == [a, b]


# micrograd, as it comes from PyPI.


def micrograd_network():
    random.seed(1)
    net = MLP(2, [4, 4, 1])
    score = net([MicrogradValue(1.0), MicrogradValue(2.0)])
    score = score[0] if isinstance(score, list) else score
    score.backward()
    return net, score


def test_a_network_of_micrograd_is_drawn_with_a_box_for_each_neuron():
    net, score = micrograd_network()
    assert draw(score).box_count == 2 + 4 + 4 + 1
    seen = Seen(draw(score))
    neurons = {lines[0]: name for lines, name in zip(seen.boxes, seen.names.values())}
    into = {
        f"layer 0 · neuron {i} · ReLU": neuron for i, neuron in enumerate(net.layers[0].neurons)
    }
    for first, neuron in into.items():  # of relu: the weight, or 0
        slopes = [w.data if neuron([1.0, 2.0]).data > 0 else 0.0 for w in neuron.w]
        arrows = zip(seen.arrow_ids, seen.arrows)
        told = [seen.tooltips[id] for id, arrow in arrows if arrow.head == neurons[first]]
        assert [float(text.split("; ")[0].split(" = ")[-1]) for text in told] == slopes
    opened = draw(score, expand="layers[1].neurons[2]").source
    assert "net.layers[1].neurons[2].w[3]" in opened
    assert "parameter" in opened


def test_a_model_that_is_in_no_variable_is_handed_over():
    def scored():
        return micrograd_network()

    net, score = scored()
    assert "layers[0].neurons[0].w[0]" in tree(score, variables={}, model=net)
    assert "layers[0]" not in tree(score, variables={})


def test_a_model_whose_parameters_raise_is_none():
    class Broken:
        def parameters(self):
            raise ValueError

    class Holder:
        def parameters(self):
            return [self.w]

    w = MicrogradValue(2.0)
    holder = Holder()
    holder.w = MicrogradValue(3.0)
    y = w * holder.w
    text = tree(y, variables={"broken": Broken(), "holder": holder, "kind": Holder})
    assert "holder.w  parameter" in text
    assert "2  constant" in text


@pytest.mark.slow
def test_twelve_processes_draw_the_same_picture_of_a_set():
    program = """
import random
from micrograd.engine import Value
from micrograd.nn import MLP
from tinygrad_neuron import draw, play, tree
random.seed(1)
net = MLP(2, [4, 4, 1])
y = net([Value(1.0), Value(2.0)])
y = y[0] if isinstance(y, list) else y
y.backward()
print(draw(y, expand=True).source, tree(y), play(y).html())
"""
    texts = set()
    for seed in range(12):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
        run = [sys.executable, "-c", program]
        done = subprocess.run(
            run, env=environment, capture_output=True, encoding="utf-8", check=True
        )
        texts.add(done.stdout)
    assert len(texts) == 1


@pytest.mark.slow
def test_of_a_chain_of_100_000_values_of_micrograd_the_nearest_are_drawn():
    x = y = MicrogradValue(1.0)
    for _ in range(50_000):
        y = y * 0.9999
    assert draw(y).box_count <= 60
    assert len(steps(y)) == 100_000
    assert explain(y, x).gradient == pytest.approx(0.9999**50_000, rel=1e-9)
    assert tree(y, max_lines=3).endswith("more lines")


# Engines that are right, in their own way.


class Recorded:
    """A value with what somebody recorded about it."""

    def __init__(self, data, operands=(), partials=(), op="", grad=0.0):
        self.data, self.grad = data, grad
        self._prev, self.local_grads, self._op = operands, partials, op


def test_a_minus_of_one_operand_is_a_sign():
    x = Recorded(3.0)
    y = Recorded(-3.0, (x,), (-1.0,), "-")
    assert "(old)" not in tree(y)
    assert unroll(y)(5.0) == (-5.0, (-1.0,))
    z = Recorded(-5.0, (y, x), (1.0, -1.0), "-")  # and of two, a difference: no rule is for both
    z.data = -6.0
    assert unroll(z, rules={"-": Rule("-a", "-1")})(5.0) == (-10.0, (-2.0,))


@pytest.mark.parametrize(("op", "data", "slope"), [("+", 4.0, 1.0), ("*", 12.0, 4.0)])
def test_a_number_that_was_not_recorded_needs_a_rule(op, data, slope):
    x = Recorded(3.0)
    y = Recorded(data, (x,), (slope,), op)
    assert not re.search("old|rule", tree(y))
    with pytest.raises(ValueError, match="there is no rule for the operation"):
        unroll(y)


@pytest.mark.parametrize("x", [1e-3, 0.3, -1.7, 5.0])
def test_a_tanh_that_is_computed_by_exp_is_right(x):
    e = math.exp(2 * x)
    t = (e - 1) / (e + 1)
    text = tree(Recorded(t, (Recorded(x),), (1 - t * t,), "tanh", grad=1.0))
    assert not re.search("old|rule|arrows", text.partition("\ngrad")[0].replace("0 · arrows", ""))


def test_numbers_of_32_bits_raise_no_alarm():
    engine = ENGINES["closures and a tuple"]
    for seed in range(30):
        output = random_graph(Float32(engine), random.Random(seed))
        output.backward()
        assert not re.search("old|rule|arrows", tree(output))


class Float32:
    def __init__(self, engine):
        self.functions = engine.functions
        self.make = lambda number, label="": engine.make(np.float32(number), label)


def test_nan_is_nan():
    x = Recorded(math.nan, grad=2.0)
    y = Recorded(math.nan, (x, Recorded(2.0, grad=math.nan)), (2.0, math.nan), "*", grad=1.0)
    assert not re.search("old|rule|arrows", tree(y))


def test_a_value_inside_a_graph_is_drawn_with_the_gradient_it_has():
    x = OurValue(3.0, label="x")
    h = x * x
    (h * 3).backward()
    assert "arrows" not in tree(h)
    assert Seen(draw(h)).box("h") == ["x · x", "h = 9", "grad 3"]


def test_a_second_pass_and_a_zeroed_weight_are_told():
    w, x = OurValue(2.0, label="w"), OurValue(3.0, label="x")
    y = w * x
    y.backward()
    y.backward()
    assert "w  input  data 2  grad 6 · arrows 3" in tree(y)
    told = "grad is not the sum over the arrows at w, x: 2 passes added up"
    assert told in tree(y)
    assert told in draw(y).source
    w.grad = 0.0
    assert "at w: still 0, or set to 0 since" in tree(y)


def test_data_that_changed_are_told():
    w, x = MicrogradValue(2.0), MicrogradValue(3.0)
    y = w * x
    y.backward()
    w.data = 5.0
    told = "data changed since backward(), and each ∂ is that of now"
    assert tree(y).endswith(told)
    assert told in draw(y).source
    with pytest.raises(ValueError, match=r"the data of y are not what the rule of '\*' gives"):
        unroll(y, [w, x])
    assert "This page plays the passes, and cannot compute: the data of y are not" in play(y).html()


def test_where_a_rule_is_not_known_data_may_have_changed():
    x = SET.make(2.0, "x")
    y = x.apply("cube", rule=lambda x: (x**3, (3 * x * x,)))
    y.backward()
    x.data = 5.0
    assert "at x: data changed since backward(), several passes or outputs" in tree(y)


def test_sums_of_any_spelling_are_one_box():
    total = Recorded(0.0)
    for i in range(200):
        total = Recorded(total.data + i, (total, Recorded(float(i))), (1.0, 1.0), "add")
    assert draw(total, variables={}).box_count < 10


class Holder:
    def __init__(self, **held):
        self.__dict__.update(held)


class Net(Holder):
    def parameters(self):
        return self.hidden()


def test_parts_of_a_model_need_no_parameters_of_their_own():
    w, b = leaves = Recorded(2.0), Recorded(3.0)
    net = Net(layers=[Holder(neurons=[Holder(w=[w], b=b)])], hidden=lambda: leaves)
    y = Recorded(6.0, (w, b), (3.0, 2.0), "*")
    assert "net.layers[0].neurons[0].w[0]  parameter" in tree(y, variables={"net": net})


def test_what_no_attribute_leads_to_is_called_by_its_place_among_the_parameters():
    w = Recorded(2.0)
    net = Net(hidden=lambda: [w])
    y = Recorded(4.0, (w, w), (2.0, 2.0), "*")
    assert "net.parameters()[0]  parameter" in tree(y, variables={"net": net})


# An engine with a mistake is told by its picture. Each is the right one with one line changed.

RIGHT_ENGINE = """
import math

class V:
    def __init__(self, data, _prev=(), _op="", label=""):
        self.data, self.grad, self._prev, self._op, self.label = data, 0.0, _prev, _op, label
        self._backward = lambda: None

    def __add__(self, other):
        out = V(self.data + other.data, (self, other), "+")
        def _backward():
            self.grad += out.grad
            other.grad += out.grad
        out._backward = _backward
        return out

    def __mul__(self, other):
        out = V(self.data * other.data, (self, other), "*")
        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
        out._backward = _backward
        return out

    def __pow__(self, n):
        out = V(self.data**n, (self,), f"**{n}")
        def _backward():
            self.grad += n * self.data ** (n - 1) * out.grad
        out._backward = _backward
        return out

    def tanh(self):
        t = math.tanh(self.data)
        out = V(t, (self,), "tanh")
        def _backward():
            self.grad += (1 - t**2) * out.grad
        out._backward = _backward
        return out

    def backward(self):
        order, seen = [], set()
        def visit(v):
            if v not in seen:
                seen.add(v)
                for child in v._prev:
                    visit(child)
                order.append(v)
        visit(self)
        self.grad = 1.0
        for v in reversed(order):
            v._backward()
"""
PROGRAM = """
a, b, c, f = V(2.0, label="a"), V(-5.0, label="b"), V(14.0, label="c"), V(3.0, label="f")
x, g, q = V(3.0, label="x"), V(0.25, label="g"), a * a
y = ((a * b + c) * f + (x * x) ** 2 + (x * g).tanh() * f + q * (q + a)) * f + f
y.backward()
"""


def tree_of(engine):
    namespace = {"__name__": "engine"}
    exec(engine + PROGRAM, namespace)
    return tree(namespace["y"], variables={})


def test_of_a_right_engine_a_tree_shows_no_doubt():
    text = tree_of(RIGHT_ENGINE)
    assert "arrows" not in text
    assert "rule" not in text


@pytest.mark.parametrize(
    ("right", "wrong", "shown"),
    [
        ("other.data * out.grad", "other.data", "· arrows"),  # the upstream gradient is forgotten
        ("other.data * out.grad", "self.data * out.grad", "· rule"),  # its own data
        ("other.data * out.grad", "other.data * out.data", "· rule"),  # data for grad
        ("self.grad += other.data", "self.grad = other.data", "· arrows"),
        ("self.grad = 1.0", "self.grad = 0.0", ""),  # no grads at all
        ("reversed(order)", "order", "· arrows"),
        ("self.grad += out.grad", "self.grad += 1.0", "· arrows"),  # + drops the upstream gradient
        ("order.append(v)", "order.insert(0, v)", "· arrows"),
        ("if v not in seen", "if True", "· arrows"),  # each value as often as it is used
        ("n * self.data ** (n - 1)", "n * self.data ** n", "· rule"),
        ("(1 - t**2) * out.grad", "(1 - t**2)", "· arrows"),
        ("(1 - t**2)", "(1 - t)", "· rule"),
        ("(1 - t**2)", "(1 - self.data**2)", "· rule"),
        ("self.data * other.data,", "self.data + other.data,", "(old)"),
    ],
)
def test_an_engine_with_a_mistake_is_told_by_its_tree(right, wrong, shown):
    assert right in RIGHT_ENGINE
    text = tree_of(RIGHT_ENGINE.replace(right, wrong, 1))
    assert shown in text if shown else "grad" not in text
