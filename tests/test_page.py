"""The page that plays, in a headless Chromium that has no network.

`pip install playwright` brings what drives it, and the browser is the system's; where one of the
two is missing, the tests that need a browser are skipped.
"""

import math
import random
import re
import struct

import pytest
from graphs import Program as RandomProgram
from graphs import sizes_of_gradients

from tinygrad_neuron import (
    SGD,
    Neuron,
    Rule,
    Value,
    bce_loss,
    dot,
    edges,
    mean,
    mse_loss,
    play,
    steps,
    topological_order,
)
from tinygrad_neuron.view.notation import number, printable


@pytest.fixture
def opened(browser, tmp_path):
    """opened(page) shows it in the browser; whatever it says or asks for is a failure."""
    contexts, complaints = [], []

    def open_page(page, **options):
        path = tmp_path / f"{len(contexts)}.html"
        page.save(path)
        context = browser.new_context(offline=True, **{"reduced_motion": "reduce", **options})
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda r: r.url == path.as_uri() or complaints.append(r.url))
        tab.goto(path.as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def neuron_by_hand():
    """tanh(w1*x1 + w2*x2 + b) at 0.5·3 - 1·1 + 0.25 = 0.75."""
    w1, x1, w2, x2, b = leaves = [
        Value(number, label=label)
        for label, number in [("w1", 0.5), ("x1", 3.0), ("w2", -1.0), ("x2", 1.0), ("b", 0.25)]
    ]
    return leaves, (w1 * x1 + w2 * x2 + b).tanh()


def textbook_loss():
    """The mean squared error of a linear neuron at y = 2x, from w = 0.5 and b = 0."""
    neuron = Neuron(1)
    neuron.load_state_dict({"w1": 0.5, "b": 0.0})
    xs, ys = [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]
    return neuron, lambda: mse_loss([neuron(x) for x in xs], ys)


def boxes(tab):
    """The texts of the boxes, each the lines of one, in topological order."""
    return tab.evaluate(
        """() => nodes.map((_, i) => [...document.querySelectorAll(`#node-${i} text`)]
            .map(text => text.textContent))"""
    )


def lit(tab, which):
    """The ids of boxes and arrows of a class."""
    return tab.eval_on_selector_all(f"#picture {which}", "all => all.map(e => e.id)")


def everything(tab):
    """All that depends on the step."""
    classes = {which: lit(tab, f".{which}") for which in ("now", "into", "waiting", "back")}
    return boxes(tab), classes, tab.inner_text("#saying"), tab.input_value("#place")


def wait_until(tab, condition):
    """Not by the page's own eval(), which it forbids."""
    for _ in range(1000):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(20)
    pytest.fail(f"never {condition}")


def words(tab):
    return tab.inner_text("#words")


def gradients_of(output):
    """Those of a fresh pass, in topological order."""
    gradients = dict.fromkeys(topological_order(output), 0.0) | {output: 1.0}
    gradients.update((step.operand, step.grad_after) for step in steps(output))
    return list(gradients.values())


# Watch.


def test_the_forward_pass_fills_in_values_and_the_backward_pass_gradients(opened):
    _, y = neuron_by_hand()
    tab = opened(play(y))
    order = topological_order(y)
    shown = [box[-2:] for box in boxes(tab)]
    assert shown == [["data" if v.operands else f"data {number(v.data)}", "grad"] for v in order]

    said = []
    for _ in range(5):
        tab.click("#forward")
        said.append(words(tab))
    assert said == [
        "v1 = w1 * x1 = 0.5 * 3 = 1.5",
        "v2 = w2 * x2 = (−1) * 1 = −1",
        "v3 = v1 + v2 = 1.5 + (−1) = 0.5",
        "v4 = v3 + b = 0.5 + 0.25 = 0.75",
        "y = tanh(v4) = tanh(0.75) = 0.6351",
    ]
    assert tab.inner_text("#note").endswith("local derivatives: ∂y/∂v4 = 1 - y * y = 0.5966")
    assert [box[-2:] for box in boxes(tab)] == [[f"data {number(v.data)}", "grad"] for v in order]
    tab.click("#forward")
    assert words(tab) == "y.grad = 1"
    for step in steps(y, variables={"y": y}):
        tab.click("#forward")
        assert f"{words(tab)}   " == str(step).partition("(0 →")[0]
    gradients = gradients_of(y)
    assert [box[-1] for box in boxes(tab)] == [f"grad {number(g)}" for g in gradients]
    tab.click("#forward")
    assert words(tab) == "y = 0.6351"
    assert lit(tab, ".now") == lit(tab, ".into") == []
    assert not tab.is_enabled("#forward")


def test_each_step_is_the_same_forwards_and_back_and_the_start_is_the_start(opened):
    a = Value(1.5, label="a")
    h = a * a
    tab = opened(play(h + h.exp() + a))
    there = [everything(tab)]
    while tab.is_enabled("#forward"):
        tab.click("#forward")
        there.append(everything(tab))
    back = [everything(tab)]
    while tab.is_enabled("#back"):
        tab.click("#back")
        back.append(everything(tab))
    assert back == there[::-1]
    assert len(there) == 1 + 4 + 1 + 7 + 1
    assert len({str(state) for state in there}) == len(there)


def test_the_current_edge_and_its_ends_are_lit(opened):
    a = Value(3.0, label="a")
    tab = opened(play(a * a))
    tab.click("#end")
    tab.click("#back")
    assert lit(tab, ".edge.now.back") == ["edge-1"]
    assert lit(tab, ".node.now") == ["node-1"]
    assert lit(tab, ".node.into") == ["node-0"]
    assert words(tab) == "a.grad += ∂₂v1/∂a · v1.grad = 3 · 1 = 3"
    assert tab.inner_text("#note") == (
        "Chain rule: the local derivative ∂₂v1/∂a = a = 3, times the upstream gradient "
        "v1.grad = 1. It is added to what comes by other arrows: "
        "a.grad goes from 3 to 6, and is complete."
    )
    tab.click("#back")
    assert lit(tab, ".edge.now.back") == ["edge-0"]
    assert "from 0 to 3, with more to come." in tab.inner_text("#note")


def test_every_control_leads_where_it_says(opened):
    _, y = neuron_by_hand()
    tab = opened(play(y))

    def at():
        return int(tab.input_value("#place"))

    for press, place in [
        (lambda: tab.click("#end"), 16),
        (lambda: tab.click("#back"), 15),
        (lambda: tab.click("#begin"), 0),
        (lambda: tab.click("#forward"), 1),
        (lambda: tab.keyboard.press("ArrowRight"), 2),
        (lambda: tab.keyboard.press("ArrowLeft"), 1),
        (lambda: tab.keyboard.press("End"), 16),
        (lambda: tab.keyboard.press("ArrowRight"), 16),
        (lambda: tab.keyboard.press("Home"), 0),
        (lambda: tab.click("tbody tr:nth-child(7) td:nth-child(2)"), 7),
        (lambda: tab.click("tbody tr:nth-child(9) button"), 9),
        (lambda: tab.fill("#place", "12"), 12),
    ]:
        press()
        assert at() == place
        current = tab.eval_on_selector_all("tr[aria-current]", "all => all.map(r => r.rowIndex)")
        assert current == ([place] if 0 < place < 16 else [])


def test_it_plays_to_the_end_and_can_be_paused(opened):
    _, y = neuron_by_hand()
    tab = opened(play(y))
    tab.select_option("#speed", "0.5")
    tab.click("#play")
    assert tab.inner_text("#play") == "Pause"
    tab.select_option("#speed", "20")
    wait_until(tab, "$('place').value === '16'")
    assert tab.inner_text("#play") == "Play"
    tab.select_option("#speed", "0.5")
    tab.focus("#picture")
    tab.keyboard.press(" ")  # from the end it begins anew
    assert tab.inner_text("#play") == "Pause"
    assert int(tab.input_value("#place")) < 16
    tab.keyboard.press(" ")
    assert tab.inner_text("#play") == "Play"
    tab.keyboard.press("p")
    assert tab.is_visible("#prediction")


@pytest.mark.parametrize(
    ("guess", "verdict"),
    [
        ("1.5", "Right: 1.5."),
        ("1.505", "Right"),
        ("-1,5", "Not −1.5: it is 1.5."),
        ("", "It is 1.5."),
    ],
)
def test_a_prediction_is_asked_for_before_the_number_is_shown(opened, guess, verdict):
    _, y = neuron_by_hand()
    tab = opened(play(y))
    tab.click("#predict")
    assert tab.inner_text("#question") == "v1 = w1 * x1: what is it?"
    assert "1.5" not in tab.inner_text("body") + str(boxes(tab))
    tab.fill("#guess", guess)
    tab.keyboard.press("Enter")
    assert tab.inner_text("#note").startswith(verdict)
    assert words(tab).endswith(" = 1.5")
    assert tab.is_hidden("#prediction")


def test_gradients_are_predicted_too(opened):
    a = Value(3.0, label="a")
    tab = opened(play(a * a))
    tab.click("#forward")
    tab.click("#predict")
    assert tab.inner_text("#question") == "v1.grad: what is it?"
    tab.fill("#guess", "1")
    tab.click("#reveal")
    tab.click("#forward")
    tab.click("#predict")
    question = "a.grad += ∂₂v1/∂a · v1.grad, from 3: what is it?"
    assert tab.inner_text("#question") == question
    tab.fill("#guess", "6")
    tab.click("#reveal")
    assert tab.inner_text("#note").startswith("Right: 6.")


def test_the_table_has_all_steps(opened):
    _, y = neuron_by_hand()
    tab = opened(play(y))
    brief = [row.split("\t")[1] for row in tab.inner_text("tbody").splitlines() if "\t" in row]
    assert brief[4:7] == ["y = tanh(v4)", "y.grad", "v4.grad += ∂y/∂v4 · y.grad"]
    tab.click("#end")
    rows = [row.split("\t")[1] for row in tab.inner_text("tbody").splitlines() if "\t" in row]
    assert rows[4:6] == ["y = tanh(v4) = tanh(0.75) = 0.6351", "y.grad = 1"]
    assert rows[6:] == [str(step).replace("   (", " (") for step in steps(y)]


def test_arrows_have_their_derivatives_once_they_are_known(opened):
    x, w = Value(3.0, label="x"), Value(-2.0, label="w")
    tab = opened(play((x * w).tanh()))
    labels = "all => all.map(text => text.textContent)"
    assert tab.eval_on_selector_all("#picture .edge text", labels) == ["∂", "∂", "∂"]
    tab.click("#forward")
    assert tab.eval_on_selector_all("#picture .edge text", labels) == ["∂ −2", "∂ 3", "∂"]


def test_the_picture_can_be_larger_and_smaller(opened):
    tab = opened(play(neuron_by_hand()[1]))
    width = float(tab.get_attribute("#picture svg", "width"))
    tab.click("#larger")
    assert float(tab.get_attribute("#picture svg", "width")) == pytest.approx(1.25 * width)
    tab.click("#smaller")
    tab.click("#smaller")
    assert float(tab.get_attribute("#picture svg", "width")) == pytest.approx(width / 1.25)


def test_escape_closes_a_question(opened):
    tab = opened(play(neuron_by_hand()[1]))
    tab.focus("#place")
    tab.keyboard.press("p")
    assert tab.is_visible("#prediction")
    tab.keyboard.press("Escape")
    assert tab.is_hidden("#prediction")


def test_constants_are_called_by_the_number_they_have(opened):
    x = Value(3.0, label="x")
    tab = opened(play(x * 2 + -5))
    tab.click("#forward")
    assert words(tab) == "v1 = x * 2 = 3 * 2 = 6"
    tab.click("#constants summary")
    tab.fill("#constants input[type=number] >> nth=0", "-4")
    tab.click("#begin")
    tab.click("#forward")
    assert words(tab) == "v1 = x * −4 = 3 * (−4) = −12"
    assert "∂v1/∂(−4) = x = 3" in tab.inner_text("#note")


# Numbers.


def test_numbers_are_written_as_python_writes_them(opened):
    rng = random.Random(0)
    numbers = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0625, 1.0635, 9999.5, 99995.0, 1e-4]
    numbers += [9.9995e-5, 0.00012345, 5e-324, 1.7976931348623157e308, 2.5, 1000.5, 10005.0, 1e22]
    numbers += [struct.unpack("d", rng.randbytes(8))[0] for _ in range(2000)]
    numbers += [round(rng.uniform(-20, 20), rng.randrange(8)) for _ in range(2000)]
    numbers += [rng.randrange(-80_000, 80_000) / 64 for _ in range(2000)]  # with ties
    numbers += [9999.96, 99999.5, 999998.5, 999999.5, 999999.6, -999999.5, 1e6, 1234567.0]
    numbers += [math.nextafter(x, y) for x in (9999.5, 999999.5) for y in (0, math.inf)]
    numbers += [rng.choice([-1, 1]) * 10 ** rng.uniform(3, 7) for _ in range(2000)]
    numbers += [rng.randrange(-8_000_000, 8_000_000) / 4 for _ in range(2000)]
    tab = opened(play(Value(1.0) * 2))
    texts = tab.evaluate(
        "all => all.map(text => number(Number(text)))",
        [repr(x).replace("inf", "Infinity").replace("nan", "NaN") for x in numbers],
    )
    assert texts == list(map(number, numbers))


def page_numbers(tab):
    """The page's values, in topological order, and gradients."""
    numbers = tab.evaluate("[v, finalGradients].map(all => all.map(String))")
    return [[float(text.replace("Infinity", "inf")) for text in each] for each in numbers]


def set_leaf(tab, place, number):
    tab.evaluate(
        """([place, text]) => {
            const { field } = controls.find(({ i }) => i === place);
            field.value = text;
            field.dispatchEvent(new Event("input"));
        }""",
        [place, repr(number)],
    )


def is_tame(program, leaves):
    """Whether the program is defined there, and neither huge nor steep."""
    try:
        y = program.run([Value(x) for x in leaves])
    except (ArithmeticError, ValueError):
        return False
    return max(abs(v.data) for v in topological_order(y)) < 1e3 and (
        max(sizes_of_gradients(y).values()) < 1e4
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_page_computes_what_python_computes(opened, seed):
    program = RandomProgram(seed)
    leaves = [Value(x) for x in program.leaves]
    y = program.run(leaves)
    tab = opened(play(y))
    rng = random.Random(seed)
    order = topological_order(y)
    assert page_numbers(tab) == [[v.data for v in order], gradients_of(y)]  # as recorded

    used = [leaf for leaf in leaves if leaf in set(order)]
    numbers = list(program.leaves)
    for leaf in used:
        i = leaves.index(leaf)
        tried = list(numbers)
        for _ in range(20):
            tried[i] = rng.uniform(-2, 2)
            if is_tame(program, tried):
                numbers = tried
                set_leaf(tab, order.index(leaf), numbers[i])
                break
    other = program.run([Value(x) for x in numbers])
    values, gradients = page_numbers(tab)
    again = topological_order(other)
    assert values == pytest.approx([v.data for v in again], rel=1e-9, abs=1e-9)
    sizes = list(sizes_of_gradients(other).values())
    for mine, right, size in zip(gradients, gradients_of(other), sizes):
        assert abs(mine - right) <= 1e-9 * size


@pytest.mark.parametrize("x", [-1.5, -0.25, 0.5, 1.25])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.relu() + abs(x) + x.sigmoid() + x.tanh() + -x,
        lambda x: (x * x).sqrt() + (x * x + 1).log() + x**3 + x**0 + x**1 - x,
        lambda x: (x * x) ** 0.5 + (x * x + 1) ** Value(1.5) + (x * x + 1) ** -2 + 2**x,
        lambda x: x.sin() * x.cos() - x.exp() / (x + 5),
        lambda x: bce_loss([x.sigmoid()], [0.25]) + mse_loss([x], [2.0]) + dot([x, 2], [3, x]),
        lambda x: mean([x * i for i in range(20)]) + dot([x] * 20, range(20)),
    ],
)
def test_every_operation_is_the_engines_to_1e_12(opened, function, x):
    leaf = Value(0.75, label="x")
    tab = opened(play(function(leaf)))
    right = function(moved := Value(x))
    set_leaf(tab, topological_order(right).index(moved), x)
    values, gradients = page_numbers(tab)
    assert values == pytest.approx([v.data for v in topological_order(right)], rel=1e-12, abs=1e-15)
    sizes = sizes_of_gradients(right).values()
    for mine, expected, size in zip(gradients, gradients_of(right), sizes):
        assert abs(mine - expected) <= 1e-12 * size


def test_corners_are_the_engines(opened):
    x = Value(1.0, label="x")
    tab = opened(play(x.sqrt() + x.relu() + abs(x) + x**0.5 + x**0))
    set_leaf(tab, 0, 0.0)
    values, gradients = page_numbers(tab)
    assert (values[-1], gradients[0]) == (1.0, math.inf)


# Play with it.


def test_a_leaf_is_dragged_typed_or_dragged_in_the_picture_and_all_follows(opened):
    _, y = neuron_by_hand()
    tab = opened(play(y))
    row = tab.locator("#leaves .leaf-row", has_text="w1")
    row.scroll_into_view_if_needed()
    slider = row.locator("input[type=range]").bounding_box()
    x, height = slider["x"] + slider["width"] / 2, slider["y"] + slider["height"] / 2
    tab.mouse.move(x, height)
    tab.mouse.down()
    tab.mouse.move(x + 30, height, steps=5)
    tab.mouse.up()
    assert float(row.locator("input[type=number]").input_value()) > 0.6
    assert boxes(tab)[0][-2] == f"data {number(page_numbers(tab)[0][0])}"

    row.locator("input[type=number]").fill("2")
    z = math.tanh(2 * 3 - 1 + 0.25)
    values, gradients = page_numbers(tab)
    assert values[-1] == pytest.approx(z, rel=1e-12)
    assert gradients[0] == pytest.approx((1 - z * z) * 3, rel=1e-9)
    assert boxes(tab)[-1][-2:] == [f"data {number(z)}", "grad 1"]
    assert boxes(tab)[0][-1] == f"grad {number(gradients[0])}"
    assert tab.input_value("#place") == "16"
    assert tab.inner_text("#result") == f"y = {number(z)}"
    row.locator("input[type=number]").fill("")
    tab.keyboard.press("Tab")
    assert row.locator("input[type=number]").input_value() == "2"

    tab.locator("#node-0").scroll_into_view_if_needed()
    box = tab.locator("#node-0").bounding_box()
    tab.mouse.move(box["x"] + 20, box["y"] + 20)
    tab.mouse.down()
    tab.mouse.move(box["x"] - 40, box["y"] + 20)
    tab.mouse.up()
    tab.mouse.move(box["x"] - 90, box["y"] + 20)
    assert page_numbers(tab)[0][0] == pytest.approx(2 - 60 * 2 / 150)


def test_the_button_does_what_the_optimizer_does(opened):
    neuron, loss_of = textbook_loss()
    loss = loss_of()
    tab = opened(play(loss))
    order = topological_order(loss)
    tab.fill("#rate-number", "0.01")
    optimizer = SGD(neuron.parameters(), lr=0.01)
    for _ in range(20):
        tab.click("#learn")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss = loss_of()
    values, _ = page_numbers(tab)
    learned = [values[order.index(parameter)] for parameter in neuron.parameters()]
    assert learned == pytest.approx([p.data for p in neuron.parameters()], rel=1e-12)
    assert values[-1] == pytest.approx(loss.data, rel=1e-12)
    assert tab.text_content("#last") == f"update 20: {number(loss.data)}"
    heights = [float(p.split(",")[1]) for p in tab.get_attribute("#curve", "points").split()]
    assert len(heights) == 21
    assert heights == sorted(heights)  # from the top of the picture, where y is 0
    assert tab.text_content("#top") == f"loss: {number(loss.data)} to 10.5 (logarithmic)"


@pytest.mark.parametrize(("rate", "diverges"), [("0.17", False), ("0.18", False), ("0.19", True)])
def test_the_border_of_the_learning_rate_is_found_by_hand(opened, rate, diverges):
    _, loss_of = textbook_loss()
    tab = opened(play(loss_of()))
    tab.fill("#rate-number", rate)
    tab.evaluate("() => { for (let i = 0; i < 99; i++) $('learn').click(); }")
    verdict = tab.inner_text("#verdict")
    assert verdict.startswith("Diverged: v13 is ") == diverges
    if diverges:
        assert "The learning rate 0.19 is too large" in verdict
    elif rate == "0.17":
        assert page_numbers(tab)[0][-1] == pytest.approx(0.0000113, rel=1e-2)
    else:  # so near to the border it learns slowly
        assert page_numbers(tab)[0][-1] < 10.5


def test_running_learns_until_it_is_stopped_or_diverges(opened):
    _, loss_of = textbook_loss()
    tab = opened(play(loss_of()))
    tab.click("#run")
    assert tab.inner_text("#run") == "Stop"
    wait_until(tab, "losses.length > 5")
    tab.click("#run")
    assert tab.inner_text("#run") == "Run"
    tab.fill("#rate-number", "10")
    tab.click("#run")
    wait_until(tab, "running === null")
    assert "Diverged" in tab.inner_text("#verdict")


def test_reset_returns_to_the_recorded_numbers(opened):
    neuron, loss_of = textbook_loss()
    loss = loss_of()
    tab = opened(play(loss))
    tab.click("#end")
    start = everything(tab), page_numbers(tab), tab.inner_text("#leaves"), tab.inner_text("tbody")
    tab.fill("#rate-number", "1")
    tab.uncheck("[aria-label='b learns']")
    for _ in range(12):
        tab.click("#learn")
    set_leaf(tab, 0, 7.0)
    assert page_numbers(tab) != start[1]
    tab.click("#reset")
    again = everything(tab), page_numbers(tab), tab.inner_text("#leaves"), tab.inner_text("tbody")
    assert again == start
    assert tab.input_value("#rate-number") == "0.1"
    assert tab.is_checked("[aria-label='b learns']")
    assert tab.inner_text("#verdict") == ""
    assert (neuron.w[0].data, neuron.w[0].grad, loss.grad) == (0.5, 0.0, 0.0)


def test_parameters_learn_and_without_a_model_the_leaves_that_are_ticked(opened):
    _, loss_of = textbook_loss()
    tab = opened(play(loss_of()))
    ticked = "all => all.map(box => [box.getAttribute('aria-label'), box.checked])"
    learning = tab.eval_on_selector_all("input[type=checkbox]", ticked)
    assert [each for each in learning if each[1]] == [["w1 learns", True], ["b learns", True]]
    assert len(learning) == 8  # w1, b, three inputs and three targets

    leaves, y = neuron_by_hand()
    tab = opened(play(y, variables={}))
    assert tab.locator("input[type=checkbox]:checked").count() == 5
    tab.uncheck("[aria-label='x1 learns']")
    tab.click("#learn")
    values, _ = page_numbers(tab)
    order = topological_order(y)
    assert values[order.index(leaves[1])] == 3.0
    assert values[order.index(leaves[0])] < 0.5


def test_numbers_that_mean_nothing_are_named(opened):
    x = Value(2.0, label="x")
    tab = opened(play(x.log() * 3))
    set_leaf(tab, 0, -1.0)
    assert tab.inner_text("#verdict").startswith("v1 = log(x) = log(−1) = nan: from there on")
    assert boxes(tab)[0][-2:] == ["data −1", "grad −3"]  # 3 / x, which does not know
    assert boxes(tab)[-1][-2] == "data nan"
    tab.click("#learn")
    assert "learning rate" not in tab.inner_text("#verdict")
    set_leaf(tab, 0, 1.0)
    assert tab.inner_text("#verdict") == ""


def test_an_output_that_is_0_at_first_does_not_diverge_by_learning(opened):
    w, x = Value(2.0, label="w"), Value(3.0, label="x")
    tab = opened(play(w * x - 6))
    tab.click("#learn")
    assert tab.inner_text("#verdict") == ""
    assert page_numbers(tab)[0][-1] == pytest.approx((2 - 0.3) * (3 - 0.2) - 6)


def test_while_it_learns_the_steps_can_be_looked_at(opened):
    _, loss_of = textbook_loss()
    tab = opened(play(loss_of()))
    for press in "Home", "ArrowLeft", "p":
        tab.click("#run")
        wait_until(tab, "losses.length > 2")
        tab.focus("#picture")
        tab.keyboard.press(press)
        assert tab.inner_text("#run") == "Run"
    tab.click("#play")
    tab.click("#learn")
    assert tab.inner_text("#play") == "Play"


def test_the_rate_is_a_slider_too(opened):
    _, loss_of = textbook_loss()
    tab = opened(play(loss_of()))
    tab.fill("#rate", "-2")
    assert tab.input_value("#rate-number") == "0.01"
    for typed, place in [("1", "0"), ("0", "-4"), ("", "-4"), ("1e308", "1")]:
        tab.fill("#rate-number", typed)
        assert tab.input_value("#rate") == place


def test_leaves_that_are_not_finite_can_be_moved(opened):
    x, w = Value(math.inf, label="x"), Value(math.nan, label="w")
    tab = opened(play(x * w))
    tab.click("#learn")
    for place in 0, 1:
        set_leaf(tab, place, 2.0)
    assert page_numbers(tab)[0] == [2.0, 2.0, 4.0]


def test_a_learning_rate_that_is_none_is_refused(opened):
    _, loss_of = textbook_loss()
    tab = opened(play(loss_of()))
    tab.fill("#rate-number", "-1")
    tab.click("#learn")
    assert "not negative" in tab.inner_text("#verdict")
    assert page_numbers(tab)[0][-1] == 10.5


# Graphs of other kinds.


def test_an_operation_without_a_rule_can_be_watched_and_with_one_be_played(opened):
    x = Value(2.0, label="x")
    y = Value(8.0, (x,), (12.0,), "cube") + x
    tab = opened(play(y))
    tab.click("#forward")
    assert words(tab) == "v1 = cube of x = 8"
    tab.click("#end")
    assert boxes(tab)[0][-1] == "grad 13"
    assert tab.inner_text("#refusal") == (
        "This page plays the passes, and cannot compute: there is no rule for the operation "
        "'cube': "
        "play(…, rules={'cube': Rule(…)}) gives its formulas."
    )
    assert tab.is_hidden("#learning")

    tab = opened(play(y, rules={"cube": Rule("a ** 3", "3 * a ** 2")}))
    set_leaf(tab, 0, 3.0)
    assert page_numbers(tab) == [[3.0, 27.0, 30.0], [28.0, 1.0, 1.0]]
    with pytest.raises(ValueError, match="must be a Rule with a value and 1 partial"):
        play(y, rules={"cube": Rule("a ** 3")})
    with pytest.raises(ValueError, match="has '3 .* if a else a': a formula has only numbers"):
        play(y, rules={"cube": Rule("a ** 3", "3 * a ** 2 if a else a")})


def test_rules_of_ones_own_compute_as_in_python(opened):
    p, q = Value(2.0, label="p"), Value(-3.0, label="q")
    for rule, right in [
        (Rule("a > b", "0", "0"), 0.0),
        (Rule(("a + b", "y * 2"), "2", "2"), -4.0),
        (Rule("where(a > b, a, 3 * sign(b))", "0", "3"), -3.0),
    ]:
        tab = opened(play(Value(9.0, (p, q), (0.0, 0.0), "own"), rules={"own": rule}))
        set_leaf(tab, 1, -1.0)
        set_leaf(tab, 0, -1.0)
        set_leaf(tab, 1, -1.0)
        values, _ = page_numbers(tab)
        assert values[-1] == right
        assert "y * 2" not in words(tab)


def test_a_leaf_alone_is_played(opened):
    tab = opened(play(Value(2.0, label="x")))
    tab.click("#forward")
    assert boxes(tab) == [["input", "x", "data 2", "grad 1"]]
    tab.click("#forward")
    assert not tab.is_enabled("#forward")


def test_numbers_from_before_the_leaves_moved_are_marked_until_they_follow(opened):
    neuron, loss_of = textbook_loss()
    loss = loss_of()
    assert opened(play(loss)).is_hidden("#old")
    loss.backward()
    SGD(neuron.parameters(), lr=0.01).step()
    tab = opened(play(loss))
    assert tab.is_visible("#old")
    assert page_numbers(tab)[0][-1] == 10.5
    set_leaf(tab, topological_order(loss).index(neuron.b), 0.0)
    assert tab.is_hidden("#old")


def test_operations_of_ones_own_are_marked_too():
    x = Value(2.0)
    y = Value(8.0, (x,), (12.0,), "cube")
    rules = {"cube": Rule("a ** 3", "3 * a ** 2")}
    assert '"old": false' in play(y, variables={}, rules=rules).html()
    x.data = 5.0
    assert '"old": true' in play(y, variables={}, rules=rules).html()


def test_hostile_names_do_nothing(opened):
    names = [
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(2)>",
        "<!-- <script>",
        "$graph ${1} `",
        "\\N \"'&amp;\u2028]]>",
        "__proto__",
    ]
    leaves = [Value(float(i), label=name) for i, name in enumerate(names, 1)]
    y = mean(leaves)
    y.label = f"{names[0]}!"
    tab = opened(play(y))
    tab.click("#end")
    assert tab.title() == f"Backpropagation through {names[0]}!"
    for name in names:
        assert printable(name) in tab.inner_text("#leaves")
    assert names[0] in words(tab)
    tab.click("#learn")
    assert tab.locator("script").count() == 2
    assert tab.locator("img").count() == 0


@pytest.mark.parametrize("seed", range(5))
def test_labels_and_numbers_made_at_random_are_shown_and_do_nothing(opened, seed):
    fuzz = pytest.importorskip("fuzz", reason="needs Linux or macOS", exc_type=ImportError)
    rng = random.Random(seed)
    leaves = [Value(fuzz.number(rng), label=fuzz.label(rng)) for _ in range(40)]
    y = mean([leaf.tanh() * fuzz.number(rng) for leaf in leaves])
    y.label = fuzz.label(rng)
    tab = opened(play(y, variables={}))
    tab.click("#end")
    gradients = gradients_of(y)
    assert [box[-1] for box in boxes(tab)] == [f"grad {number(g)}" for g in gradients]
    shown = tab.inner_text("#leaves")
    for label in {leaf.label for leaf in leaves}:
        if sum(leaf.label == label for leaf in leaves) == 1:
            assert " ".join(printable(label).split()) in " ".join(shown.split())
    tab.click("#learn")
    assert tab.locator("script").count() == 2
    assert tab.locator("img").count() == 0


def test_a_page_of_500_values_works(opened):
    rng = random.Random(0)
    nodes = [Value(rng.uniform(-1, 1)) for _ in range(20)]
    for _ in range(480):
        a, b = rng.choices(nodes[-60:], k=2)
        nodes.append((a * b).tanh() if rng.random() < 0.3 else a + b * 0.5)
    y = mean(nodes[-40:])
    assert len(topological_order(y)) > 500
    tab = opened(play(y))
    tab.click("#end")
    gradients = gradients_of(y)
    assert [box[-1] for box in boxes(tab)] == [f"grad {number(g)}" for g in gradients]
    arrows = sum(1 for _ in edges(topological_order(y)))
    assert tab.locator("#picture .edge").count() == arrows


# For everybody.


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_page_scrolls_sideways_and_what_is_lit_is_in_view(opened, width):
    _, loss_of = textbook_loss()
    tab = opened(play(loss_of()), viewport={"width": width, "height": 800})
    seen = """() => {
        const frame = $("picture").getBoundingClientRect();
        const box = document.querySelector("#picture .into")?.getBoundingClientRect();
        return !box || (box.left >= frame.left && box.right <= frame.right
            && box.top >= frame.top && box.bottom <= frame.bottom);
    }"""
    while tab.is_enabled("#forward"):
        tab.click("#forward")
        assert tab.evaluate(seen)
    tab.click("#back")
    tab.click("#back")
    tab.click("#predict")
    assert tab.is_visible("#prediction")
    for _ in range(3):
        tab.click("#learn")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(opened, scheme):
    _, loss_of = textbook_loss()
    loss = loss_of() + Value(1.0, label="x")
    tab = opened(play(loss), color_scheme=scheme)
    tab.click("#end")
    tab.click("#back")
    tab.click("#back")
    tab.click("#predict")
    texts = tab.evaluate(
        """() => {
        const style = e => getComputedStyle(e);
        const found = [];
        for (const text of document.querySelectorAll("#picture .node text")) {
            const box = text.parentNode.querySelector("polygon, path");
            found.push([text.textContent, style(text).fill, style(box).fill]);
        }
        for (const text of document.querySelectorAll("#picture .edge text"))
            found.push([text.textContent, style(text).fill, style($("watch")).backgroundColor]);
        for (const text of document.querySelectorAll("p, h1, h2, label, button, td, summary")) {
            let behind = text;
            while (style(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentNode;
            if (text.offsetParent && text.ariaDisabled !== "true")
                found.push([text.textContent, style(text).color, style(behind).backgroundColor]);
        }
        return found;
    }"""
    )
    assert len(texts) > 100

    def luminance(colour):
        shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for text, front, behind in texts:
        dark, light = sorted([luminance(front), luminance(behind)])
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, front, behind)  # WCAG 2.2, 1.4.3
    assert (luminance(tab.evaluate("getComputedStyle(document.body).backgroundColor")) > 0.5) == (
        scheme == "light"
    )


def test_every_control_has_a_name_and_what_happens_is_read_out(opened):
    _, loss_of = textbook_loss()
    tab = opened(play(loss := loss_of()))
    assert loss.data == 10.5
    unnamed = tab.eval_on_selector_all(
        "button, input, select",
        """all => all.filter(e => !(e.getAttribute("aria-label") || e.textContent.trim()
            || e.labels?.length)).map(e => e.id)""",
    )
    assert unnamed == []
    assert tab.get_attribute("#saying", "aria-live") == "polite"
    assert tab.get_attribute("#picture", "aria-label") == "The computation graph of loss"
    tab.select_option("#speed", "2")
    tab.click("#play")
    assert tab.get_attribute("#saying", "aria-live") == "off"  # too quick to be read out
    tab.click("#play")
    assert tab.get_attribute("#saying", "aria-live") == "polite"
    tab.keyboard.press("Home")
    tab.click("#forward")
    assert tab.get_attribute("#place", "aria-valuetext") == words(tab)


@pytest.mark.parametrize(("motion", "animation"), [("reduce", "none"), ("no-preference", "along")])
def test_nothing_moves_by_itself_for_those_who_do_not_want_it(opened, motion, animation):
    _, y = neuron_by_hand()
    tab = opened(play(y), reduced_motion=motion)
    tab.click("#end")
    tab.click("#back")
    style = "getComputedStyle(document.querySelector('.edge.now path')).animationName"
    assert tab.evaluate(style) == animation


def test_pages_in_a_notebook_do_not_meet(browser, opened):
    _, y = neuron_by_hand()
    page = play(y)
    frame = page._repr_mimebundle_()["text/html"]
    tab = opened(page)
    tab.set_content(f"<p id=words>mine</p>{frame}{frame}")
    first, second = tab.frames[1:]
    first.wait_for_selector("#forward")
    second.wait_for_selector("#forward")
    first.click("#forward")
    assert first.inner_text("#words") == "v1 = w1 * x1 = 0.5 * 3 = 1.5"
    assert second.inner_text("#words") == "The leaves have their numbers."
    assert tab.inner_text("p") == "mine"


# Without a browser.


def test_a_page_says_how_large_it_is():
    _, y = neuron_by_hand()
    page = play(y)
    assert repr(page) == "Page(10 values, 15 steps)"
    assert page._repr_mimebundle_()["text/plain"] == repr(page)


def test_the_same_graph_gives_the_same_page():
    assert play(neuron_by_hand()[1]).html() == play(neuron_by_hand()[1]).html()


def test_a_page_asks_for_nothing_from_elsewhere():
    _, y = neuron_by_hand()
    html = play(y).html()
    addresses = re.findall(r"https?://[^\"' )]+", html)
    assert set(addresses) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "default-src 'none'" in html


def test_what_cannot_be_played_or_saved_is_an_error(tmp_path, monkeypatch):
    _, y = neuron_by_hand()
    with pytest.raises(ValueError, match=r"a page's file ends in \.html, not 'page.svg'"):
        play(y).save("page.svg")
    with pytest.raises(FileNotFoundError):
        play(y).save(tmp_path / "nowhere" / "page.html")
    with pytest.raises(TypeError, match="a graph is that of one Value"):
        play([y])
    with pytest.raises(ValueError, match="at most 2,000 values, not 2,001"):
        play(mean([Value(1.0) for _ in range(2000)]))
    monkeypatch.setenv("TINYGRAD_NEURON_DOT", "/nowhere/dot")
    path = tmp_path / "page.html"
    path.write_text("mine")
    with pytest.raises(RuntimeError, match="no layout program could draw this"):
        play(y).save(path)
    assert path.read_text() == "mine"
    assert "no layout program" in play(y)._repr_mimebundle_()["text/plain"]
