"""Pictures: DOT as text, SVG read as XML."""

import gc
import math
import os
import random
import re
import subprocess
import sys
from base64 import b64decode
from fractions import Fraction
from pathlib import Path

import pytest
from graphs import Program
from seen import Seen

from tinygrad_neuron import (
    MLP,
    Neuron,
    Value,
    dot,
    draw,
    mean,
    mse_loss,
    no_grad,
    topological_order,
    tree,
)
from tinygrad_neuron.view.picture.dot_text import NEGATIVE, POSITIVE

SQUARE = Path(__file__).with_name("square.dot")


@pytest.fixture
def unfitted(monkeypatch):
    """unfitted(…) draws as where no program tells how large a picture is."""

    def draw_without(output, **options):
        with monkeypatch.context() as patch:
            patch.setenv("TINYGRAD_NEURON_DOT", "no-such-program")
            return draw(output, **{"variables": {}, **options})

    return draw_without


def demo(samples, rng):
    """The loss of micrograd's demo: a hinge loss and the sum of the squared parameters."""
    net = MLP(2, [16, 16, 1], Value.relu, rng)
    points = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(samples)]
    losses = [(1 + -(1 if x > y else -1) * net([x, y])[0]).relu() for x, y in points]
    return net, sum(losses) * (1 / samples) + 1e-4 * sum(p * p for p in net.parameters())


# The lines of a box.


def test_a_box_has_how_it_was_computed_its_name_and_data_and_its_grad():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-0.25, label="b")
    y = w * x + b
    y.backward()
    seen = Seen(draw(y))
    assert seen.boxes == [
        ["input", "w = 0.5", "grad 2"],
        ["input", "x = 2", "grad 0.5"],
        ["w · x", "v1 = 1", "grad 1"],
        ["input", "b = −0.25", "grad 1"],
        ["v1 + b", "y = 0.75", "grad 1 (start)"],
    ]
    assert seen.kinds == ["input", "input", "inner", "input", "output"]


def test_an_arrow_has_the_local_derivative_and_what_flows_back():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-0.25, label="b")
    y = 3 * (w * x + b)
    y.backward()
    assert Seen(draw(y)).arrows == [
        ("w", "v1", ("∂v1/∂w = 2", "← 6")),
        ("x", "v1", ("∂v1/∂x = 0.5", "← 1.5")),
        ("v1", "v2", ("∂v2/∂v1 = 1", "← 3")),
        ("b", "v2", ("∂v2/∂b = 1", "← 3")),
        ("v2", "y", ("∂y/∂v2 = 3", "← 3")),
    ]


def test_the_name_is_bold_and_the_largest_and_how_it_was_computed_the_smallest():
    y = Value(3.0, label="x").tanh()
    y.backward()
    seen = Seen(draw(y))
    first, name, data, grad = seen.letters(seen.id("y"))
    assert [(letters.size, letters.bold) for letters in (first, name, data, grad)] == [
        (11, False),
        (15, True),
        (15, False),
        (13, False),
    ]


@pytest.mark.parametrize(
    ("compute", "formula"),
    [
        (lambda a, b: a + b, "a + b"),
        (lambda a, b: a - b, "a − b"),
        (lambda a, b: a * b, "a · b"),
        (lambda a, b: a / b, "a / b"),
        (lambda a, b: a**b, "a ** b"),
        (lambda a, b: -a, "−a"),
        (lambda a, b: a**2, "a²"),
        (lambda a, b: a**12, "a¹²"),
        (lambda a, b: a**0.5, "a ** 0.5"),
        (lambda a, b: abs(a), "abs(a)"),
        (lambda a, b: b.tanh(), "tanh(b)"),
        (lambda a, b: dot([a], [b]), "a · b"),
        (lambda a, b: dot([a, b], [b, a]), "a · b + b · a"),
        (lambda a, b: dot([a, b, a], [b, a, b]), "a · b + … (3 terms)"),
        (lambda a, b: mean([a, b, a]), "mean(a, b, a)"),
        (lambda a, b: mean([a, b, a, b]), "mean of 4"),
        (lambda a, b: mean([a] * 1000 + [b] * 234), "mean of 1,234"),
        (lambda a, b: Value(1.0, (a, b), (1.0, 1.0), "mix"), "mix(a, b)"),
    ],
)
def test_a_box_says_how_it_was_computed_in_the_names_of_its_operands(compute, formula):
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    assert f">{formula}<" in draw(compute(a, b), variables={}, expand=True).source


def test_in_a_formula_another_formula_is_in_brackets_and_a_long_name_is_cut():
    total, long = Value(1.0, label="p+q"), Value(2.0, label="temperature_today")
    assert Seen(draw(total * long)).box("v1")[0] == "(p+q) · temperature…"
    product = dot([long, total], [long, total])  # its products alone would take 44 letters
    assert Seen(draw(product)).box("product")[0] == "temperature… · … + … (2 terms)"


def test_a_name_of_more_than_24_letters_is_cut_in_a_box_and_whole_in_its_tooltip():
    a, b = Value(1.0, label="a" * 24), Value(1.0, label="b" * 25)
    y = a * b
    seen = Seen(draw(y))
    assert set(seen.names.values()) == {"a" * 24, "b" * 23 + "…", "y"}
    assert seen.tooltip("b" * 23 + "…") == "b" * 25 + " = 1.0"


def test_a_long_path_is_written_as_a_place_in_words():
    net = MLP(2, [3, 1])
    seen = Seen(draw(net([1.0, 2.0])[0], expand=True))
    # net.layers[0].neurons[2].w[1] has 29 letters.
    assert seen.box("layer 0 neuron 2 w[1]")[0] == "parameter"
    assert seen.tooltip("layer 0 neuron 2 w[1]").startswith("net.layers[0].neurons[2].w[1] = ")


# Gradients.


def test_grads_are_left_out_until_there_are_some():
    y = Value(2.0, label="x") * 3.0
    assert Seen(draw(y)).box("x") == ["input", "x = 2"]
    assert Seen(draw(y)).between("x", "y") == [("∂y/∂x = 3",)]
    y.backward()
    assert Seen(draw(y)).box("x") == ["input", "x = 2", "grad 3"]
    assert Seen(draw(y, grads=False)).box("x") == ["input", "x = 2"]
    assert Seen(draw(y, grads=False)).between("x", "y") == [("∂y/∂x = 3",)]


def gradient(compute, **options):
    """The last line of x, from which the rest is computed."""
    x = Value(3.0, label="x")
    y = compute(x)
    y.backward()
    return Seen(draw(y, variables={}, **options)).box("x")[-1]


def test_a_value_that_is_used_twice_or_three_times_has_the_sum_of_what_came_back():
    assert gradient(lambda x: x * 5) == "grad 5"
    assert gradient(lambda x: x * x) == "grad 3 + 3 = 6"
    # The + is the first to pass back, and then the product.
    assert gradient(lambda x: x * x + x) == "grad 1 + 3 + 3 = 7"
    # The last product is the first to pass back.
    assert gradient(lambda x: x * 5 - x * 2) == "grad −2 + 5 = 3"
    assert gradient(lambda x: x * 5 + x * -2) == "grad −2 + 5 = 3"
    assert gradient(lambda x: x * -2 + x * 5) == "grad 5 − 2 = 3"
    assert gradient(lambda x: mean([x, x, x, x])) == "grad 1"


def test_three_terms_of_four_digits_have_room_and_three_of_eight_have_none():
    x = Value(2.0, label="x")
    y = x * -0.00012345678 + x * -0.00012345678 + x * -0.00012345678
    y.backward()
    # 10 + 12 + 12 letters
    assert Seen(draw(y)).box("x")[-1] == "grad −0.0001235 − 0.0001235 − 0.0001235 = −0.0003704"
    assert Seen(draw(y, digits=8)).box("x")[-1] == "grad −0.00037037034"


def test_the_gradient_of_the_output_is_the_start():
    y = Value(2.0, label="x") * 3.0
    y.backward()
    assert Seen(draw(y)).box("y")[-1] == "grad 1 (start)"
    y.grad = 2.0
    assert Seen(draw(y)).box("y")[-1] == "grad 2"
    assert Seen(draw(y)).between("x", "y") == [("∂y/∂x = 3", "← 6")]


def test_a_grad_that_is_not_what_came_back_has_the_sum_beside_it():
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    y.backward()
    seen = Seen(draw(y))
    assert seen.box("x")[-1] == "grad 12 ≠ 3 + 3"
    assert seen.notes == [
        "the grad is not the sum over the arrows at x: 2 passes added up, or set by hand"
    ]
    x.grad = 0.0
    assert Seen(draw(y)).box("x")[-1] == "grad 0 ≠ 3 + 3"
    z = x.tanh()
    z.backward()
    x.grad = 7.0
    assert Seen(draw(z)).box("x")[-1] == "grad 7 ≠ 0.009866"  # 1 - tanh(3)²


def test_data_that_the_operands_no_longer_give_are_called_old():
    x = Value(3.0, label="x")
    y = x * x
    with no_grad():
        x -= 1.0
    seen = Seen(draw(y))
    assert seen.box("y") == ["x · x", "y = 9 (old)"]
    assert seen.box("x") == ["input", "x = 2"]
    assert seen.notes == ["(old): what it was computed from has changed since"]


@pytest.mark.parametrize(
    ("direction", "arrow"), [("LR", "←"), ("TB", "↑"), ("RL", "→"), ("BT", "↓")]
)
def test_what_flows_back_has_an_arrow_against_the_direction_of_the_picture(direction, arrow):
    y = Value(2.0, label="x") * 3.0
    y.backward()
    picture = draw(y, direction=direction)
    assert f"rankdir={direction}" in picture.source
    seen = Seen(picture)
    assert seen.between("x", "y") == [("∂y/∂x = 3", f"{arrow} 3")]
    from_x = seen.letters(seen.id("x"))[0], seen.letters(seen.id("y"))[0]
    across, down = from_x[1].x - from_x[0].x, from_x[1].y - from_x[0].y
    ways = {"←": across > 50, "→": across < -50, "↑": down > 50, "↓": down < -50}
    assert [way for way, true in ways.items() if true] == [arrow]


# Arrows.


def test_derivatives_have_their_names_on_up_to_eight_arrows():
    xs = [Value(float(i), label=f"x{i}") for i in range(9)]
    y = mean(xs[:8])
    assert Seen(draw(y)).between("x0", "y") == [("∂y/∂x0 = 0.125",)]
    y = mean(xs)
    assert Seen(draw(y)).between("x0", "y") == [("∂ 0.1111",)]


def test_a_derivative_whose_name_has_more_than_24_letters_has_none():
    a, b = Value(2.0, label="a" * 20), Value(3.0, label="b" * 21)
    y = a * b  # ∂y/∂ and 20 letters are 24
    seen = Seen(draw(y))
    assert seen.between("a" * 20, "y") == [(f"∂y/∂{'a' * 20} = 3",)]
    assert seen.between("b" * 21, "y") == [("∂ 2",)]


def test_the_arrows_of_the_same_operand_are_told_apart_by_its_positions_and_no_others():
    a, b = Value(2.0, label="a"), Value(5.0, label="b")
    y = dot([a, b], [a, a])
    assert Seen(draw(y)).arrows == [
        ("a", "y", ("∂₁y/∂a = 2",)),
        ("b", "y", ("∂y/∂b = 2",)),
        ("a", "y", ("∂₃y/∂a = 2",)),
        ("a", "y", ("∂₄y/∂a = 5",)),
    ]
    xs = [Value(1.0, label=f"x{i}") for i in range(6)]
    y = mean([a, a, *xs, b])
    assert [texts for tail, _, texts in Seen(draw(y)).arrows if tail in "ab"] == [
        ("∂₁ 0.1111",),
        ("∂₂ 0.1111",),
        ("∂ 0.1111",),
    ]


def test_partials_can_be_left_out_and_what_flows_back_stays():
    y = Value(2.0, label="x") * 3.0
    assert Seen(draw(y, partials=False)).arrows == [("x", "y", ())]
    y.backward()
    assert Seen(draw(y, partials=False)).arrows == [("x", "y", ("← 3",))]


def test_an_arrow_along_which_nothing_passes_is_dotted():
    x = Value(-2.0, label="x")
    y = x.relu() + x
    seen = Seen(draw(y))
    assert seen.line("x", "v1").get("stroke-dasharray") == "1,5"
    assert "stroke-dasharray" not in seen.line("x", "y")
    assert "stroke-dasharray" not in seen.line("v1", "y")
    y = x * x.relu()
    y.backward()  # the derivative by relu(x) is −2, and that of relu is 0
    seen = Seen(draw(y))
    assert [seen.between("x", "v1"), seen.between("x", "y")] == [
        [("∂v1/∂x = 0", "← 0")],
        [("∂y/∂x = 0", "← 0")],
    ]
    assert seen.line("x", "v1").get("stroke-dasharray") == "1,5"
    assert seen.line("x", "y").get("stroke-dasharray") == "1,5"
    assert "stroke-dasharray" not in seen.line("v1", "y")


# Numbers that are part of formulas.


def test_a_plain_number_has_no_box_and_stands_in_the_formula():
    t = Value(2.0, label="t")
    y = 1.1 * t - 3
    seen = Seen(draw(y))
    assert seen.boxes == [["input", "t = 2"], ["1.1 · t", "v1 = 2.2"], ["v1 − 3", "y = −0.8"]]
    assert len(seen.arrows) == 2
    negative = t * -0.5
    assert Seen(draw(negative)).box("negative")[0] == "t · (−0.5)"


def test_a_plain_number_has_a_box_if_that_is_wished():
    t = Value(2.0, label="t")
    y = 1.1 * t
    y.backward()
    picture = draw(y, constants=True)
    assert (picture.box_count, picture.arrow_count) == (3, 2)
    seen = Seen(picture)
    assert sorted(seen.boxes) == [
        ["1.1 · t", "y = 2.2", "grad 1 (start)"],
        ["constant", "1.1"],
        ["input", "t = 2", "grad 1.1"],
    ]
    assert seen.kind("1.1") == "constant"
    assert seen.between("1.1", "y") == [("∂y/∂(1.1) = 2", "← 2")]


def test_a_constant_with_a_name_has_a_box():
    g, t = Value(9.81, op="const", label="g"), Value(2.0, label="t")
    assert Seen(draw(g * t, variables={})).box("g") == ["constant", "g = 9.81"]
    assert Seen(draw(g * t, variables={})).box("v1")[0] == "g · t"


def test_a_graph_of_a_plain_number_alone_is_a_box():
    assert Seen(draw(Value(3.0, op="const"), variables={})).boxes == [["constant", "3"]]


def test_the_numbers_given_to_a_neuron_are_inputs_with_the_places_of_their_weights():
    neuron = Neuron(2)
    y = neuron([3.0, 4.0])
    seen = Seen(draw(y))
    assert seen.box("x1") == ["input", "x1 = 3"]
    assert seen.box("x2") == ["input", "x2 = 4"]
    assert seen.box("v1")[0] == "w1 · x1 + w2 · x2"


def test_of_several_samples_each_number_says_which():
    neuron = Neuron(2)
    loss = mse_loss([neuron([1.0, 2.0]), neuron([3.0, 4.0])], [5.0, 6.0])
    seen = Seen(draw(loss))
    assert [seen.box(f"x{i} (sample {k})")[1][-1] for k in (1, 2) for i in (1, 2)] == [*"1234"]
    assert seen.box("v1")[0] == "w1 · x1 + w2 · x2"


# What makes boxes differ.


def test_kinds_differ_in_words_and_borders_and_not_in_colours_alone():
    neuron, one = Neuron(1), Value(1.0, op="const", label="one")
    h = neuron(Value(1.0, label="x"))
    y = h * one
    seen = Seen(draw(y))
    outlines = {kind: seen.outlines(id) for kind, id in zip(seen.kinds, seen.ids)}
    assert len(outlines["parameter"]) == 2  # a double line
    assert "d" in outlines["input"][0]  # round corners
    assert outlines["constant"][0]["stroke-dasharray"] == "5,2"
    assert outlines["output"][0]["stroke-width"] == "2.5"
    (inner,) = outlines["inner"]
    assert inner.keys() == {"fill", "stroke", "points"}
    assert len({outlines[kind][0]["fill"] for kind in outlines}) == 5
    words = dict(zip(seen.kinds, (box[0] for box in seen.boxes)))
    assert all(words[kind] == kind for kind in ("parameter", "input", "constant"))


def red_boxes(seen):
    """The first lines of the boxes with a thick red border."""
    found = []
    for id, lines in zip(seen.ids, seen.boxes):
        outline = seen.outlines(id)[0]
        red, green, blue = (int(outline["stroke"][i : i + 2], 16) for i in (1, 3, 5))
        if red > 2 * max(green, blue):
            assert outline["stroke-width"] == "3"
            found.append(lines[0])
    return found


def test_the_first_value_that_is_no_finite_number_has_a_red_border_and_says_so():
    x = Value(1e200, label="x")
    e = x * x
    y = e.tanh() * 0.5 - e
    seen = Seen(draw(y))
    assert [seen.box("e")[1], seen.box("y")[1]] == ["e = inf", "y = −inf"]
    assert red_boxes(seen) == ["first inf: x · x"]
    n = Value(math.nan, label="n")
    assert red_boxes(Seen(draw(n * 2.0 + x))) == ["first nan: input"]
    assert red_boxes(Seen(draw(x * 2.0))) == []


def test_the_first_gradient_that_is_no_finite_number_has_a_red_border_and_says_so():
    u = Value(1e-200, label="u")
    x = u * 2.0
    y = x.log() * 1e200  # its derivative by x is 1e200 / 2e-200
    assert red_boxes(Seen(draw(y))) == []
    y.backward()
    seen = Seen(draw(y))
    assert [seen.box(name)[-1] for name in ("x", "u")] == ["grad inf", "grad inf"]
    assert red_boxes(seen) == ["first inf grad: u · 2"]


def test_a_neuron_that_passes_nothing_on_is_grey_with_a_dotted_border():
    net = MLP(1, [2, 1], Value.relu)
    alive, dead = net.layers[0].neurons
    alive.load_state_dict({"w1": 1.0, "b": 1.0})
    dead.load_state_dict({"w1": -1.0, "b": -1.0})
    y = net([Value(2.0, label="x")])[0]
    seen = Seen(draw(y))
    outlines = {lines[0]: seen.outlines(id)[0] for id, lines in zip(seen.ids, seen.boxes)}
    alive, dead = (outlines[f"layer 0 · neuron {i} · relu"] for i in (0, 1))
    assert "stroke-dasharray" not in alive
    assert dead["stroke-dasharray"] == "1,5"
    assert dead["fill"] not in (alive["fill"], "#ffffff")
    assert "a grey neuron passes nothing back to its inputs" in seen.notes


# The source, and what numbers and names look like.


def test_the_source_is_dot_text_with_an_arrow_for_each_operand_of_a_square():
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    assert draw(y).source == SQUARE.read_text(encoding="utf-8")


def test_numbers_have_four_digits_or_as_many_as_wished():
    x = Value(-0.123456, label="x")
    y = abs(x)
    y.backward()
    assert Seen(draw(y)).box("x")[1] == "x = −0.1235"
    assert Seen(draw(y, digits=2)).box("x")[1] == "x = −0.12"
    assert Seen(draw(Value(-0.0, label="x"))).box("x")[1] == "x = 0"
    third = x * (1 / 3)
    third.backward()
    x.grad = third.partials[0]
    seen = Seen(draw(third, digits=2))
    assert seen.box("x")[-1] == "grad 0.33"
    assert seen.between("x", "third") == [("∂third/∂x = 0.33", "← 0.33")]


def test_tooltips_have_the_formulas_and_the_exact_numbers():
    x = Value(0.1, label=r"x\N")
    y = (x * 3).tanh()
    y.backward()
    seen = Seen(draw(y, variables={"y": y}))
    slope = y.partials[0]
    assert seen.tooltip(r"x\N") == f"x∖N = 0.1; ∂y/∂(x∖N) = {slope * 3}"
    assert seen.tooltip("v1") == f"v1 = (x∖N) * 3 = {3 * 0.1}; ∂y/∂v1 = {slope}"
    assert seen.tooltip("y") == f"y = tanh(v1) = {y.data}"
    assert seen.tooltips["arrow-1"] == (
        f"∂v1/∂(x∖N) = 3.0; flows back: {slope} · 3.0 = {slope * 3}"
    )
    assert seen.tooltips["arrow-2"] == (
        f"∂y/∂v1 = 1 - y * y = {slope}; flows back: 1.0 · {slope} = {slope}"
    )
    product = Value(2.0, label="a") * Value(3.0, label="b")
    assert Seen(draw(product)).tooltips["arrow-1"] == "∂product/∂a = b = 3.0"


def test_a_name_may_be_empty():
    x = Value(1.0)
    assert "v1 =  * 3 = 3.0" in draw(x * 3.0, variables={"": x}).source


def test_a_label_that_is_a_formula_is_in_brackets_in_others():
    total = Value(1.0, label="p+q")
    source = draw(total * 3.0 * -2.0, variables={}).source
    assert "v1 = (p+q) * 3 = 3.0" in source
    assert "v2 = v1 * (−2) = " in source
    assert "∂v1/∂(p+q) = 3" in source


def test_a_leaf_can_be_drawn():
    assert Seen(draw(Value(1.0, label="x"))).boxes == [["input", "x = 1"]]


@pytest.mark.parametrize(
    "label",
    [
        "<script>alert()</script>",
        "\"double\" 'single'",
        "a|b{c}<d>",
        r"back\slash \n",
        "&amp; &lt; &",
        "]]> -->",
        "%s {0}",
        "a:b",
        "日本語",
        "👩‍👩‍👧",
    ],
)
def test_a_label_stands_in_the_picture_as_it_is(label):
    y = Value(1.0, label=label) * 2.0
    y.op = label
    seen = Seen(draw(y, variables={}))
    assert seen.box(label) == ["input", f"{label} = 1"]
    assert seen.box("v1")[0].startswith(f"{label}(")  # the operation
    assert label in tree(y, variables={})


def test_a_backslash_stands_for_itself_before_any_letter():
    label = r"\N \G \E \T \H \L \n \\"  # which Graphviz would replace
    assert Seen(draw(Value(1.0, label=label))).box(label)[1] == f"{label} = 1"


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("two\nlines", r"two\nlines"),
        ("nul\0", r"nul\x00"),
        ("right\u202eto left", r"right\u202eto left"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_a_label_cannot_show_is_written_as_an_escape(label, shown):
    y = Value(1.0, label=label)
    assert Seen(draw(y)).box(shown) == ["input", f"{shown} = 1"]
    assert tree(y).startswith(f"{shown}  input")


# Networks.


def shown(x):
    return f"{x:.4g}".replace("-", "−")  # of numbers below 10,000


def first_lines(picture):
    return [lines[0] for lines in Seen(picture).boxes]


def test_a_neuron_of_a_network_is_one_box_with_the_derivatives_of_its_output():
    net = MLP(2, [3, 1], Value.tanh, random.Random(0))
    x = [Value(0.5, label="x1"), Value(-1.0, label="x2")]
    y = net(x)[0]
    y.backward()
    seen = Seen(draw(y))
    assert len(seen.boxes) == 2 + 4
    assert seen.notes[0] == "a neuron is one box; draw(…, expand=True) shows what is inside"
    hidden = y.operands[0].operands[3:]
    last = net.layers[1].neurons[0]
    assert seen.box("y") == ["layer 1 · neuron 0", f"y = {shown(y.data)}", "grad 1 (start)"]
    for i, (neuron, h, weight) in enumerate(zip(net.layers[0].neurons, hidden, last.w)):
        name = f"v{3 * i + 3}"  # v1 is the dot, v2 the sum, and v3 the tanh
        assert seen.box(name) == [
            f"layer 0 · neuron {i} · tanh",
            f"{name} = {shown(h.data)}",
            f"grad {shown(h.grad)}",
        ]
        slopes = [(1 - h.data**2) * w.data for w in neuron.w]
        for j, slope in enumerate(slopes, 1):
            assert seen.between(f"x{j}", name) == [
                (f"∂ {shown(slope)}", f"← {shown(h.grad * slope)}")
            ]
        assert seen.between(name, "y") == [(f"∂ {shown(weight.data)}", f"← {shown(weight.data)}")]


def test_the_neurons_of_two_networks_have_the_names_of_their_variables():
    f, g = MLP(1, [1]), MLP(1, [1])
    y = g(f(Value(1.0, label="x")))[0]
    assert first_lines(draw(y)) == ["input", "f · layer 0 · neuron 0", "g · layer 0 · neuron 0"]


def test_a_path_opens_one_neuron_and_true_all(unfitted):
    net = MLP(2, [3, 1], Value.tanh)
    y = net([0.5, -1.0])[0]
    named = {"variables": {"net": net}}
    for path in "layers[0].neurons[1]", "net.layers[0].neurons[1]":
        picture = unfitted(y, expand=path, **named)
        assert picture.box_count == 2 + 3 + (3 + 3)
        assert Seen(picture).box("layer 0 neuron 1 w[1]")[0] == "parameter"
    assert unfitted(y, expand="layers[0]", **named).box_count == 2 + 1 + 3 * (3 + 3)
    assert unfitted(y, expand=True, **named).box_count == 2 + 3 * 6 + 6
    assert len(topological_order(y)) == 2 + 3 * 6 + 6


def test_a_lone_neuron_is_open_and_can_be_closed():
    neuron = Neuron(2, Value.tanh)
    y = neuron([1.0, 2.0])
    assert draw(y).box_count == 8
    assert first_lines(draw(y, expand=False)) == ["input", "input", "neuron · tanh"]


def test_a_weight_that_is_used_elsewhere_is_drawn_and_leads_into_its_neuron():
    neuron = Neuron(1)
    neuron.load_state_dict({"w1": 3.0, "b": 1.0})
    w = neuron.w[0]
    y = neuron([2.0]) + w * w
    assert Seen(draw(y, expand=False)).arrows == [
        ("x1", "v2", ("∂v2/∂x1 = 3",)),
        ("w1", "v2", ("∂v2/∂w1 = 2",)),
        ("w1", "v3", ("∂₁v3/∂w1 = 3",)),
        ("w1", "v3", ("∂₂v3/∂w1 = 3",)),
        ("v2", "y", ("∂y/∂v2 = 1",)),
        ("v3", "y", ("∂y/∂v3 = 1",)),
    ]


def test_an_activation_of_several_nodes_stays_outside_the_neurons_box():
    neuron = Neuron(1, lambda z: z * z.sigmoid())
    y = neuron([2.0])
    assert first_lines(draw(y, expand=False)) == [
        *("input", "neuron · weighted sum", "sigmoid(v2)", "v2 · v3")
    ]


def test_an_activation_with_a_slope_that_is_learned_stays_outside_the_neurons_box():
    alpha = Value(0.25, label="alpha")

    def prelu(z):
        slope = 1.0 if z.data > 0 else alpha.data
        return Value(z.data * slope, (alpha, z), (min(z.data, 0.0), slope), "prelu")

    neuron = Neuron(1, prelu)
    neuron.load_state_dict({"w1": -0.5, "b": 0.0})
    y = neuron([Value(2.0, label="x")])
    seen = Seen(draw(y, expand=False))
    assert sorted(seen.boxes) == [
        ["input", "alpha = 0.25"],
        ["input", "x = 2"],
        ["neuron · weighted sum", "v2 = −1"],
        ["prelu(alpha, v2)", "y = −0.25"],
    ]
    assert sorted(seen.arrows) == [
        ("alpha", "y", ("∂y/∂alpha = −1",)),
        ("v2", "y", ("∂y/∂v2 = 0.25",)),
        ("x", "v2", ("∂v2/∂x = −0.5",)),
    ]


def test_what_follows_a_neuron_is_not_taken_for_its_activation():
    neuron = Neuron(1, lambda z: z if z > 0 else 0.01 * z)
    neuron.load_state_dict({"w1": 1.0, "b": 0.0})
    x = Value(2.0, label="x")
    picture = draw(neuron(x).log(), variables={"neuron": neuron}, expand=False)
    assert Seen(picture).boxes == [
        ["input", "x = 2"],
        ["neuron · weighted sum", "v2 = 2"],
        ["log(v2)", "v3 = 0.6931"],
    ]


def test_a_dot_that_something_else_uses_keeps_its_neuron_open():
    neuron = Neuron(1)
    total = neuron([2.0])
    y = total * total.operands[0]
    assert draw(y, expand=False).box_count == len(topological_order(y))


def test_neurons_that_share_weights_are_closed_each():
    net = MLP(2, [4, 1], Value.tanh)
    shared, *others = net.layers[0].neurons
    for neuron in others:
        neuron.w[0] = shared.w[0]
    assert draw(net([1.0, 2.0])[0]).box_count == 2 + 4 + 1


def test_a_neuron_that_is_none_of_ours_is_drawn_as_it_is():
    class Empty(Neuron):
        def __init__(self):
            self.g = Value(1.0)

    empty, neuron, x = Empty(), Neuron(1), Value(1.0, label="x")
    assert draw(neuron([x]) * empty.g, expand=False).box_count == 4
    neuron.w = tuple(neuron.w)
    y = neuron([x])
    assert draw(y, expand=False).box_count == 2
    for w in 3, [neuron.w], ["w"]:
        neuron.w = w
        assert draw(y, expand=False).box_count == 5


def test_a_closed_neurons_box_has_its_values_own_name_too():
    first, second = Neuron(1), Neuron(1)
    hidden = first(Value(1.0, label="x"))
    y = second(hidden)
    hidden.label = "h"
    assert Seen(draw(y)).box("h")[0] == "first"
    assert Seen(draw(y)).box("y")[0] == "second"


def test_a_neurons_own_sum_that_something_else_uses_stays_visible():
    neuron = Neuron(1, Value.tanh)
    y = neuron([2.0])
    z = y.operands[0]
    assert first_lines(draw(y * z, expand=False)) == [
        *("input", "neuron · weighted sum", "tanh(z)", "y · z")
    ]


def test_a_network_of_33_neurons_is_35_boxes_and_its_tooltips_have_the_derivatives():
    net = MLP(2, [16, 16, 1], Value.tanh, random.Random(0))
    y = net([1.0, 2.0])[0]
    picture = draw(y)
    seen = Seen(picture)
    assert (picture.box_count, picture.arrow_count) == (35, 2 * 16 + 16 * 16 + 16)
    assert (len(seen.boxes), len(seen.arrows)) == (35, 304)
    told = [
        seen.tooltips[id] for id, arrow in zip(seen.arrow_ids, seen.arrows) if arrow.head == "y"
    ]
    assert [text.split(" = ")[-1] for text in told] == [
        str(w.data) for w in net.layers[2].neurons[0].w
    ]


def test_an_expand_that_names_no_neuron_is_an_error():
    net = MLP(1, [1, 1])
    with pytest.raises(
        ValueError,
        match=r"neuron or layer, such as net.layers\[0\]\..*not 'x'",
    ):
        draw(net([1.0])[0], expand="x")
    with pytest.raises(ValueError, match="of which this graph has none, not 'x'"):
        draw(Value(1.0), variables={}, expand="x")
    neuron = Neuron(1)
    with pytest.raises(ValueError, match="such as neuron, not ''"):
        draw(neuron([1.0]), expand="")
    elsewhere = Neuron(1)
    with pytest.raises(ValueError, match="not 'elsewhere'"):
        draw(net([1.0])[0], expand="elsewhere")
    assert elsewhere.w
    with pytest.raises(TypeError, match="True, False or a neuron's path, not 3"):
        draw(Value(1.0), expand=3)


# Large graphs.


def test_up_to_sixty_values_are_drawn_whole_and_of_more_a_few_of_those_that_are_alike(unfitted):
    xs = [Value(float(i), label=f"a{i}") for i in range(59)]
    assert unfitted(mean(xs)).box_count == 60
    xs.append(Value(60.0))
    picture = unfitted(mean(xs))
    seen = Seen(picture)
    assert [*seen.names.values()] == ["a0", "a1", "a2", "v1", "… and 57 more like this"]
    assert seen.boxes[-1] == ["… and 57 more like this"]
    assert seen.notes[0] == "4 boxes for 61 values; draw(…, expand=True) shows all"
    assert seen.notes[1] == "data and grads are those of the whole graph"


def test_a_sum_is_one_operation_in_the_picture_of_a_large_graph(unfitted):
    total = sum(Value(float(i)) ** 2 for i in range(100))
    seen = Seen(unfitted(total))
    assert seen.boxes[-2:] == [["sum of 100", "v199 = 328350"], ["… and 97 more like this"]]
    # Of the 99 sums the last is drawn alone; v1, v2 and v4 are the squares of 0, 1 and 2.
    assert sorted(seen.arrows) == [
        ("v1", "v199", ("∂v199/∂v1 = 1",)),
        ("v2", "v199", ("∂v199/∂v2 = 1",)),
        ("v4", "v199", ("∂v199/∂v4 = 1",)),
        ("x1", "v1", ("∂v1/∂x1 = 0",)),
        ("x2", "v2", ("∂v2/∂x2 = 2",)),
        ("x3", "v4", ("∂v4/∂x3 = 4",)),
        ("… and 97 more like this", "v199", ()),
    ]


def test_the_formula_of_a_sum_names_no_value_that_became_part_of_it(unfitted):
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    total = x
    for _ in range(100):
        total = total + 1.0
    seen = Seen(unfitted(total))
    assert [*seen.names.values()] == ["x", "v100"]
    assert "v99" not in seen.box("v100")[0]
    three = ((x + 1.0) + y) * mean([Value(float(i)) for i in range(100)])
    formulas = [lines[0] for lines in Seen(unfitted(three)).boxes]
    assert not [formula for formula in formulas if "v1 " in formula]


def test_different_operands_of_one_operation_are_not_taken_for_alike(unfitted):
    numbers = [Value(float(i)) for i in range(40)]
    y = mean([x.tanh() for x in numbers[:38]] + [x.exp() for x in numbers[38:]])
    firsts = [lines[0].partition("(")[0] for lines in Seen(unfitted(y)).boxes]
    assert [firsts.count(word) for word in ("input", "tanh", "exp", "mean of 40")] == [5, 3, 2, 1]


def test_no_box_stands_for_one_operand_alone(unfitted):
    leaves = [Value(float(i)) for i in range(64)]
    means = [mean(leaves[i : i + 4]) for i in range(0, 64, 4)]
    output = mean([mean(means[i : i + 4]) for i in range(0, 16, 4)])
    omitted = {lines[0] for lines in Seen(unfitted(output)).boxes if len(lines) == 1}
    assert omitted == {"… and 2 more like this"}


def test_a_sum_that_something_else_uses_keeps_its_box(unfitted):
    xs = [Value(float(i)) for i in range(100)]
    half = sum(xs[:50])
    picture = unfitted((half + sum(xs[50:])) * half, variables={"half": half})
    assert Seen(picture).box("half") == ["sum of 50", "half = 1225"]
    assert picture.box_count <= 60


def test_powers_are_alike(unfitted):
    x = Value(1.5, label="x")
    picture = unfitted(mean([x**i for i in range(100)]))
    assert {"x", "… and 97 more like this"} <= set(Seen(picture).names.values())


def test_a_lone_neurons_loss_over_many_rows_shows_its_parameters():
    neuron = Neuron(1)
    loss = mse_loss([neuron([float(i)]) for i in range(50)], [2.0 * i for i in range(50)])
    picture = draw(loss)
    assert picture.box_count <= 60
    seen = Seen(picture)
    assert [n for n, kind in zip(seen.names.values(), seen.kinds) if kind == "parameter"] == [
        *("w1", "b")
    ]
    assert "data and grads are those of the whole graph" in seen.notes


def test_parameters_and_inputs_are_not_alike(unfitted):
    neuron = Neuron(100)
    picture = unfitted(neuron([Value(1.0)] * 100), variables={"neuron": neuron})
    kinds = Seen(picture).kinds
    assert kinds.count("parameter") == 3 + 1
    assert kinds.count("input") == 1


def test_arrows_stand_in_the_order_of_the_operands(unfitted):
    xs = [Value(float(i)) for i in range(40)]
    y = mean([v for x in xs for v in (x.tanh(), x.exp())])
    into = [arrow.tail for arrow in Seen(unfitted(y)).arrows if arrow.head == "v81"]
    # v1 = tanh(x1), v2 = exp(x1), …
    assert into == [*("v1", "v2", "v3", "v4", "v5", "v6"), *["… and 37 more like this"] * 2]


def test_the_demos_loss_over_100_samples_fits_and_says_what_is_left_out():
    net, loss = demo(100, random.Random(0))
    loss.backward()
    picture = draw(loss, model=net)
    assert picture.box_count <= 60
    seen = Seen(picture)
    assert {"… and 99 more like this", "… and 336 more like this"} <= set(seen.names.values())
    order = topological_order(loss)
    first = [v for v in order if v.op == "dot" and len(v.operands) == 4]
    given = {x for v in first for x in v.operands[2:]}  # they have boxes, as no other number has
    values = sum(v.op != "const" or v in given for v in order)
    assert seen.notes[0] == f"{picture.box_count} boxes for {values:,} values"


def test_the_same_left_out_operands_of_several_boxes_are_one_box(unfitted):
    net = MLP(2, [100, 3, 1])
    seen = Seen(unfitted(net([1.0, 2.0])[0], variables={"net": net}))
    assert seen.boxes.count(["… and 97 more like this"]) == 1


def test_of_a_long_chain_the_part_next_to_the_output_is_drawn():
    x = Value(1.0)
    for _ in range(200):
        x = x.tanh()
    picture = draw(x, variables={})
    count = picture.box_count
    assert 10 <= count <= 60
    seen = Seen(picture)
    assert [*seen.names.values()] == [
        *(f"v{201 - count}", f"… and {201 - count} more"),
        *(f"v{i}" for i in range(202 - count, 201)),
    ]
    assert len(seen.arrows) == count
    assert seen.notes[0] == f"{count} boxes for 201 values; draw(…, expand=True) shows all"


def test_what_is_further_away_is_counted_with_what_was_left_out_before():
    y = mean([Value(float(i)) for i in range(100)])
    for _ in range(100):
        y = y.tanh()
    picture = draw(y)
    assert [f"… and {201 - picture.box_count} more"] in Seen(picture).boxes


SIGNS = "blue: positive; orange and dashed: negative; grey and dotted: 0"


def many(weights):
    """An operation with so many derivatives, more than have room for numbers on their arrows."""
    xs = [Value(1.0, label=f"a{i}") for i in range(len(weights))]
    return xs, Value(0.0, tuple(xs), tuple(weights), "mix")


def test_where_arrows_are_many_a_line_shows_the_sign_and_the_size_of_the_derivative():
    _, y = many([1.0, -2.0, 0.0] + [1.0] * 98)
    seen = Seen(draw(y, variables={}, expand=True))
    positive, negative, zero = (seen.line(f"a{i}", "v1") for i in range(3))
    # From 0.7 to 3.2 points, and 1 is half of the largest one.
    assert [line["stroke-width"] for line in (positive, negative, zero)] == ["1.95", "3.2", "0.7"]
    dashes = [line.get("stroke-dasharray") for line in (positive, negative, zero)]
    assert dashes == [None, "5,2", "1,5"]
    colours = [line["stroke"] for line in (positive, negative, zero)]
    assert colours[:2] == [POSITIVE, NEGATIVE]
    assert colours[2] not in colours[:2]
    assert all(texts == () for _, _, texts in seen.arrows)
    assert {"∂v1/∂a0 = 1.0", "∂v1/∂a1 = -2.0"} <= set(seen.tooltips.values())
    assert seen.notes == ["a line shows the local derivative ∂: the larger, the wider", SIGNS]


def test_after_the_backward_pass_a_line_shows_what_flows_back_on_one_scale_for_all():
    _, total = many([1.0] * 100)
    other = Value(1.0, label="other")
    y = Value(0.0, (total, other), (-5.0, 10.0), "pair")
    y.backward()
    seen = Seen(draw(y, variables={"total": total}, expand=True))
    # Along the thickest flows 10, and 5 is half of it: 0.7 + 2.5 / 2.
    assert seen.line("other", "v1")["stroke-width"] == "3.2"
    for tail, head in ("total", "v1"), ("a0", "total"):
        line = seen.line(tail, head)
        assert (line["stroke-width"], line["stroke-dasharray"]) == ("1.95", "5,2")
    assert seen.notes == ["a line shows what flows back: the larger, the wider", SIGNS]


@pytest.mark.parametrize("boxes", [300, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_picture_of_many_boxes_is_drawn(boxes):
    rng = random.Random(1)
    nodes = [Value(1.0) for _ in range(5)]
    while len(nodes) < boxes:
        nodes.append(rng.choice(nodes[-50:]) * rng.choice(nodes[-50:]))
    used = {operand for node in nodes for operand in node.operands}
    picture = draw(mean([node for node in nodes if node not in used]), expand=True)
    assert picture.box_count == boxes + 1
    assert len(Seen(picture).boxes) == boxes + 1


@pytest.mark.parametrize(
    ("steps", "again"),
    [
        (20, 0),  # all arrows are short
        (200, 39),  # an arrow crosses 10 ranks at most, so that a box leads to 5 products
        pytest.param(1000, 333, marks=pytest.mark.slow),  # of 3,000 arrows each crosses 6, for 3
    ],
)
def test_a_weight_that_is_used_at_many_steps_is_named_again_near_them(steps, again):
    w, y = Value(1.5, label="w"), Value(0.5, label="x")
    for _ in range(steps):
        y = (y * w).tanh()
    picture = draw(y, expand=True)
    assert picture.box_count == 2 + 2 * steps
    seen = Seen(picture)
    assert len(seen.boxes) == 2 + 2 * steps
    heads = [arrow.head for arrow in seen.arrows if arrow.tail == "w"]
    assert heads == [f"v{2 * i + 1}" for i in range(steps)]
    assert len(seen.again) == again
    for id in seen.again:
        assert seen.lines(id) == ["w"]
        assert seen.tooltips[id] == "w = 1.5"


def test_too_large_a_picture_is_an_error_with_the_counts_and_the_remedies():
    y = sum(Value(1.0) * Value(1.0) for _ in range(1000))
    picture = draw(y, expand=True)
    assert picture.source
    # 2,000 leaves, 1,000 products and 999 sums; products and sums have two arrows.
    counts = "at most 3,000 boxes and 10,000 arrows, not 3,999 and 3,998"
    with pytest.raises(ValueError, match=f"{counts}.*without expand=True.*tree"):
        picture.svg()
    assert list(picture._repr_mimebundle_()) == ["text/plain"]


def test_a_png_too_large_for_a_program_is_an_error(tmp_path):
    y = Value(1.0)
    for _ in range(1000):
        y = y.tanh()
    with pytest.raises(ValueError, match="too large for a .png: save it as .svg"):
        draw(y, expand=True).save(tmp_path / "chain.png")
    assert not list(tmp_path.iterdir())


# Looking changes nothing, and shows the same twice.


@pytest.mark.parametrize("count", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_random_graphs_are_drawn_twice_to_the_same_bytes_and_changed_by_nothing(count):
    for seed in range(count):
        program = Program(seed, size=60)
        y = program.run([Value(x) for x in program.leaves])
        y.backward()
        order = topological_order(y)
        before = [(v.data, v.grad, v.label, v.op, v.operands, v.partials) for v in order]
        every = {"expand": True, "constants": True, "variables": {}}
        picture = draw(y, **every)
        assert picture.box_count == len(order)
        assert picture.arrow_count == sum(len(v.operands) for v in order)
        assert picture.source == draw(y, **every).source
        if seed % 5 == 0:
            assert draw(y).source == draw(y).source
        assert picture.svg() == picture.svg()
        assert tree(y) == tree(y)
        assert [(v.data, v.grad, v.label, v.op, v.operands, v.partials) for v in order] == before


def test_the_same_program_gives_the_same_source_in_every_process():
    program = """
from tinygrad_neuron import MLP, Value, draw, mse_loss
import random
net = MLP(2, [16, 16, 1], Value.tanh, random.Random(0))
loss = mse_loss([net([i / 9, -i / 5])[0] for i in range(20)], [1.0] * 20)
print(draw(loss).source)
"""
    sources = set()
    for seed in "1", "2", "3":
        run = [sys.executable, "-c", program]
        env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        sources.add(subprocess.run(run, env=env, capture_output=True, check=True).stdout)
    assert len(sources) == 1


def test_a_picture_is_of_the_moment_it_was_drawn():
    w = Value(2.0, label="w")
    picture = draw(w * 3.0)
    before = picture.source
    with no_grad():
        w -= 1.0
    assert picture.source == before


def test_drawing_leaves_no_cycles_behind(collector_off):
    net = MLP(2, [16, 16, 1])
    loss = mse_loss([net([i / 9, -i / 5])[0] for i in range(20)], [1.0] * 20)
    draw(loss)
    gc.collect()  # what importing has left
    draw(loss)
    assert gc.collect() == 0


# Where a picture goes.


def test_a_picture_is_saved_by_the_suffix_of_its_file(tmp_path):
    x = Value(3.0, label="x")
    picture = draw(x * x)
    picture.save(tmp_path / "a.dot")
    picture.save(str(tmp_path / "a.svg"))
    picture.save(tmp_path / "a.PNG")
    picture.save(tmp_path / "a.mmd")
    assert (tmp_path / "a.dot").read_text(encoding="utf-8") == picture.source
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == picture.svg()
    assert (tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a.mmd").read_text(encoding="utf-8") == picture.mermaid()
    with pytest.raises(ValueError, match=r"ends in .svg, .png, .pdf, .dot, .mmd, not 'a.gif'"):
        picture.save("a.gif")
    assert len(list(tmp_path.iterdir())) == 4


def test_a_pdf_is_the_same_bytes_twice(tmp_path):
    pytest.importorskip("svglib", reason="needs the package svglib")
    x = Value(3.0, label="x")
    picture = draw(x * x)
    picture.save(tmp_path / "a.pdf")
    picture.save(tmp_path / "b.pdf")
    content = (tmp_path / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert content == (tmp_path / "b.pdf").read_bytes()


def test_a_pdf_has_the_size_of_the_picture_and_letters_that_its_fonts_have(tmp_path):
    pytest.importorskip("svglib", reason="needs the package svglib")
    x = Value(-3.0, label="x")
    y = (x * x) ** 5
    y.backward()
    picture = draw(y)  # with ∂₁, ⁵, − and ←
    picture.save(tmp_path / "a.pdf")
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", (tmp_path / "a.pdf").read_bytes())
    assert [float(side) for side in box.groups()] == pytest.approx(Seen(picture).size(), abs=1.5)
    with pytest.raises(ValueError, match="a .pdf has no letter '日': save the picture as .svg"):
        draw(Value(1.0, label="日本")).save(tmp_path / "b.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]


def test_without_svglib_a_pdf_is_an_error_that_says_what_helps(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "svglib", None)
    with pytest.raises(ImportError, match=r"needs the package svglib: pip install '.\[slides\]'"):
        draw(Value(1.0)).save(tmp_path / "a.pdf")
    assert not list(tmp_path.iterdir())


def test_a_picture_that_cannot_be_written_leaves_the_old_file(tmp_path):
    picture = draw(Value(1.0))
    with pytest.raises(FileNotFoundError):
        picture.save(tmp_path / "nowhere" / "a.dot")
    (tmp_path / "a.dot").mkdir()
    with pytest.raises(OSError, match="a.dot"):
        picture.save(tmp_path / "a.dot")
    assert [path.name for path in tmp_path.iterdir()] == ["a.dot"]


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        draw(Value(1.0)).save(tmp_path / "nowhere" / "a.dot")
    assert raised.value.filename == str(tmp_path / "nowhere" / "a.dot")


@pytest.mark.skipif(os.name == "nt", reason="files have no modes there")
def test_saving_keeps_the_mode_of_a_file(tmp_path):
    path = tmp_path / "a.dot"
    path.touch(mode=0o600)
    draw(Value(1.0)).save(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_saving_through_a_link_keeps_the_link(tmp_path):
    (tmp_path / "real.dot").write_text("old")
    (tmp_path / "link.dot").symlink_to(tmp_path / "real.dot")
    draw(Value(1.0)).save(tmp_path / "link.dot")
    assert (tmp_path / "link.dot").is_symlink()
    assert (tmp_path / "real.dot").read_text(encoding="utf-8").startswith("digraph")


def test_a_notebook_is_shown_the_svg_and_a_narrow_png_and_a_prompt_the_counts():
    wide = Value(1.0, label="x")
    for _ in range(8):
        wide = wide.tanh()
    for picture in draw(Value(1.0, label="x").tanh()), draw(wide, expand=True, direction="LR"):
        shown = picture._repr_mimebundle_()
        assert shown.keys() == {"image/svg+xml", "image/png", "text/plain"}
        assert shown["image/svg+xml"] == picture.svg()
        assert shown["text/plain"] == repr(picture)
        png = b64decode(shown["image/png"])
        assert png.startswith(b"\x89PNG")
        assert 100 <= int.from_bytes(png[16:20], "big") <= 1000  # pixels across
    assert repr(draw(Value(1.0, label="x").tanh())) == "Picture(2 boxes, 1 arrows)"


def test_without_a_layout_program_a_notebook_is_shown_mermaid_and_the_facts(unfitted, monkeypatch):
    x = Value(3.0, label="x")
    picture = unfitted(x * x)
    monkeypatch.setenv("TINYGRAD_NEURON_DOT", "no-such-program")
    shown = picture._repr_mimebundle_()
    assert shown.keys() == {"text/vnd.mermaid", "text/plain"}
    assert shown["text/vnd.mermaid"].startswith(picture.mermaid())
    assert "with a layout program the picture looks better" in shown["text/vnd.mermaid"]
    assert "no-such-program: No such file" in shown["text/plain"]
    assert shown["text/plain"].endswith("\n\ninput; x = 3\nx · x; v1 = 9")
    xs = [Value(float(i)) for i in range(201)]
    assert unfitted(mean(xs), expand=True)._repr_mimebundle_().keys() == {"text/plain"}


def test_an_svg_says_in_words_what_it_shows():
    x = Value(3.0, label="x<y>")
    y = x * x
    y.backward()
    svg = draw(y).svg()
    assert svg.startswith("<svg ")
    assert re.search('<svg [^>]*class="computation-graph"', svg)
    assert "<title>Computation graph of y</title>" in svg
    assert "<desc>input; x&lt;y&gt; = 3; grad 3 + 3 = 6\n" in svg
    assert svg.count("<title>") == svg.count("<desc>") == 1


def test_an_svg_has_a_pixel_for_each_point_of_the_layout():
    picture = draw(Value(3.0, label="x").tanh())
    width, height = Seen(picture).size()
    paper = re.search(r'points="-4,4 -4,-([\d.]+) ([\d.]+),', picture.svg())
    assert (width, height) == tuple(math.ceil(float(paper[i]) + 4) for i in (2, 1))
    assert f'viewBox="0 0 {width} {height}"' in picture.svg()
    assert "scale(" not in picture.svg()


def test_values_of_ones_own_are_drawn_as_they_are():
    x = Value(2.0, label="x")
    third = Value(2 / 3, (x,), (Fraction(1, 3),), "third")
    assert Seen(draw(third)).between("x", "third") == [("∂third/∂x = 0.3333",)]
    assert Seen(draw(Value(1.0, (x,), (1.0,), 5))).boxes
    assert Seen(draw(Value(1.0, (x,), (1.0,), ""))).boxes
    assert draw(Value(1.0, op="dot") * 2).box_count == 2
    for number, text in (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "−inf"):
        assert Seen(draw(Value(number, label="n") * number)).box("n")[1] == f"n = {text}"


def test_wrong_options_are_errors_that_name_the_rule():
    with pytest.raises(ValueError, match="one of LR, TB, RL, BT, not 'up'"):
        draw(Value(1.0), direction="up")
    for digits in 0, 18, 2.5, 4.0, True:
        with pytest.raises(ValueError, match=f"whole number from 1 to 17, not {digits}"):
            draw(Value(1.0), digits=digits)
