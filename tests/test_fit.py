"""How much of a graph a picture shows: as much as fits on a page."""

import random
import re

import pytest
from graphs import Program
from seen import Seen

from tinygrad_neuron import MLP, Value, draw, mean, mse_loss, topological_order

WIDTH, HEIGHT, SMALLEST = 830, 1400, 11  # pixels


def chain(length):
    y = Value(1.0, label="x")
    for _ in range(length):
        y = y.tanh()
    return y


def network(after_backward):
    net = MLP(2, [16, 16, 1], Value.tanh, random.Random(0))
    y = net([1.0, -0.5])[0]
    if after_backward:
        y.backward()
    return net, y


def check_fits(picture):
    """On a page, readable, and with nothing left out silently."""
    seen = Seen(picture)
    width, height = seen.size()
    assert width <= WIDTH
    assert height <= HEIGHT
    sizes = {float(size) for size in re.findall('font-size="([^"]*)"', seen.svg)}
    assert min(sizes) >= SMALLEST
    assert picture.box_count <= 60
    left_out = [lines[0] for lines in seen.boxes if lines[0].startswith("… and ")]
    assert bool(left_out) == any(" boxes for " in note for note in seen.notes)
    return seen


@pytest.mark.parametrize("seed", range(20))
def test_a_random_graph_fits_on_a_page(seed):
    program = Program(seed, size=random.Random(seed).randint(3, 80))
    y = program.run([Value(x) for x in program.leaves])
    if seed % 2:
        y.backward()
    check_fits(draw(y, variables={}))


def test_a_chain_of_30_values_fits_on_a_page():
    seen = check_fits(draw(chain(30)))
    counts = [int(re.search(r"\d+", lines[0])[0]) for lines in seen.boxes if "…" in lines[0]]
    assert len(seen.boxes) - len(counts) + sum(counts) == 31


@pytest.mark.parametrize("after_backward", [False, True])
def test_a_network_of_33_neurons_fits_on_a_page_with_all_of_them(after_backward):
    net, y = network(after_backward)
    seen = check_fits(draw(y, model=net))
    assert len(seen.boxes) == 2 + 16 + 16 + 1
    what = "what flows back" if after_backward else "the local derivative ∂"
    assert seen.notes == [
        "a neuron is one box; draw(…, expand=True) shows what is inside",
        f"a line shows {what}: the larger, the wider",
        "blue: positive; orange and dashed: negative; grey and dotted: 0",
    ]


def test_a_loss_over_many_samples_fits_on_a_page():
    net, _ = network(False)
    rng = random.Random(1)
    rows = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(20)]
    loss = mse_loss([net(row)[0] for row in rows], [1.0] * 20)
    loss.backward()
    check_fits(draw(loss, model=net))


def test_everything_is_drawn_on_request_however_large():
    y = chain(30)
    picture = draw(y, expand=True)
    assert picture.box_count == len(topological_order(y)) == 31
    seen = Seen(picture)
    assert max(seen.size()) > HEIGHT
    assert seen.notes == []
    assert seen.between("v29", "y")[0][0].startswith("∂ 0.9")  # with the numbers on its arrows


def across(picture):
    return "rankdir=LR" in picture.source


def test_a_picture_goes_from_left_to_right_or_else_down_before_numbers_are_left_out():
    short, long = chain(3), chain(8)
    assert across(draw(short))
    picture = draw(long)
    assert not across(picture)
    seen = check_fits(picture)
    assert len(seen.boxes) == 9
    assert all(texts for _, _, texts in seen.arrows)
    assert across(draw(long, direction="LR"))
    check_fits(draw(long, direction="LR"))


def test_numbers_on_arrows_are_left_out_before_boxes_are():
    net = MLP(2, [7, 7, 1], Value.tanh, random.Random(0))
    y = net([1.0, 2.0])[0]
    seen = check_fits(draw(y))
    assert len(seen.boxes) == 2 + 7 + 7 + 1
    assert not any(texts for _, _, texts in seen.arrows)
    assert "a line shows the local derivative ∂: the larger, the wider" in seen.notes


def test_boxes_that_are_alike_are_left_out_before_what_is_far_away():
    y = mean([Value(float(i), label=f"a{i}") for i in range(50)]).tanh().exp()
    seen = check_fits(draw(y))
    assert [lines[0] for lines in seen.boxes if "…" in lines[0]] == ["… and 47 more like this"]
    assert {"a0", "a1", "a2"} <= set(seen.names.values())


def test_what_does_not_fit_with_one_of_each_kind_is_drawn_from_the_output_on():
    seen = check_fits(draw(chain(100)))
    first, *rest = (name for name in seen.names.values() if name.startswith("v"))
    assert [first, *rest][-1] == "v100"
    assert [int(name[1:]) for name in (first, *rest)] == list(range(int(first[1:]), 101))
    assert [lines for lines in seen.boxes if "…" in lines[0]] == [[f"… and {first[1:]} more"]]


def test_what_was_opened_is_drawn_whole_even_if_it_does_not_fit():
    net = MLP(2, [3, 1], Value.tanh, random.Random(0))
    y = net([0.5, -1.0])[0]
    for expand, boxes in ("layers[0].neurons[1]", 2 + 2 + 6 + 1), ("layers[0]", 2 + 3 * 6 + 1):
        picture = draw(y, expand=expand)
        assert picture.box_count == boxes
        assert not any("…" in lines[0] and "and" in lines[0] for lines in Seen(picture).boxes)


def test_names_of_any_length_fit():
    long = [Value(float(i), label="temperature of the room number " + str(i)) for i in range(6)]
    y = (long[0] * long[1] + long[2] * long[3]).tanh() * long[4] + long[5]
    y.backward()
    check_fits(draw(y))


def test_without_a_layout_program_nothing_is_left_out_that_60_boxes_have_room_for(monkeypatch):
    monkeypatch.setenv("TINYGRAD_NEURON_DOT", "no-such-program")
    assert draw(chain(59)).box_count == 60
    assert draw(mean([Value(float(i)) for i in range(59)])).box_count == 60
    assert draw(mean([Value(float(i)) for i in range(60)])).box_count == 4
