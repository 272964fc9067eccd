"""What is read from other people's engines, and that they stay as they were."""

import gc
import math
import os
import random
import subprocess
import sys
import threading
from enum import Enum
from fractions import Fraction

import engines
import micrograd.engine
import numpy as np
import pytest
from engines import ENGINES, UNREADABLE

from tinygrad_neuron import no_grad
from tinygrad_neuron.engine import Value, edges, topological_order
from tinygrad_neuron.foreign import parts, probing
from tinygrad_neuron.foreign.parts import adopt, class_of
from tinygrad_neuron.foreign.reading import read
from tinygrad_neuron.foreign.twins import ForeignGraph
from tinygrad_neuron.view.graph import Graph

RIGHT = [name for name, engine in ENGINES.items() if engine.right]


# Each takes two values and a number between 0.5 and 2.
STEPS = [
    *(lambda a, b, n: a + b, lambda a, b, n: a * b, lambda a, b, n: a * a, lambda a, b, n: a + a),
    *(lambda a, b, n: a + n, lambda a, b, n: n - a, lambda a, b, n: n * a, lambda a, b, n: a / n),
    *(lambda a, b, n: n + a, lambda a, b, n: a - n, lambda a, b, n: a**2, lambda a, b, n: -a),
]
# a - a and a / a are left out, because one arrow cannot tell how large the terms of its 0 were.
STEPS_OF_TWO = [lambda a, b, n: a - b]
DIVISIONS = [lambda a, b, n: a / b, lambda a, b, n: n / b, lambda a, b, n: b**-1]


def random_graph(engine, rng, steps=14):
    """An output of a random program, in which values are used several times."""
    pool = [engine.make(rng.uniform(-2, 2), label) for label in ("a", "b", "c")]
    while steps:
        a, b, n = rng.choice(pool), rng.choice(pool), rng.uniform(0.5, 2)
        ways = STEPS + STEPS_OF_TWO * (a is not b)
        ways += DIVISIONS * (a is not b and abs(float(b.data)) > 0.3)
        if 0.01 < abs(float(a.data)) < 3:
            ways += [lambda a, b, n, f=f: getattr(a, f)() for f in engine.functions]
        new = rng.choice(ways)(a, b, n)
        if abs(float(new.data)) < 20:
            pool.append(new)
            steps -= 1
    return pool[-1] + sum(pool[3:-1:4], pool[0]) * 0.5


def attributes_of(graph):
    """Every attribute of every object of theirs."""
    held = []
    for thing in graph.originals.values():
        names = [*getattr(type(thing), "__slots__", ()), *getattr(thing, "__dict__", ())]
        found = [(n, parts.attribute(thing, n)) for n in names]
        held.append((thing, found))
    return held


def same(before, after):
    return all(
        a[0] is b[0] and [(n, id(v)) for n, v in a[1]] == [(n, id(v)) for n, v in b[1]]
        for a, b in zip(before, after, strict=True)
    )


def gradients(graph):
    """By the chain rule over the twins: each gradient, and the sum of the absolute terms."""
    grads = dict.fromkeys(graph.order, 0.0)
    sizes = dict(grads)
    grads[graph.order[-1]] = sizes[graph.order[-1]] = 1.0
    for node, operand, partial in edges(graph.order):
        grads[operand] += grads[node] * partial
        sizes[operand] += sizes[node] * abs(partial)
    return grads, sizes


# All engines.


@pytest.mark.parametrize("name", RIGHT)
def test_the_chain_rule_over_the_twins_gives_the_gradients_that_the_engine_found(name, capsys):
    engine, rng = ENGINES[name], random.Random(name)
    compared = 0
    for _ in range(200):
        output = random_graph(engine, rng)
        engine.backward(output)
        graph = read(engine.output(output))
        grads, sizes = gradients(graph)
        for twin, thing in graph.originals.items():
            if issubclass(type(thing), class_of(output)):
                theirs = engine.grad(thing)
                assert abs(grads[twin] - theirs) <= 1e-9 * sizes[twin]
                assert (twin.grad, twin.data) == (theirs, thing.data)
                compared += 1
    assert compared > 2000


@pytest.mark.parametrize("name", ENGINES)
def test_reading_leaves_every_attribute_as_it_was(name, capsys):
    engine, rng = ENGINES[name], random.Random(0)
    for i in range(10):
        output = random_graph(engine, rng)
        if i % 2:
            engine.backward(output)
        before = attributes_of(read(engine.output(output)))
        graph = read(engine.output(output))
        assert same(before, attributes_of(graph))
        assert graph.originals[graph.order[-1]] is output
        assert all(graph.twins[id(v)] is t for t, v in graph.originals.items())
        assert graph.order == topological_order(graph.order[-1])


@pytest.mark.parametrize("name", ENGINES)
def test_local_derivatives_of_a_product_and_a_power(name, capsys):
    engine = ENGINES[name]
    a, b = engine.make(2.0, "a"), engine.make(-5.0, "b")
    product, square = read(engine.output(a * b)), read(engine.output(b**2))
    facts = dict(zip([v.data for v in product.order[-1].operands], product.order[-1].partials))
    wrong = name == "wrong derivatives"  # which is shown as it is
    assert facts == ({2.0: 2.0, -5.0: -5.0} if wrong else {2.0: -5.0, -5.0: 2.0})
    assert square.order[-1].partials == (-10.0,)


# Operands.


def graph_of(output):
    graph = read(output)
    return [graph.originals[twin] for twin in graph.order]


class Node:
    """A value with the attributes you give it."""

    def __init__(self, data=1.0, **attributes):
        self.__dict__.update({"data": data, "grad": 0.0, **attributes})

    def product(self, g):
        return g * 3.0, g * 2.0


@pytest.mark.parametrize("name", parts.OPERANDS)
@pytest.mark.parametrize("kind", [tuple, list])
def test_operands_have_one_of_many_names(name, kind):
    a, b = Node(2.0, **{name: None}), Node(3.0)
    y = Node(6.0, **{name: kind((a, b))}, local_grads=(3.0, 2.0))
    graph = read(y)
    assert [graph.originals[t] for t in graph.order] == [a, b, y]
    assert graph.order[-1].partials == (3.0, 2.0)
    assert not graph.unordered
    assert not graph.of_now


@pytest.mark.parametrize("kind", [set, frozenset])
def test_operands_may_be_in_a_set(kind):
    a, b = Node(2.0, label="a"), Node(3.0, label="b")
    y = Node(6.0, _prev=kind((b, a)), label="y")
    y._backward = lambda: (setattr(a, "grad", 3.0), setattr(b, "grad", 2.0))
    graph = read(y)
    assert [t.label for t in graph.order] == ["a", "b", "y"]
    assert graph.unordered == {graph.order[-1]}
    assert graph.of_now


@pytest.mark.parametrize("name", parts.PARTIALS)
def test_stored_derivatives_have_one_of_many_names(name):
    y = Node(6.0, _prev=(Node(2.0), Node(3.0)), **{name: [3, Fraction(2)]})
    assert read(y).order[-1].partials == (3.0, 2.0)


@pytest.mark.parametrize("name", parts.CLOSURES)
def test_a_closure_has_one_of_many_names(name):
    a = Node(2.0)
    y = Node(6.0, _prev=(a,), **{name: lambda: setattr(a, "grad", a.grad + 3 * y.grad)})
    assert read(y).order[-1].partials == (3.0,)


def test_stored_derivatives_of_another_number_than_the_operands_are_no_derivatives():
    a = Node(2.0)
    y = Node(6.0, _prev=(a,), grads=[1.0, 2.0], _backward=lambda: setattr(a, "grad", 3.0))
    assert read(y).order[-1].partials == (3.0,)


def test_stored_derivatives_that_are_all_0_until_a_backward_pass_are_probed():
    a = Node(2.0)
    y = Node(6.0, _prev=(a,), local_grads=[0.0], _backward=lambda: setattr(a, "grad", 3.0))
    assert read(y).order[-1].partials == (3.0,)
    y.local_grads[0] = 4.0
    assert read(y).order[-1].partials == (4.0,)
    del y._backward
    y.local_grads[0] = 0.0
    assert read(y).order[-1].partials == (0.0,)


@pytest.mark.parametrize(
    "closure",
    [
        *(lambda g=1.0: (g * 3, g * 2), lambda g: [g * 3, g * 2], lambda: (3, np.float64(2.0))),
        Node().product,
    ],
)
def test_a_closure_may_return_the_gradients_instead(closure):
    a, b = Node(2.0), Node(3.0)
    y = Node(6.0, parents=(a, b), grad_fn=closure)
    for node in a, b, y:
        del node.grad
    assert read(y).order[-1].partials == (3.0, 2.0)


def test_a_closure_may_return_one_gradient_and_take_the_upstream_gradient():
    a = Node(2.0)
    y = Node(6.0, parents=(a,), grad_fn=lambda g: g * 3.0)
    assert read(y).order[-1].partials == (3.0,)
    y.grad_fn = lambda g: setattr(a, "grad", a.grad + g * 4.0)
    assert read(y).order[-1].partials == (4.0,)


def test_a_closure_that_returns_the_gradients_shows_a_square_as_two_arrows():
    a = Node(3.0)
    square = read(Node(9.0, parents=(a, a), grad_fn=lambda g: (g * 3, g * 3))).order[-1]
    assert square.partials == (3.0, 3.0)
    assert square.operands[0] is square.operands[1]


@pytest.mark.parametrize("operands", [2, 3])
def test_gradients_returned_for_a_set_or_for_another_number_of_operands_are_told(operands):
    nodes = [Node(float(i)) for i in range(operands)]
    nodes = set(nodes) if operands == 2 else nodes
    y = Node(6.0, parents=nodes, _op="f", grad_fn=lambda g: (g * 3, g * 2))
    sentence = r'^the grad_fn of "f" returns \(3.0, 2.0\): whose local derivatives are these\? give'
    with pytest.raises(TypeError, match=sentence):
        read(y)


def test_pairs_may_have_functions_for_the_derivatives():
    a, b = Node(2.0), Node(3.0)
    y = Node(6.0, parents=[(a, lambda g: g * 3), (lambda: 2.0, b), (a, 7.0)])
    graph = read(y)
    assert graph.order[-1].partials == (3.0, 2.0, 7.0)
    assert graph.of_now


def test_a_function_in_a_pair_that_fails_is_told():
    def vjp(g):
        raise ZeroDivisionError("two\nlines")

    for function, what in (vjp, "ZeroDivisionError: two lines"), (lambda g: "3", "TypeError: what"):
        with pytest.raises(RuntimeError, match=f'^the function in a pair of "f" raised {what}'):
            read(Node(6.0, _op="f", parents=[(Node(2.0), function)]))


def test_pairs_have_the_derivative_first_or_last():
    a, b = Node(2.0), Node(3.0)
    graph = read(Node(6.0, parents=[(a, 3.0), [2.0, b]]))
    assert [graph.originals[t] for t in graph.order[:2]] == [a, b]
    assert graph.order[-1].partials == (3.0, 2.0)


def test_a_plain_number_among_the_operands_is_a_constant():
    a = Node(2.0)
    y = Node(10.0, _prev=(a, 5), _op="*", _backward=lambda: setattr(a, "grad", 5.0))
    x, five, product = read(y).order
    assert (five.op, five.data, x.op) == ("const", 5.0, "")
    assert product.partials[0] == 5.0
    # `_backward` tells no other; the rule does.
    assert Graph(y, {}).output.partials == (5.0, 2.0)


def test_the_derivative_by_a_plain_number_in_an_unknown_operation_is_nan():
    y = Node(10.0, _prev=(Node(2.0), 5), _op="strange", _backward=lambda: None)
    assert math.isnan(read(y).order[-1].partials[1])


def test_two_plain_numbers_are_two_constants():
    y = Node(10.0, _prev=(5, 5), _op="+", _backward=lambda: None)
    assert len(read(Node(10.0, _prev=(y,), _backward=lambda: None)).order) == 4


def test_operands_that_are_all_plain_numbers_are_no_operands_but_places_on_a_tape():
    sentence = r"^the operands of Node are numbers, not values: \[0, 1\]; give them with adopt"
    for name in "inputs", "args":
        with pytest.raises(TypeError, match=sentence):
            read(Node(6.0, **{name: (0, 1)}, _backward=lambda: None))
    tape = [Node(2.0, inputs=()), Node(3.0, inputs=()), Node(6.0, inputs=(0, 1), grads=(3, 2))]
    graph = read(adopt(tape[2], operands=lambda node: [tape[i] for i in node.inputs]))
    assert graph.order[-1].partials == (3.0, 2.0)


def test_plain_numbers_are_passed_over_if_the_operands_are_under_another_name():
    a = Node(2.0, src=())
    y = Node(6.0, args=(3,), src=(a,), local_grads=(3.0,))
    assert graph_of(y) == [a, y]


def test_empty_children_beside_creators_may_be_users_so_adopt_must_say():
    a = Node(2.0, creators=[], children=[])
    y = Node(6.0, creators=[a], children=[], local_grads=[3.0])
    a.children.append(y)
    with pytest.raises(TypeError, match="^Node has no children, but its creators holds values: if"):
        read(y)
    assert graph_of(adopt(y, operands=lambda node: node.creators)) == [a, y]


def test_a_leaf_is_read_though_it_knows_its_users_and_the_order_of_its_backward_pass():
    x = Node(2.0, _prev=(), users=[Node(3.0)])
    assert graph_of(x) == [x]
    y = Node(2.0, children=())
    y.topo = [y]
    assert graph_of(y) == [y]


def test_operands_in_a_circle_are_told():
    a = Node(2.0, _backward=lambda: None)
    y = Node(2.0, _prev=(a,), _backward=lambda: None)
    a._prev = (y,)
    sentence = "^the operands of a Node lead back to itself, in a circle; give them with adopt"
    for output in y, adopt(a, operands=lambda node: (node,)):
        with pytest.raises(TypeError, match=sentence):
            read(output)


def test_users_of_a_value_are_not_taken_for_its_operands():
    a = Node(2.0, parents=(), children=[])
    y = Node(6.0, parents=(a,), children=(), local_grads=[3.0])
    a.children.append(y)
    assert len(read(y).order) == 2


@pytest.mark.parametrize(
    ("name", "partials"),
    [
        ("closures and a set", (6.0,)),
        ("closures and a tuple", (6.0,)),
        ("stored derivatives", (3.0, 3.0)),
        ("pairs", (3.0, 3.0)),
    ],
)
def test_a_square_is_one_arrow_of_a_probe_and_two_arrows_that_are_stored(name, partials):
    x = ENGINES[name].make(3.0, "x")
    square = read(x * x).order[-1]
    assert square.partials == partials
    assert [v.label for v in square.operands] == [getattr(x, "label", "")] * len(partials) or (
        name == "pairs"
    )


# Numbers.


def test_numbers_may_be_ints_fractions_and_those_of_numpy():
    a, b, c = Node(2), Node(Fraction(1, 2)), Node(np.float32(3.0))
    a.grad, b.grad, c.grad = 1, Fraction(1, 4), np.float64(7.0)
    graph = read(Node(np.int64(3), _prev=(a, b, c), local_grads=(1, np.float64(2.0), True)))
    assert [(t.data, t.grad) for t in graph.order] == [(2, 1), (0.5, 0.25), (3, 7), (3, 0)]
    assert all(type(x) is float for t in graph.order for x in (t.data, t.grad, *t.partials))


def test_a_grad_of_none_and_no_grad_at_all_are_0():
    a = Node(2.0)
    y = Node(6.0, _prev=(a,), _backward=lambda: setattr(a, "grad", 3.0))
    y.grad = None
    del a.grad
    graph = read(y)
    assert [t.grad for t in graph.order] == [0.0, 0.0]
    assert graph.order[-1].partials == (3.0,)
    assert y.grad is None
    assert not hasattr(a, "grad")


@pytest.mark.parametrize("name", parts.GRADS)
def test_a_gradient_has_one_of_many_names(name):
    a = Node(2.0, **{name: 5.0})
    y = Node(6.0, _prev=(a,), _backward=lambda: setattr(a, name, getattr(a, name) + 3.0))
    if name != "grad":
        del a.grad, y.grad
    graph = read(y)
    assert (graph.order[0].grad, graph.order[-1].partials) == (5.0, (3.0,))


def test_an_engine_without_gradients_is_told_what_was_looked_for():
    a = Node(2.0, delta=0.0)
    y = Node(6.0, _prev=(a,), _backward=lambda: setattr(a, "delta", 3.0))
    del a.grad, y.grad
    with pytest.raises(TypeError) as error:
        read(y)
    assert str(error.value) == (
        "no gradients, and so no local derivatives, were found in Node: looked for grad, gradient, "
        "adjoint, derivative; give them with adopt(output, operands=…, partials=…, op=…)"
    )
    assert a.delta == 0.0
    assert read(adopt(y, partials=lambda node: [3.0])).order[-1].partials == (3.0,)


def test_a_grad_that_is_a_value_gives_its_data():
    engine = ENGINES["second derivatives"]
    x = engine.make(3.0, "x")
    y = x * x * x
    engine.backward(y)
    assert read(y).order[0].grad == 27.0


@pytest.mark.parametrize(
    ("data", "kind"), [(np.ones(2), "ndarray"), ([1.0], "list"), ("1", "str"), (1j, "complex")]
)
def test_only_single_numbers_are_read(data, kind):
    sentence = f"the data of Node is a {kind}: only engines on single numbers can be read"
    with pytest.raises(TypeError, match=f"^{sentence}$"):
        read(Node(data, _prev=()))
    with pytest.raises(TypeError, match=f"^{sentence}$"):
        read(Node(1.0, _prev=(Node(data),), local_grads=(1.0,)))


def test_an_array_and_a_tensor_of_pytorch_are_refused():
    sentence = "^the output is a {}: only engines on single numbers can be read$"
    for array in np.ones(2), np.array(1.0):
        with pytest.raises(TypeError, match=sentence.format("ndarray")):
            read(array)
    torch = pytest.importorskip("torch")
    x = torch.ones(2, requires_grad=True)
    for tensor in x, x * x, (x * x).sum():  # to ask the last two for their grad is a warning
        with pytest.raises(TypeError, match=sentence.format("Tensor")):
            read(tensor)


def test_an_engine_of_tensors_is_refused():
    with pytest.raises(TypeError, match="the data of Tensor is a ndarray: only engines on single"):
        read(UNREADABLE["tensor"].make(1.0) + 1)


def test_a_grad_that_is_no_number_is_refused():
    y = Node(1.0, _prev=())
    y.grad = [0.0]
    with pytest.raises(TypeError, match="the grad of Node is a list"):
        read(y)


# Names.


def test_operations_and_labels_are_read_as_they_are():
    class Kind(Enum):
        MUL = 1

    class Sub:
        pass

    leaf = Node(2.0, label="leaf", op="ignored")
    for op, name in [("ReLU", "ReLU"), (Kind.MUL, "MUL"), (Sub, "Sub"), (math.tanh, "tanh")]:
        y = Node(6.0, _prev=(leaf,), partials=(1.0,), operation=op, _name="y")
        assert [(t.op, t.label) for t in read(y).order] == [("", "leaf"), (name, "y")]


@pytest.mark.parametrize("name", ["label", "op", "_name"])
def test_a_name_that_raises_is_no_name(name):
    class Shy(Node):
        pass

    setattr(Shy, name, property(lambda self: 1 / 0))
    x = Shy(2.0, _prev=())
    graph = read(Shy(3.0, _prev=(x,), local_grads=(1.0,)))
    assert [(t.op, t.label) for t in graph.order] == [("", ""), ("", "")]


@pytest.mark.parametrize("name", ["data", "grad", "_prev"])
def test_a_property_that_raises_is_told_in_a_sentence(name):
    class Shy(Node):
        pass

    def fail(self):
        if self is x:
            raise ZeroDivisionError("two\nlines")
        return {"data": 3.0, "grad": 0.0, "_prev": (x,)}[name]

    x, y = Shy(2.0, _prev=()), Shy(3.0, local_grads=(1.0,))
    y._prev = (x,)
    setattr(Shy, name, property(fail))
    sentence = f"^the {name} of Shy raised ZeroDivisionError: two lines$"
    with pytest.raises(RuntimeError, match=sentence):
        read(y)


def test_an_operation_without_a_name_has_the_one_of_the_method_that_made_its_closure():
    a, b = engines.Handwritten(2.0), engines.Handwritten(3.0)
    results = a + b, a * b, a**2, a.tanh()
    assert [read(y).order[-1].op for y in results] == ["+", "*", "**", "tanh"]
    assert read(ENGINES["stored derivatives"].make(2.0) * 2).order[-1].op == ""


@pytest.mark.parametrize(
    ("qualname", "op"),
    [
        ("Value.__rsub__.<locals>._backward", "-"),
        ("Value.__neg__.<locals>.<lambda>", "neg"),
        ("test.<locals>.Value.__truediv__.<locals>.back", "/"),
        ("mul.<locals>._backward", "*"),
        ("Value.relu.<locals>._backward", "relu"),
        ("Value._make.<locals>._backward", ""),
        ("test.<locals>.Value._backward", ""),
        ("Value._backward", ""),
    ],
)
def test_a_closure_tells_its_operation(qualname, op):
    def closure():
        pass

    closure.__qualname__ = qualname
    assert parts.maker(closure) == op


# What is asked of their objects.


def test_their_operators_and_their_getattr_are_not_run():
    class Touchy:
        def __init__(self, data, *operands):
            self.data, self._prev, self.local_grads = data, operands, [1.0] * len(operands)

        def refuse(self, *_):
            raise AssertionError

        __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __repr__ = __float__ = refuse
        __lt__ = __contains__ = __getattr__ = __getattribute__ = refuse

    a = Touchy(1.0)
    assert len(read(Touchy(2.0, a, Touchy(3.0), a)).order) == 3


def test_reading_under_no_grad_records_all_the_same():
    x = ENGINES["closures and a set"].make(3.0, "x")
    with no_grad():
        graph = read(x * x)
    assert graph.order[-1].operands == (graph.order[0],)
    assert graph.order[-1].partials == (6.0,)


def test_reading_under_no_grad_gives_the_same_operands_and_constants():
    make = ENGINES["closures and a set"].make
    a, b = make(3.0, ""), make(3.0, "")
    y = a - b
    y = Node(0.0, _prev=(y, 5), _op="*", _backward=lambda: None)
    with no_grad():
        graph = read(y)
    x, z, difference, five, _ = graph.order
    assert {*difference.operands} == {x, z} == {graph.twins[id(a)], graph.twins[id(b)]}
    assert (five.op, five.data) == ("const", 5.0)
    assert [t.op for t in graph.order] == [t.op for t in read(y).order]


def test_our_own_values_can_be_read_too():
    x = Value(3.0, label="x")
    y = x * x + 1
    graph = read(y)
    assert [(t.data, t.op, t.partials) for t in graph.order] == [
        (v.data, v.op if v.operands else "", v.partials) for v in topological_order(y)
    ]


# Probing.


@pytest.mark.parametrize("name", ["recursive", "assigns"])
def test_a_backward_that_recurses_or_assigns_still_shows_its_local_derivatives(name):
    x = ENGINES[name].make(3.0, "x")
    b = x * 2
    y = x * b  # which uses x directly and through b
    assert read(y).order[-1].partials == (6.0, 3.0)


def test_an_error_in_a_backward_is_told_in_a_sentence_and_all_is_put_back():
    x = UNREADABLE["raises"].make(0.5, "x")
    y = (x * 3).tanh() * x
    x.grad = marker = 12345.678
    with pytest.raises(RuntimeError, match=r'^the _backward of "tanh" raised ZeroDivisionError: '):
        read(y)
    assert x.grad is marker
    assert not y.__dict__.keys() - x.__dict__.keys()
    assert y._backward.__name__ == "_backward"


def test_what_a_backward_changes_beyond_grads_is_put_back():
    a = Node(2.0)
    y = Node(6.0, _prev=(a,))

    def _backward():
        a.grad, a.data, a.visited, y._prev = 3.0, 100.0, True, None
        del y.grad

    y._backward = _backward
    graph = read(y)
    assert graph.order[-1].partials == (3.0,)
    assert (a.__dict__, y.grad) == ({"data": 2.0, "grad": 0.0}, 0.0)
    assert y._prev == (a,)
    assert y._backward is _backward


def test_slots_are_put_back_as_they_were():
    x = ENGINES["slots"].make(3.0, "x")
    y = x * 2

    def _backward():
        x.grad, x.later = 2.0, 1
        del y.label

    y._backward = _backward
    read(y)
    assert not hasattr(x, "later")
    assert y.label == ""


class Kept:
    """Keeps its grad in something that others may share."""

    def __init__(self, data, cell, key, *operands):
        self.data, self.cell, self.key, self._prev = data, cell, key, operands

    def get(self):
        return self.cell[self.key]

    def set(self, grad):
        self.cell[self.key] = grad

    grad = property(get, set)

    def _backward(self):
        for operand in self._prev:
            operand.grad += 3.0


@pytest.mark.parametrize("cell", [[7.0, 8.0], {0: 7.0, 1: 8.0}, np.array([7.0, 8.0])])
def test_a_grad_that_a_property_keeps_elsewhere_is_put_back(cell):
    x = Kept(2.0, cell, 0)
    y = Kept(6.0, cell, 1, x)
    graph = read(y)
    assert (graph.order[0].grad, graph.order[-1].partials) == (7.0, (3.0,))
    assert (cell[0], cell[1]) == (7.0, 8.0)
    assert x.__dict__ == {"data": 2.0, "cell": cell, "key": 0, "_prev": ()}


def test_a_grad_that_can_only_be_read_is_told():
    class ReadOnly(Kept):
        grad = property(Kept.get)

    cell = [7.0, 8.0]
    with pytest.raises(RuntimeError, match='^the _backward of "" raised AttributeError: '):
        read(ReadOnly(6.0, cell, 1, ReadOnly(2.0, cell, 0)))
    assert cell == [7.0, 8.0]


def test_threads_may_look_at_one_graph_at_the_same_time():
    x = y = micrograd.engine.Value(0.5)
    for _ in range(300):
        y = y * 0.999 + x
    y.backward()
    nodes = [x, *y._prev]
    before = [(node.grad, node._backward) for node in nodes]
    found, interval = [], sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        looks = [
            threading.Thread(target=lambda: found.append([t.partials for t in read(y).order]))
            for _ in range(8)
        ]
        for look in looks:
            look.start()
        for look in looks:
            look.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(found) == 8
    assert all(partials == found[0] for partials in found)
    assert [(node.grad, node._backward) for node in nodes] == before


def test_a_method_of_a_class_with_slots_that_calls_those_of_its_operands_is_read():
    x = ENGINES["recursive with slots"].make(0.5, "")
    method = vars(type(x))["_backward"]
    b = x.exp()
    y = x * b  # a pass gives x a grad from both ways
    assert read(y).order[-1].partials == (b.data, 0.5)
    assert (x.grad, b.grad, y.grad) == (0.0, 0.0, 0.0)
    assert vars(type(x))["_backward"] is method


def test_a_method_of_a_class_with_slots_that_changes_its_operands_alone_is_read():
    x = ENGINES["methods and slots"].make(3.0, "")
    b = x * 2
    assert read(x * b).order[-1].partials == (6.0, 3.0)


def test_a_backward_that_leaves_no_number_is_told():
    a = Node(2.0)
    y = Node(6.0, _prev=(a,), _op="f", _backward=lambda: setattr(a, "grad", "much"))
    with pytest.raises(
        TypeError, match='the grad that the _backward of "f" gives to an operand is'
    ):
        read(y)
    assert a.grad == 0.0


def test_a_backward_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr(probing, "PROBE_SECONDS", 0.2)
    x = Node(1.0, _prev=())

    def _backward():
        while True:
            x.product(1.0)

    y = Node(2.0, _prev=(x,), _backward=_backward)
    marker = x.grad
    profiles = []
    sys.setprofile(profile := lambda *event: None)
    try:
        with pytest.raises(TimeoutError, match="^the probes take over 0.2 seconds: does a _back"):
            read(y)
        profiles.append(sys.getprofile())
    finally:
        sys.setprofile(None)
    assert profiles == [profile]
    assert x.grad is marker


def test_a_recursion_too_deep_is_told():
    y = Node(1.0, _prev=(Node(2.0),), _op="f")

    def _backward():
        _backward()

    y._backward = _backward
    with pytest.raises(RuntimeError, match='^the _backward of "f" raised RecursionError: '):
        read(y)


def test_reading_works_inside_a_profiler():
    import cProfile

    x = ENGINES["closures and a set"].make(3.0, "x")
    graph = cProfile.Profile().runcall(read, x * x)
    assert graph.order[-1].partials == (6.0,)


def test_probed_derivatives_are_those_of_the_data_of_today():
    x = ENGINES["closures and a set"].make(3.0, "x")
    y = x * x
    y.backward()
    x.data = 4.0
    graph = read(y)
    assert graph.of_now
    assert graph.order[-1].partials == (8.0,)
    assert (graph.order[-1].data, graph.order[0].grad) == (9.0, 6.0)


# Adopted.


def test_adopt_reads_odd_names():
    output = random_graph(UNREADABLE["odd names"], random.Random(1))
    output.backward()
    with pytest.raises(TypeError, match="no operands were found in OddNames"):
        read(output)
    graph = read(engines.adopt_odd_names(output))
    assert graph.order[-1].op == "+"
    assert len(graph.order) > 10


def test_what_adopt_leaves_out_is_found_as_usual():
    x = ENGINES["closures and a set"].make(3.0, "x")
    graph = read(adopt(x * x, op=lambda node: node._op + "!"))
    assert [t.op for t in graph.order] == ["", "*!"]
    graph = read(adopt(x * x, partials=lambda node: [7.0]))
    assert graph.order[-1].partials == (7.0,)
    assert not graph.of_now
    graph = read(adopt(x * x, operands=lambda node: list(node._prev)))
    assert not graph.unordered


def test_adopt_checks_what_the_functions_return():
    x = ENGINES["closures and a tuple"].make(3.0, "x")
    with pytest.raises(TypeError, match=r"gave 2 local derivatives for 1 operands"):
        read(adopt(-x, partials=lambda node: [1.0, 2.0]))
    with pytest.raises(TypeError, match=r"the operands of .* are no list, tuple or set: 'ab'"):
        read(adopt(-x, operands=lambda node: "ab"))
    for none in None, 3.0:
        with pytest.raises(TypeError, match=r"gave 0 local derivatives for 1 operands"):
            read(adopt(-x, partials=lambda node, none=none: none))


def test_adopt_takes_functions_of_a_value():
    x = ENGINES["closures and a tuple"].make(3.0, "x")
    sentence = "^operands is a function of a value, such as lambda value: value.operands, not '_pre"
    with pytest.raises(TypeError, match=sentence):
        adopt(x, operands="_prev")
    with pytest.raises(TypeError, match="^adopt takes a value, not another adopt"):
        adopt(adopt(x))


def test_adopt_takes_none_for_no_operands_and_no_name_and_generators_too():
    x = ENGINES["closures and a tuple"].make(3.0, "x")
    y = x * 2.0
    assert graph_of(adopt(y, operands=lambda node: None)) == [y]
    assert [t.op for t in read(adopt(y, op=lambda node: None)).order] == ["", "", ""]
    graph = read(adopt(y, operands=lambda n: (v for v in n._prev), partials=lambda n: iter((2, 3))))
    assert graph.order[-1].partials == (2.0, 3.0)


def test_the_repr_of_what_was_adopted_never_raises():
    class NoText:
        def __repr__(self):
            raise ValueError

    assert repr(adopt(Value(1.0))) == "adopt(Value(1.0, grad=0.0))"
    assert repr(adopt(NoText())) == "adopt(?)"


# Sentences.


@pytest.mark.parametrize("output", [1.0, np.float64(1.0), "y", None, [], {}, len])
def test_an_output_that_is_no_value_is_refused(output):
    with pytest.raises(TypeError, match=r"^a graph is that of one Value, not of "):
        read(output)


def test_a_class_made_by_exec_is_an_engine_too():
    namespace = {}
    exec("class V:\n data = 1.0; grad = 0.0; _prev = ()", namespace)
    V = namespace["V"]
    assert V.__module__ == "builtins"
    assert read(V()).order[0].data == 1.0
    assert class_of(V()) is V


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_of_outputs_is_refused_with_a_cure(kind):
    with pytest.raises(TypeError, match=r"^a graph is that of one Value, such as the first of the"):
        read(kind([ENGINES["micrograd"].make(1.0)]))


def test_an_engine_without_operands_is_told_what_was_looked_for_and_the_cure():
    y = Node(1.0, creators=[])
    with pytest.raises(TypeError) as error:
        read(y)
    assert str(error.value) == (
        "no operands were found in Node: looked for _prev, _parents, parents, _children, children, "
        "prev, inputs, _inputs, operands, _operands, args, _args, src, and it has data, grad, "
        "creators; give them with adopt(output, operands=…, partials=…, op=…)"
    )


def test_an_engine_without_numbers_is_told_what_was_looked_for():
    y = Node(_prev=())
    del y.data
    with pytest.raises(TypeError, match="no numbers were found in Node: looked for data, value, "):
        read(y)


def test_an_engine_without_derivatives_is_told_what_was_looked_for():
    y = Node(1.0, _prev=(Node(2.0),), op="f")
    with pytest.raises(TypeError, match='no local derivatives were found for "f": looked for _loc'):
        read(y)


def test_an_operand_without_data_is_told():
    with pytest.raises(TypeError, match=r"^'a' \(str\) is no operand: it has no data; give them"):
        read(Node(1.0, _prev=("a",), local_grads=(1.0,)))


def test_an_engine_is_known_by_the_class_that_all_its_values_share():
    class Base:
        pass

    class Add(Base):
        pass

    class Leaf(Base):
        pass

    assert class_of(Add()) is class_of(Leaf()) is class_of(adopt(Leaf())) is Base
    assert class_of(1.0) is float


def test_a_base_class_that_values_share_with_layers_is_not_that_of_values():
    class Base:
        def __init__(self):
            self.name = ""

    class Layer(Base):
        pass

    class Value(Base):
        def __add__(self, other):
            return self

    class Add(Value):
        pass

    assert class_of(Add()) is class_of(Value()) is Value
    assert not issubclass(Layer, class_of(Value()))


# The order of operands from a set.


def test_operands_from_a_set_are_sorted_by_name_then_operation_data_and_derivative():
    make = ENGINES["closures and a set"].make
    b, two, one = make(9.0, "b"), make(2.0, ""), make(1.0, "")
    a, product = make(5.0, ""), make(0.5, "") * 7.0
    y = make(0.0, "y")
    y._prev, y._backward = {two, product, one, b, a}, lambda: None
    twins = read(y, {id(a): "a"}).order[-1].operands
    assert [(t.label, t.op, t.data) for t in twins] == [
        *[("", "", 5.0), ("b", "", 9.0), ("", "*", 3.5), ("", "", 1.0), ("", "", 2.0)]
    ]


def test_nan_has_a_place_among_operands_too():
    make = ENGINES["closures and a set"].make
    nodes = [make(math.nan, ""), make(1.0, ""), make(math.nan, ""), make(-1.0, "")]
    y = make(0.0, "")
    y._prev, y._backward = set(nodes), lambda: None
    assert [t.data for t in read(y).order[-1].operands][:2] == [-1.0, 1.0]


PROGRAM = """
import random, sys
from micrograd.engine import Value
from tinygrad_neuron.foreign.reading import read

junk = [object() for _ in range(int(sys.argv[1]) % 977)]  # so that addresses differ
rng = random.Random(0)
equal = len(sys.argv) > 2
w = [[Value(0.5 if equal else rng.uniform(-1, 1)) for _ in range(3)] for _ in range(4)]
v = [Value(0.5 if equal else rng.uniform(-1, 1)) for _ in range(4)]
loss = Value(0.0)
for sample in range(3):
    junk.append(object())
    x = [Value(rng.uniform(-1, 1)) for _ in range(2)]
    hidden = [(a[0] * x[0] + a[1] * x[1] + a[2]).relu() for a in w]
    y = sum((h * u for h, u in zip(hidden, v)), Value(0.0))
    loss = loss + (y - 1.0) ** 2 + y * y
graph = read(loss)
place = {twin: i for i, twin in enumerate(graph.order)}
for twin in graph.order:
    print(twin.op, twin.data, twin.partials, [place[t] for t in twin.operands])
"""


@pytest.mark.parametrize("equal", [[], ["equal"]], ids=["random weights", "equal weights"])
def test_an_engine_with_sets_is_read_in_the_same_order_by_every_process(equal):
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(seed * 331), *equal],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            stdout=subprocess.PIPE,
        )
        for seed in (0, 1, 2)
    ]
    texts = {program.communicate()[0] for program in programs}
    assert [program.returncode for program in programs] == [0, 0, 0]
    assert len(texts) == 1
    assert len(texts.pop()) > 1000


def test_values_that_can_be_exchanged_are_kept_in_step():
    """Two sets have the same members, and two more have what belongs to these."""

    def text(seed):
        make, rng = ENGINES["closures and a set"].make, random.Random(seed)
        keep = [make(1.0, "") for _ in range(rng.randrange(50))]
        a, b, c, d = (make(1.0, "") for _ in range(4))
        pairs = [(a, b), (c, d), (a, c), (b, d)]
        sums = [x + y if rng.random() < 0.5 else y + x for x, y in pairs]
        y = sums[0] * 5.0 + sums[1] * 5.0 + (sums[2] + sums[3])
        graph = read(y)
        place = {twin: i for i, twin in enumerate(graph.order)}
        assert keep is not None
        return [(t.op, t.data, t.partials, [place[o] for o in t.operands]) for t in graph.order]

    assert all(text(seed) == text(0) for seed in range(30))


# Size.


@pytest.mark.parametrize("name", ["micrograd", "stored derivatives"])
def test_a_graph_of_100_000_values_is_read_without_recursion(name):
    make = ENGINES[name].make
    x = make(0.5, "")
    y = x
    for _ in range(33_333):
        y = y * 0.999 + x
    graph = read(y)
    assert len(graph.order) == 100_000
    while graph.originals:  # their chain is taken apart from its end; Python would recurse
        graph.originals.popitem()


def test_nothing_is_left_behind(collector_off):
    x = ENGINES["stored derivatives"].make(3.0, "")
    y = x * x
    read(y)
    gc.collect()
    graph = read(y)
    del graph
    assert gc.collect() == 0
    assert not [g for g in gc.get_objects() if type(g) is ForeignGraph]


def test_micrograd_is_read():
    a, b = micrograd.engine.Value(-4.0), micrograd.engine.Value(2.0)
    y = (a * b + b**3).relu() - a / b
    y.backward()
    graph = read(y, {id(a): "a", id(b): "b"})
    assert graph.order[-1].op == "+"
    assert {graph.originals[t] for t in graph.order if not t.operands} >= {a, b}
    assert graph.twins[id(a)].grad == a.grad
