"""Stopping at the first number that is not finite."""

import gc
import subprocess
import sys
import threading
from contextlib import suppress
from math import inf, nan
from types import FrameType

import pytest
from graphs import nodes_alive

from tinygrad_neuron import (
    MLP,
    SGD,
    Neuron,
    Value,
    bce_loss,
    bce_with_logits_loss,
    detect_anomaly,
    dot,
    engine,
    hinge_loss,
    mean,
    mse_loss,
    no_grad,
)
from tinygrad_neuron.checks.anomaly import places

TINY = 5e-324  # the smallest float above 0: 1 / TINY is inf


def message(function, *arguments):
    """What the error says that stops function(*arguments)."""
    with pytest.raises(FloatingPointError) as info, detect_anomaly():
        function(*arguments)
    return str(info.value)


# The forward pass.


def test_the_error_has_the_operation_its_operands_and_the_users_line():
    def program():
        a, b = Value(inf), Value(inf)
        return a - b

    place = f"in {__file__}, line {program.__code__.co_firstlineno + 2}: return a - b"
    assert message(program) == f'operation "-" gave nan from a = inf and b = inf, {place}'


def test_a_leaf_that_the_user_makes_infinite_is_no_anomaly():
    with detect_anomaly():
        leaves = [Value(inf), Value(nan)]
        y = Value(inf).tanh()
    assert (len(leaves), y.data) == (2, 1.0)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda: Value(1e200) * Value(-1e200), '"*" gave −inf from 1e+200 and −1e+200,'),
        (lambda: Value(1e308) + 1e308, '"+" gave inf from 1e+308,'[:-1]),
        (lambda: Value(1.0) / TINY, '"/" gave inf from 1 and 4.941e−324,'),
        (lambda: -Value(inf, label="x"), '"neg" gave −inf from x = inf,'),
        (lambda: mean([Value(nan), Value(1.0)]), '"mean" gave nan from nan and 1,'),
        (lambda: Value(inf, (Value(2.0),), (1.0,), "mine"), '"mine" gave inf from 2,'),
        (lambda: Value(2.0).exp() * inf, '"*" gave inf from 7.389 (of exp) and inf,'),
    ],
)
def test_every_operation_is_looked_at(function, says):
    assert message(function).startswith(f"operation {says}")


def test_an_operand_with_a_name_is_called_by_it_and_another_by_what_made_it():
    def program():
        h = Value(2.0).exp()
        return h * 1e308

    assert message(program).startswith('operation "*" gave inf from h = 7.389 and 1e+308, in ')


def test_an_operand_that_is_used_twice_is_named_once():
    x = Value(1e200)
    assert message(lambda: x * x).startswith('operation "*" gave inf from x = 1e+200, in ')


def test_results_under_no_grad_are_looked_at_too():
    x = Value(1e200)
    with no_grad():
        text = message(lambda: x * 1e300)
    assert text.startswith('operation "*" gave inf from x = 1e+200 and 1e+300, in ')


def test_operands_have_the_names_that_pictures_give_them():
    net = MLP(1, [2, 1])
    net.layers[0].neurons[1].w[0].data = 1e300
    with pytest.raises(FloatingPointError) as info, detect_anomaly():
        net([1e300])
    assert '"dot" gave inf from net.layers[0].neurons[1].w[0] = 1e+300 and ' in str(info.value)
    assert str(info.value).endswith(": net([1e300])")  # and not a line of this package


def test_of_many_operands_the_largest_are_shown():
    weights = [Value(float(i), label=f"w{i}") for i in range(500)]
    inputs = [1.0] * 500
    weights[7].data = inf
    weights[300].data = nan
    assert '"dot" gave nan from w7 = inf, w300 = nan, w496 = 496, w497 = 497, w498 = 498, ' in (
        message(dot, weights, inputs)
    )
    assert ", w499 = 499, …, in " in message(dot, weights, inputs)
    weights[300].data = weights[7].data = 1.0
    weights[9].data = inputs[9] = 1e200
    assert "from w9 = 1e+200, w496 = 496, w497" in message(dot, weights, inputs)


def test_a_long_line_is_cut():
    with pytest.raises(FloatingPointError) as info, detect_anomaly():
        _ = Value(1e200) * Value(1e200) + Value(123456789.0) + Value(123456789.0) + Value(12345.0)
    source = str(info.value).partition(": ")[2]
    assert source.startswith("_ = Value(1e200) * Value(1e200) + Value(123456789.0)")
    assert (len(source), source[-1]) == (80, "…")


def test_a_line_without_a_source_has_its_number():
    program = "from math import inf\nx = Value(inf)\ny = x - x\n"
    with pytest.raises(FloatingPointError) as info, detect_anomaly():
        exec(program, {"Value": Value})
    says = 'operation "-" gave nan from x = inf, in <string>, line 3'
    assert str(info.value) == says


# Outside an operation's domain.


def test_an_error_of_the_domain_is_told_with_the_operands_name_and_the_users_line():
    def program():
        p = Value(0.0)
        p.log()

    place = f"in {__file__}, line {program.__code__.co_firstlineno + 2}: p.log()"
    assert message(program) == f"log(x) needs x > 0, not p = 0, {place}"


def test_an_error_of_the_domain_has_the_engines_own_as_its_cause():
    with pytest.raises(FloatingPointError) as info, detect_anomaly():
        Value(0.0).log()
    assert (
        repr(info.value.__cause__) == "ValueError('log(x) needs x > 0, not Value(0.0, grad=0.0)')"
    )


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda: Value(710.0).exp(), "exp(x) needs x <= 709.78, not 710, in "),
        (lambda: Value(1.0) / Value(0.0, label="b"), "a / b needs b != 0, not b = 0, in "),
        (lambda: Value(-1.0).relu().log(), "log(x) needs x > 0, not 0 (of relu), in "),
        (lambda: Value(-1.0) ** 0.5, "x ** 0.5 needs an x with a finite real power, not −1, in "),
    ],
)
def test_overflow_and_division_by_zero_are_such_errors(function, says):
    assert message(function).startswith(says)


def test_an_error_of_the_domain_deep_inside_a_model_has_the_line_that_called_the_model():
    neuron = Neuron(1, activation=Value.log)
    neuron.load_state_dict({"w1": -1.0, "b": 0.0})
    with (
        pytest.raises(FloatingPointError, match=r": neuron\(\[2\.0\]\)$") as info,
        detect_anomaly(),
    ):
        neuron([2.0])
    assert str(info.value).startswith("log(x) needs x > 0, not −2 (of +), in ")


def test_an_error_that_was_caught_is_told_if_it_is_raised_again():
    def program():
        p = Value(0.0)
        try:
            p.log()
        except ValueError as error:
            first = error
        with suppress(ZeroDivisionError):
            1 / p
        raise first

    assert message(program).startswith("log(x) needs x > 0, not p = 0, in ")


def test_an_error_that_was_caught_keeps_nothing_alive():
    p = Value(0.0)
    gc.collect()
    before = nodes_alive()
    with detect_anomaly():
        with suppress(ValueError):
            (p * 2).log()
        assert nodes_alive() == before


@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, KeyError, KeyboardInterrupt])
def test_other_errors_pass_untouched(error):
    mine = error("mine")
    with pytest.raises(error) as info, detect_anomaly():
        raise mine
    assert info.value is mine
    assert info.value.__cause__ is None


def test_errors_at_the_door_pass_untouched():
    with pytest.raises(ValueError, match="mean needs at least one"), detect_anomaly():
        mean([])
    with pytest.raises(TypeError, match="must be a real number"), detect_anomaly():
        Value("3")


# The backward pass.


def test_a_gradient_that_is_not_finite_is_told_with_its_edge_and_the_line_of_the_node():
    def program():
        x = Value(TINY)
        y = x.log()
        loss = y * 2.0
        loss.backward()

    edge = "x.grad + ∂y/∂x · y.grad = 0 + inf · 2 = inf at x = 4.941e−324"
    place = f"in {__file__}, line {program.__code__.co_firstlineno + 2}: y = x.log()"
    assert message(program) == f'backward through "log" gave {edge}, {place}'


def test_a_gradient_that_zero_times_infinity_makes_is_nan():
    x = Value(0.0)

    def program():
        root = x.sqrt()  # with slope inf, as in PyTorch
        y = root * 0.0
        y.backward()

    text = message(program)
    assert text.startswith('backward through "sqrt" gave x.grad + ∂root/∂x · root.grad = 0 + inf')
    assert "inf · 0 = nan at x = 0, in " in text


def test_contributions_that_are_finite_may_have_an_infinite_sum():
    x = Value(1.0)
    x.grad = 1e308

    def program():
        y = x * 1.5e308
        y.backward()

    assert "= 1e+308 + 1.5e+308 · 1 = inf at x = 1," in message(program)


def test_the_first_such_contribution_stops_before_any_other_is_made():
    with detect_anomaly():
        a, x = Value(3.0), Value(0.0)
        root = x.sqrt()
        y = a * root.tanh()  # tanh has slope 1 at 0
        with pytest.raises(FloatingPointError):
            y.backward()
        assert (a.grad, root.grad, x.grad) == (0.0, 3.0, inf)


def test_a_gradient_that_was_infinite_before_is_no_fault_of_the_pass():
    x = Value(2.0)
    x.grad = inf
    with detect_anomaly():
        (x * 3.0).backward()


def test_gradients_of_constants_go_nowhere_and_are_no_anomaly():
    with detect_anomaly():
        b = Value(0.5)
        y = 0.0**b
        y.backward()
    assert (y.operands[0].grad, b.grad) == (inf, 0.0)


def test_of_a_node_made_outside_the_line_is_not_known():
    x = Value(TINY, label="x")
    y = x.log()
    text = message(lambda: y.backward())
    assert text.startswith('backward through "log" gave x.grad + ∂y/∂x · y.grad = ')
    assert text.endswith(", in a line that is not known, because it ran outside detect_anomaly()")


def test_gradients_and_numbers_are_what_they_are_without():
    def train():
        net = MLP(2, [3, 1], activation=Value.tanh)
        for i, w in enumerate(net.parameters()):
            w.data = (i % 5 - 2) / 4
        optimizer = SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            loss = mse_loss(net([0.5, -1.0]), [1.0])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return [(w.data, w.grad) for w in net.parameters()]

    assert detect_anomaly()(train)() == train()


# What it leaves behind.


def test_outside_the_context_values_have_their_own_methods():
    originals = Value.__init__, Value.backward, engine.edges

    @detect_anomaly()
    def program():
        with detect_anomaly():
            assert Value.__init__ is not originals[0]
        assert Value.__init__ is not originals[0]
        assert Value.backward is not originals[1]
        assert engine.edges is originals[2]
        assert (Value(2.0) * 3.0).data == 6.0
        assert len(places) == 1
        raise KeyError

    with pytest.raises(KeyError):
        program()
    assert (Value.__init__, Value.backward, engine.edges) == originals
    assert places == {}
    assert (Value(inf) - 1).data == inf


def test_the_inner_of_two_contexts_leaves_the_outer_its_lines():
    x = Value(TINY)
    with detect_anomaly():
        y = x.log()
        with detect_anomaly():
            pass
        with pytest.raises(FloatingPointError, match=r": y = x\.log\(\)$"):
            y.backward()
        with pytest.raises(FloatingPointError):
            Value(inf) - inf


def test_it_is_a_decorator_too():
    @detect_anomaly()
    def difference(a, b):
        return a - b

    with pytest.raises(FloatingPointError, match=r": return a - b$"):
        difference(Value(inf), Value(inf))
    assert difference(Value(3.0), Value(1.0)).data == 2.0


def test_other_threads_are_not_looked_at():
    found = []

    def elsewhere():
        x = Value(TINY)
        y = x.log() - inf
        y.backward()
        found.extend([y.data, x.grad])

    with detect_anomaly():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert places == {}
    assert found == [-inf, inf]


def test_a_thread_that_leaves_does_not_end_the_watch_in_another():
    entered, leave = threading.Event(), threading.Event()

    def elsewhere():
        with detect_anomaly():
            entered.set()
            leave.wait(10)

    original = Value.__init__
    thread = threading.Thread(target=elsewhere)
    with detect_anomaly():
        thread.start()
        entered.wait(10)
        leave.set()
        thread.join()
        with pytest.raises(FloatingPointError):
            Value(inf) - inf
    assert Value.__init__ is original


def test_nodes_are_freed_at_once_inside_the_context_too(collector_off):
    before = nodes_alive()
    with detect_anomaly():
        x = Value(0.5)
        for _ in range(20):
            y = sum((x * k).tanh() for k in range(1, 50))
            y.backward()
            assert nodes_alive() < before + 400  # two graphs: the new one, and that of the old y
        assert len(places) < 400
        del x, y
        assert nodes_alive() == before


@pytest.mark.parametrize("where", ["forward", "domain", "backward"])
def test_an_error_that_was_caught_leaves_nothing_in_memory(collector_off, where):
    def program():
        x = Value(TINY)
        try:
            with detect_anomaly():
                if where == "forward":
                    x / x / x * 0.0
                elif where == "domain":
                    (x - x).log()
                else:
                    x.log().backward()
        except FloatingPointError:
            return
        raise AssertionError

    program()
    gc.collect()
    before = nodes_alive()
    program()
    assert nodes_alive() == before
    assert gc.collect() == 0


@pytest.mark.parametrize("function", [lambda x: x - x, lambda x: (x * 0).log()])
def test_an_error_keeps_no_frames_but_those_of_its_traceback(function):
    with pytest.raises(FloatingPointError) as info, detect_anomaly():
        function(Value(inf))
    frames = [entry.frame.raw for entry in info.traceback][1:]  # without this test's own
    assert frames
    assert not [v for f in frames for v in f.f_locals.values() if isinstance(v, FrameType)]


def test_a_node_of_another_thread_does_not_inherit_the_line_of_a_freed_one():
    nodes = []
    with detect_anomaly():
        x = Value(2.0)
        freed = [id(y) for y in [x.log() for _ in range(100)]]
        thread = threading.Thread(target=lambda: nodes.extend(x.log() for _ in range(1000)))
        thread.start()
        thread.join()
        assert not {id(node) for node in nodes} & places.keys()
    assert {id(node) for node in nodes} & set(freed)  # or else nothing was tried


def test_the_context_imports_no_slow_module():
    program = (
        "import sys; before = set(sys.modules)\n"  # Python 3.13 itself imports linecache
        "import tinygrad_neuron.checks.anomaly as a; from tinygrad_neuron import Value\n"
        "with a.detect_anomaly(): (Value(2.0) * 3.0).backward()\n"
        "slow = {'linecache', 'dataclasses', 'argparse', 'graphviz', 'numpy'}\n"
        "print(slow & (set(sys.modules) - before))"
    )
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "set()\n"


def test_the_second_of_two_edges_between_the_same_values_is_told_apart():
    def program():
        x = Value(1e308, label="x")
        (y := Value(1.0, (x, x), (1.5e308, 1.5e308), "mine")).backward()
        return y

    assert "x.grad + ∂₂y/∂x · y.grad = 1.5e+308 + 1.5e+308 · 1 = inf" in message(program)


def test_a_generator_that_is_closed_in_another_thread_leaves_the_context_too():
    original = Value.__init__

    def program():
        with detect_anomaly():
            yield

    generator = program()
    next(generator)
    assert Value.__init__ is not original
    thread = threading.Thread(target=generator.close)
    thread.start()
    thread.join()
    assert Value.__init__ is original


def test_an_operand_keeps_its_name_beside_a_model_that_is_not_in_the_graph():
    def program():
        neuron = Neuron(1)  # whose bias is labelled b, too
        a, b = Value(inf), Value(inf)
        return a - b, neuron

    assert '"-" gave nan from a = inf and b = inf,' in message(program)


@pytest.mark.parametrize(
    ("loss", "rule"),
    [
        (lambda: bce_loss([Value(2.0)], [0.0]), "a probability or its target is from 0 to 1"),
        (lambda: bce_with_logits_loss([Value(1.0)], [2.0]), "a probability or its target"),
        (lambda: hinge_loss([Value(1.0)], [0.0]), "hinge_loss needs targets of -1 or 1"),
    ],
)
def test_what_a_loss_refuses_has_the_line_too(loss, rule):
    place = r"test_anomaly\.py, line \d+: \(lambda"
    with pytest.raises(FloatingPointError, match=f"^{rule}.*{place}"), detect_anomaly():
        loss()
