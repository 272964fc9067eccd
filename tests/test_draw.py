"""Pictures: DOT as text, SVG read as XML."""

import gc
import math
import os
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from graphs import Program

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

SVG = "{http://www.w3.org/2000/svg}"
SQUARE = Path(__file__).with_name("square.dot")


class Seen:
    """What an SVG shows: the texts of each box, of each arrow, and those of neither."""

    def __init__(self, picture):
        self.boxes, self.arrows, self.tooltips = [], [], []
        root = ET.fromstring(picture.svg())
        for group in root.iter(f"{SVG}g"):
            texts = ["".join(text.itertext()) for text in group.iter(f"{SVG}text")]
            texts = [text for text in texts if text.strip()]
            if group.get("class") == "node":
                self.boxes.append(texts)
            elif group.get("class") == "edge":
                self.arrows.append(texts)
                links = group.iter(f"{SVG}a")
                self.tooltips += [a.get("{http://www.w3.org/1999/xlink}title") for a in links]
        self.caption = [t.text for t in root.iterfind(f"{SVG}g/{SVG}text")]

    def box(self, first):
        (texts,) = [texts for texts in self.boxes if texts[0] == first]
        return texts


def demo(samples, rng):
    """The loss of micrograd's demo: a hinge loss and the sum of the squared parameters."""
    net = MLP(2, [16, 16, 1], Value.relu, rng)
    points = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(samples)]
    losses = [(1 + -(1 if x > y else -1) * net([x, y])[0]).relu() for x, y in points]
    return net, sum(losses) * (1 / samples) + 1e-4 * sum(p * p for p in net.parameters())


# What a picture shows.


def test_a_box_has_name_operation_data_and_grad_and_an_arrow_the_local_derivative():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-0.25, label="b")
    y = w * x + b
    y.backward()
    seen = Seen(draw(y))
    assert sorted(seen.boxes) == [
        ["b", "input", "data −0.25", "grad 1"],
        ["v1", "*", "data 1", "grad 1"],
        ["w", "input", "data 0.5", "grad 2"],
        ["x", "input", "data 2", "grad 0.5"],
        ["y", "+", "data 0.75", "grad 1"],
    ]
    assert sorted(seen.arrows) == [["∂₁ 1"], ["∂₁ 2"], ["∂₂ 0.5"], ["∂₂ 1"]]


def test_the_source_is_dot_text_with_an_arrow_for_each_operand_of_a_square():
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    assert draw(y).source == SQUARE.read_text(encoding="utf-8")


def test_the_operands_of_an_n_ary_operation_are_told_apart_by_their_positions():
    y = dot([Value(2.0), Value(3.0)], [Value(5.0), Value(7.0)])
    assert [text for (text,) in Seen(draw(y)).arrows] == ["∂₁ 5", "∂₂ 7", "∂₃ 2", "∂₄ 3"]


def test_grads_are_left_out_until_there_are_some():
    y = Value(2.0, label="x") * 3.0
    assert Seen(draw(y)).box("x") == ["x", "input", "data 2"]
    y.backward()
    assert Seen(draw(y)).box("x") == ["x", "input", "data 2", "grad 3"]
    assert Seen(draw(y, grads=False)).box("x") == ["x", "input", "data 2"]


def test_kinds_differ_in_words_and_borders_and_not_in_colours_alone():
    neuron, x = Neuron(1), Value(1.0, label="x")
    source = draw(neuron(x) * 2 + 1).source
    looks = dict(re.findall(r"<I>(\S+)</I>.*?>>(.*)tooltip", source))
    assert "peripheries=2" in looks["parameter"]
    assert "rounded" in looks["input"]
    assert "dashed" in looks["constant"]
    assert "penwidth=2.5" in looks["+"]  # the last one, which is the output
    assert not looks["*"].strip()


def test_numbers_have_four_digits_or_as_many_as_wished():
    y = abs(Value(-0.123456, label="x"))
    assert Seen(draw(y)).box("x")[-1] == "data −0.1235"
    assert Seen(draw(y, digits=2)).box("x")[-1] == "data −0.12"
    assert Seen(draw(Value(-0.0, label="x"))).box("x")[-1] == "data 0"


def test_tooltips_have_the_formulas_and_the_exact_numbers():
    x = Value(0.1, label=r"x\N")
    y = (x * 3).tanh()
    y.backward()
    seen = Seen(draw(y, variables={"y": y}))
    assert set(seen.tooltips) == {
        *("∂₁ 3.0", "∂₂ = (x∖N) = 0.1", f"∂ = 1 - y * y = {y.partials[0]}")
    }
    assert f"y = tanh(v1), data {y.data}, grad 1.0" in draw(y, variables={"y": y}).source


def test_a_name_may_be_empty():
    x = Value(1.0)
    assert "v1 =  * 3, data 3.0" in draw(x * 3.0, variables={"": x}).source


def test_a_label_that_is_a_formula_is_in_brackets_in_others():
    total = Value(1.0, label="p+q")
    source = draw(total * 3.0 * -2.0, variables={}).source
    assert "v1 = (p+q) * 3, data 3.0" in source
    assert "v2 = v1 * (−2), data" in source


def test_partials_can_be_left_out_and_the_direction_chosen():
    y = Value(2.0) * 3.0
    picture = draw(y, partials=False, direction="TB")
    assert Seen(picture).arrows == [[], []]
    assert "rankdir=TB" in picture.source


def test_a_leaf_can_be_drawn():
    assert Seen(draw(Value(1.0, label="x"))).boxes == [["x", "input", "data 1"]]


@pytest.mark.parametrize(
    "label",
    [
        "<script>alert(1)</script>",
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
    assert seen.box(label)
    assert seen.box("v1")[1] == label
    assert label in tree(y, variables={})


def test_a_backslash_stands_for_itself_before_any_letter():
    label = r"\N \G \E \T \H \L \n \\"  # which Graphviz would replace
    (box,) = Seen(draw(Value(1.0, label=label))).boxes
    assert "".join(box).startswith(label)


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("two\nlines", r"two\nlines"),
        ("nul\0", r"nul\x00"),
        ("right\u202eto left", r"right\u202eto left"),
        ("\ud800", r"\ud800"),
        ("x" * 50, "x" * 39 + "…"),
    ],
)
def test_what_a_label_cannot_show_is_written_as_an_escape(label, shown):
    y = Value(1.0, label=label)
    assert Seen(draw(y)).box(shown)
    assert tree(y).startswith(f"{shown}  input")


# Networks.


def test_a_neuron_of_a_network_is_one_box_with_the_derivatives_of_its_output():
    net = MLP(2, [3, 1], Value.tanh, random.Random(0))
    x = [Value(0.5, label="x1"), Value(-1.0, label="x2")]
    y = net(x)[0]
    y.backward()
    seen = Seen(draw(y))
    assert len(seen.boxes) == 2 + 4
    assert seen.caption == ["26 values in 6 boxes; expand=True gives each its own"]
    hidden = y.operands[0].operands[0].operands[3:]
    for i, (neuron, h) in enumerate(zip(net.layers[0].neurons, hidden)):
        texts = seen.box(f"net.layers[0].neurons[{i}]")
        assert texts[1:] == ["tanh neuron", f"data {shown(h.data)}", f"grad {shown(h.grad)}"]
        for j, w in enumerate(neuron.w):
            slope = (1 - h.data**2) * w.data
            assert [f"∂{'₁₂'[j]} {shown(slope)}"] in seen.arrows
    for i, w in enumerate(net.layers[1].neurons[0].w):
        assert [f"∂{'₁₂₃'[i]} {shown(w.data)}"] in seen.arrows


def shown(x):
    return f"{x:.4g}".replace("-", "−")  # of numbers below 10,000


def sub(position):
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(position + 1))


def test_a_path_opens_one_neuron_and_true_all():
    net = MLP(2, [3, 1], Value.tanh)
    y = net([0.5, -1.0])[0]
    for path in "layers[0].neurons[1]", "net.layers[0].neurons[1]":
        seen = Seen(draw(y, expand=path))
        assert len(seen.boxes) == 2 + 3 + (3 + 3)
        assert seen.box("net.layers[0].neurons[1].w[1]")[1] == "parameter"
    assert len(Seen(draw(y, expand="layers[0]")).boxes) == 2 + 1 + 3 * (3 + 3)
    assert len(Seen(draw(y, expand=True)).boxes) == len(topological_order(y)) == 2 + 3 * 6 + 6


def test_a_lone_neuron_is_open_and_can_be_closed():
    neuron = Neuron(2, Value.tanh)
    y = neuron([1.0, 2.0])
    assert draw(y).box_count == 8
    closed = Seen(draw(y, expand=False))
    assert len(closed.boxes) == 3
    assert closed.box("y")[:3] == ["y", "neuron", "tanh neuron"]


def test_a_weight_that_is_used_elsewhere_is_drawn_and_leads_into_its_neuron():
    neuron = Neuron(1)
    neuron.load_state_dict({"w1": 3.0, "b": 1.0})
    w = neuron.w[0]
    y = neuron([2.0]) + w * w
    seen = Seen(draw(y, expand=False))
    assert sorted(text for (text,) in seen.arrows) == sorted(
        ["∂₁ 3", "∂₂ 2", "∂₁ 3", "∂₂ 3", "∂₁ 1", "∂₂ 1"]
    )


def test_an_activation_of_several_nodes_stays_outside_the_neurons_box():
    neuron = Neuron(1, lambda z: z * z.sigmoid())
    seen = Seen(draw(neuron([2.0]), expand=False))
    assert seen.box("neuron")[1] == "weighted sum"
    assert {"sigmoid", "*"} <= {texts[1] for texts in seen.boxes}


def test_an_activation_with_a_slope_that_is_learned_stays_outside_the_neurons_box():
    alpha = Value(0.25, label="alpha")

    def prelu(z):
        slope = 1.0 if z.data > 0 else alpha.data
        return Value(z.data * slope, (alpha, z), (min(z.data, 0.0), slope), "prelu")

    neuron = Neuron(1, prelu)
    neuron.load_state_dict({"w1": -0.5, "b": 0.0})
    y = neuron([Value(2.0, label="x")])
    seen = Seen(draw(y, expand=False))
    assert seen.box("neuron")[:2] == ["neuron", "weighted sum"]
    assert seen.box("alpha")[1] == "input"
    assert sorted(text for (text,) in seen.arrows) == ["∂ −0.5", "∂₁ −1", "∂₂ 0.25"]


def test_what_follows_a_neuron_is_not_taken_for_its_activation():
    neuron = Neuron(1, lambda z: z if z > 0 else 0.01 * z)
    neuron.load_state_dict({"w1": 1.0, "b": 0.0})
    x = Value(2.0, label="x")
    seen = Seen(draw(neuron(x).log(), variables={"neuron": neuron}, expand=False))
    assert seen.box("neuron") == ["neuron", "weighted sum", "data 2"]
    assert seen.box("v3") == ["v3", "log", "data 0.6931"]


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

    empty, neuron = Empty(), Neuron(1)
    assert draw(neuron([1.0]) * empty.g, expand=False).box_count == 4
    neuron.w = tuple(neuron.w)
    y = neuron([1.0])
    assert draw(y, expand=False).box_count == 2
    for w in 3, [neuron.w], ["w"]:
        neuron.w = w
        assert draw(y, expand=False).box_count == 5


def test_a_closed_neurons_box_has_its_values_own_name_too():
    first, second = Neuron(1), Neuron(1)
    hidden = first(Value(1.0, label="x"))
    y = second(hidden)
    hidden.label = "h"
    assert Seen(draw(y)).box("h")[:3] == ["h", "first", "neuron"]
    assert Seen(draw(y)).box("y")[:3] == ["y", "second", "neuron"]


def test_a_neurons_own_sum_that_something_else_uses_stays_visible():
    neuron = Neuron(1, Value.tanh)
    y = neuron([2.0])
    z = y.operands[0]
    seen = Seen(draw(y * z, expand=False))
    assert seen.box("z")[:3] == ["z", "neuron", "weighted sum"]
    assert {"tanh", "*"} <= {texts[1] for texts in seen.boxes}


def test_a_network_of_33_neurons_is_35_boxes_and_its_tooltips_have_the_derivatives():
    net = MLP(2, [16, 16, 1], Value.tanh, random.Random(0))
    y = net([1.0, 2.0])[0]
    seen = Seen(draw(y))
    assert len(seen.boxes) == 35
    assert len(seen.arrows) == len(seen.tooltips) == 2 * 16 + 16 * 16 + 16
    assert {f"∂{sub(i)} {w.data}" for i, w in enumerate(net.layers[2].neurons[0].w)} <= set(
        seen.tooltips
    )


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


def test_up_to_sixty_values_are_drawn_whole_and_of_more_a_few_of_those_that_are_alike():
    xs = [Value(float(i), label=f"x{i}") for i in range(59)]
    assert draw(mean(xs)).box_count == 60
    xs.append(Value(60.0))
    picture = draw(mean(xs))
    assert {texts[0] for texts in Seen(picture).boxes} == {
        *("x0", "x1", "x2", "… and 57 more like this", "v1")
    }
    assert "61 values in 4 boxes" in picture.source


def test_a_sum_is_one_operation_in_the_picture_of_a_large_graph():
    total = sum(Value(float(i)) ** 2 for i in range(100))
    seen = Seen(draw(total))
    assert ["… and 97 more like this"] in seen.boxes
    assert sorted(text for (text,) in filter(None, seen.arrows)) == [
        *("∂ 0", "∂ 2", "∂ 4", "∂₁ 1", "∂₂ 1", "∂₃ 1")
    ]


def test_different_operands_of_one_operation_are_not_taken_for_alike():
    numbers = [Value(float(i)) for i in range(40)]
    y = mean([x.tanh() for x in numbers[:38]] + [x.exp() for x in numbers[38:]])
    assert {texts[1] for texts in Seen(draw(y)).boxes if len(texts) > 1} == {
        *("input", "tanh", "exp", "mean")
    }


def test_no_box_stands_for_one_operand_alone():
    leaves = [Value(float(i)) for i in range(64)]
    means = [mean(leaves[i : i + 4]) for i in range(0, 64, 4)]
    output = mean([mean(means[i : i + 4]) for i in range(0, 16, 4)])
    omitted = {texts[0] for texts in Seen(draw(output)).boxes if len(texts) == 1}
    assert omitted == {"… and 2 more like this"}


def test_a_sum_that_something_else_uses_keeps_its_box():
    xs = [Value(float(i)) for i in range(100)]
    half = sum(xs[:50])
    seen = Seen(draw((half + sum(xs[50:])) * half))
    assert seen.box("half")[1] == "sum"
    assert len(seen.boxes) <= 60


def test_powers_are_alike():
    x = Value(1.5, label="x")
    texts = {texts[0] for texts in Seen(draw(mean([x**i for i in range(100)]))).boxes}
    assert {"x", "… and 97 more like this"} <= texts


def test_a_lone_neurons_loss_over_many_rows_shows_its_parameters():
    neuron = Neuron(1)
    loss = mse_loss([neuron([float(i)]) for i in range(50)], [2.0 * i for i in range(50)])
    seen = Seen(draw(loss))
    assert len(seen.boxes) <= 60
    assert [texts[0] for texts in seen.boxes if "parameter" in texts] == ["w1", "b"]
    assert "the numbers count what is left out, too" in seen.caption


def test_where_arrows_are_many_a_box_has_room_for_two_derivatives():
    xs = [Value(float(i), label=f"x{i}") for i in range(1, 41)]
    seen = Seen(draw(mean([a * b for a, b in pairwise(xs)]), expand=True))
    assert seen.box("v1") == ["v1", "*", "data 2", "∂₁ 2\xa0 ∂₂ 1"]
    assert {"∂₁ = x2 = 2.0", "∂₂ = x1 = 1.0"} <= set(seen.tooltips)


def test_where_arrows_are_many_the_widest_has_the_largest_derivative_and_a_dashed_one_is_negative():
    xs = [Value(1.0) for _ in range(101)]
    weights = [1.0, -2.0, 0.0] + [1.0] * 98
    source = draw(Value(0.0, tuple(xs), tuple(weights), "mix"), expand=True).source
    first, second, third = re.findall(r"n[123] -> n102 \[(.*)\]", source)
    assert "penwidth=1.35" in first
    assert "dashed" not in first
    assert "penwidth=2.50" in second
    assert "dashed" in second
    assert "penwidth=0.20" in third


def test_of_a_long_chain_the_part_next_to_the_output_is_drawn():
    x = Value(1.0)
    for _ in range(200):
        x = x.tanh()
    picture = draw(x)
    assert picture.box_count == 60
    assert ["… and 141 more"] in Seen(picture).boxes
    assert len(Seen(picture).arrows) == 60


def test_what_is_further_away_is_counted_with_what_was_left_out_before():
    y = mean([Value(float(i)) for i in range(100)])
    for _ in range(100):
        y = y.tanh()
    assert ["… and 141 more"] in Seen(draw(y)).boxes  # of 201 values


def test_parameters_and_inputs_are_not_alike():
    neuron = Neuron(100)
    kinds = [texts[1] for texts in Seen(draw(neuron([Value(1.0)] * 100))).boxes if len(texts) > 1]
    assert kinds.count("parameter") == 3 + 1
    assert kinds.count("input") == 1


def test_arrows_stand_in_the_order_of_the_operands():
    xs = [Value(float(i)) for i in range(40)]
    y = mean([v for x in xs for v in (x.tanh(), x.exp())])
    signs = re.findall(r"label=\"(∂\S+) 0.0125\"", draw(y).source)
    assert signs == ["∂₁", "∂₂", "∂₃", "∂₄", "∂₅", "∂₆"]


def test_the_demos_loss_over_100_samples_fits_and_says_what_is_left_out():
    net, loss = demo(100, random.Random(0))
    loss.backward()
    seen = Seen(draw(loss, model=net))
    assert len(seen.boxes) <= 60
    texts = {texts[0] for texts in seen.boxes}
    assert {"… and 99 more like this", "… and 336 more like this"} <= texts
    assert seen.caption[0] == f"{len(topological_order(loss)):,} values in 49 boxes"


def test_the_same_left_out_operands_of_several_boxes_are_one_box():
    net = MLP(2, [100, 3, 1])
    seen = Seen(draw(net([1.0, 2.0])[0]))
    assert seen.boxes.count(["… and 97 more like this"]) == 1


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


def test_too_large_a_picture_is_an_error_with_the_counts_and_the_remedies():
    y = sum(Value(1.0) * 1.0 for _ in range(1000))
    picture = draw(y, expand=True)
    assert picture.source
    counts = "at most 3,000 boxes and 10,000 arrows, not 3,999 and 3,998"
    with pytest.raises(ValueError, match=f"{counts}.*without expand=True.*tree"):
        picture.svg()
    assert list(picture._repr_mimebundle_()) == ["text/plain"]


def test_a_png_too_large_for_a_program_is_an_error(tmp_path):
    y = Value(1.0)
    for _ in range(400):
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
        picture = draw(y, expand=True)
        assert picture.box_count == len(order)
        assert picture.arrow_count == sum(len(v.operands) for v in order)
        assert picture.source == draw(y, expand=True).source
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
    assert (tmp_path / "a.dot").read_text(encoding="utf-8") == picture.source
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == picture.svg()
    assert (tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"ends in .svg, .png, .dot, not 'a.gif'"):
        picture.save("a.gif")
    assert len(list(tmp_path.iterdir())) == 3


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


def test_a_notebook_is_shown_the_svg_and_a_prompt_the_counts():
    picture = draw(Value(1.0) * 2.0)
    assert repr(picture) == "Picture(3 boxes, 2 arrows)"
    assert picture._repr_mimebundle_() == {
        "image/svg+xml": picture.svg(),
        "text/plain": "Picture(3 boxes, 2 arrows)",
    }


def test_values_of_ones_own_are_drawn_as_they_are():
    x = Value(2.0, label="x")
    third = Value(2 / 3, (x,), (Fraction(1, 3),), "third")
    assert ["∂ 0.3333"] in Seen(draw(third)).arrows
    assert Seen(draw(Value(1.0, (x,), (1.0,), 5))).boxes
    assert Seen(draw(Value(1.0, (x,), (1.0,), ""))).boxes
    assert draw(Value(1.0, op="dot") * 2).box_count == 3
    for number in math.nan, math.inf, -math.inf:
        assert Seen(draw(Value(number, label="n") * number)).box("n")


def test_wrong_options_are_errors_that_name_the_rule():
    with pytest.raises(ValueError, match="one of LR, TB, RL, BT, not 'up'"):
        draw(Value(1.0), direction="up")
    for digits in 0, 18, 2.5, 4.0, True:
        with pytest.raises(ValueError, match=f"whole number from 1 to 17, not {digits}"):
            draw(Value(1.0), digits=digits)
