"""Pictures that move, pictures of a single step, and worksheets."""

import re
import xml.etree.ElementTree as ET

import pytest
from seen import SVG, Seen

from tinygrad_neuron import MLP, Neuron, Value, dot, draw, steps
from tinygrad_neuron.view.notation import number
from tinygrad_neuron.view.picture.dot_text import BACK, INK, UNSEEN


def readme():
    """The neuron of the README."""
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-0.25, label="b")
    return (w * x + b).tanh()


def shared():
    x, w = Value(3.0, label="x"), Value(-2.0, label="w")
    return dot([x, w], [w, x]) * x + x.tanh()


def lone_neuron():
    neuron = Neuron(2, Value.tanh)
    neuron.load_state_dict({"w1": 0.5, "w2": -1.0, "b": 0.25})
    return neuron([1.0, 2.0])


GRAPHS = [readme, shared, lone_neuron]


def saved(output, folder, **options):
    path = folder / "moving.svg"
    draw(output, variables={}, **options).save(path, animate=True)
    return path.read_text(encoding="utf-8")


def is_seen(text, step):
    """Whether a text of a moving picture is seen at a step: s5 from 5 on, b5-8 before 8."""
    start, end = re.fullmatch(r"(?:s|l b)(\d+)-?(\d*)", text.get("class") or "s0").groups()
    return int(start) <= step < int(end or 1_000)


def texts_at(svg, step):
    """By the id of each box and arrow, what can be seen at a step of a moving picture."""
    found = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        if re.fullmatch(r"(node|arrow)-\d+", group.get("id") or ""):
            texts = [text for text in group.iter(f"{SVG}text") if is_seen(text, step)]
            found[group.get("id")] = together(text.text for text in texts)
    return found


def texts_of(svg):
    """The same of a still one."""
    found = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        if re.fullmatch(r"(node|arrow)-\d+", group.get("id") or ""):
            texts = [text for text in group.iter(f"{SVG}text") if text.get("fill") != UNSEEN]
            found[group.get("id")] = together(text.text for text in texts)
    return found


def together(texts):
    return "".join("".join(texts).split())


# A picture that moves.


def test_the_neuron_of_the_readme_moves_in_at_most_30_kb_of_xml_without_a_script(tmp_path):
    svg = saved(readme(), tmp_path)
    assert svg.startswith("<svg ")
    assert len(svg.encode()) <= 30_000
    root = ET.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        *("svg", "title", "desc", "style", "g", "a", "text", "path", "polygon")
    }
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on")]
    assert "{http://www.w3.org/1999/xlink}href" not in attributes


def test_people_who_want_no_motion_see_the_end(tmp_path):
    svg = saved(readme(), tmp_path)
    assert (
        "@media (prefers-reduced-motion:reduce){.computation-graph *{animation:none!important}}"
        in svg
    )
    style = ET.fromstring(svg).find(f"{SVG}style").text
    # Without an animation a text is there, and what lights a step up is not.
    assert re.findall(r"\.computation-graph \.\w+\{opacity[^}]*\}", style) == [
        ".computation-graph .l{opacity:0}"
    ]


@pytest.mark.parametrize("graph", GRAPHS)
def test_at_its_end_it_is_the_picture_after_the_backward_pass(graph, tmp_path):
    output = graph()
    svg = saved(output, tmp_path)
    output.backward()
    assert texts_at(svg, 999) == texts_of(draw(output, variables={}).svg())


def test_it_shows_a_fresh_pass_whatever_the_grads_are(tmp_path):
    y = readme()
    before = saved(y, tmp_path)
    y.backward()
    assert saved(y, tmp_path) == before
    y.backward()
    assert saved(y, tmp_path) == before
    y.operands[0].grad = 7.0
    assert saved(y, tmp_path) == before
    assert "≠" not in before
    assert y.operands[0].grad == 7.0


@pytest.mark.parametrize("graph", GRAPHS)
def test_it_shows_each_value_when_it_is_computed_and_each_gradient_when_it_is_complete(
    graph, tmp_path
):
    output = graph()
    svg = saved(output, tmp_path)
    texts = texts_at(svg, 0)
    assert not any("grad" in text for text in texts.values())
    computed = [id for id, text in texts.items() if id.startswith("node") and "=" not in text]
    for i, id in enumerate(computed, 1):
        assert "=" not in texts_at(svg, i - 1)[id]
        assert "=" in texts_at(svg, i)[id]
    last = len(computed)
    texts = texts_at(svg, last)
    assert not any("grad" in text for text in texts.values())
    texts = texts_at(svg, last + 1)
    assert [id for id, text in texts.items() if "grad" in text] == [
        id for id, text in texts.items() if "grad1(start)" in text
    ]
    for i, step in enumerate(steps(output, variables={}), 1):
        flowing = {id for id, text in texts_at(svg, last + 1 + i).items() if "←" in text}
        flowed = {id for id, text in texts_at(svg, last + i).items() if "←" in text}
        new = [texts_at(svg, last + 1 + i)[id] for id in flowing - flowed]
        if step.operand.op == "const":  # a plain number has no arrow
            assert new == []
        else:
            assert new[0].endswith("←" + number(step.contribution))
            assert len(new) == 1


def test_the_steps_come_one_after_another_and_each_lights_up_what_it_is_about(tmp_path):
    svg = saved(readme(), tmp_path)
    style = ET.fromstring(svg).find(f"{SVG}style").text
    moments = re.findall(r"@keyframes s(\d+)\{0%\{opacity:0\}([\d.]+)%", style)
    # Three values are computed, the output's gradient is 1, and five arrows pass back.
    assert [int(step) for step, _ in moments] == list(range(1, 3 + 1 + 5 + 1))
    times = [float(time) for _, time in moments]
    assert times == sorted(set(times))
    assert 0 < times[0] < times[-1] < 100
    lit = {name for element in ET.fromstring(svg).iter() for name in (element.get("class", ""),)}
    assert {f"l l{step}" for step in range(1, 10)} <= lit
    for name in {each for group in lit for each in group.split() if re.fullmatch(r"[sl]\d+", each)}:
        assert f"@keyframes {name}{{" in style
        assert f".computation-graph .{name}{{animation:{name} " in style


def test_it_is_the_same_twice(tmp_path):
    assert saved(shared(), tmp_path) == saved(shared(), tmp_path)


def test_up_to_forty_steps_move_and_more_are_an_error_with_the_remedies(tmp_path):
    def chain(length):
        y = Value(1.0, label="x")
        for _ in range(length):
            y = y.tanh()
        return y

    # A value each, the output's gradient, and an arrow each.
    svg = saved(chain(19), tmp_path, expand=True)
    assert "@keyframes s39{" in svg
    with pytest.raises(ValueError, match=r"at most 40 steps.*draw a value before.*after="):
        saved(chain(20), tmp_path, expand=True)
    assert (tmp_path / "moving.svg").read_text(encoding="utf-8") == svg


@pytest.mark.parametrize("options", [{"blank": "grads"}, {"blank": "data"}, {"grads": False}])
def test_without_gradients_there_is_nothing_to_move(options, tmp_path):
    y = readme()
    y.backward()
    with pytest.raises(ValueError, match="a picture that moves has gradients, nothing blank"):
        saved(y, tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_only_an_svg_moves(tmp_path):
    for suffix in "png", "dot", "mmd", "pdf":
        with pytest.raises(ValueError, match=rf"moves is an .svg, not '.*a\.{suffix}'"):
            draw(readme()).save(tmp_path / f"a.{suffix}", animate=True)
    assert not list(tmp_path.iterdir())


# The picture of a step.


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_picture_after_a_step_has_the_texts_of_the_moving_one(graph, tmp_path):
    output = graph()
    svg = saved(output, tmp_path)
    count = len(steps(output, variables={}))
    forward = sum(bool(value.operands) for value in topological(output))
    for k in range(count + 1):
        still = draw(output, variables={}, after=k)
        assert texts_of(still.svg()) == texts_at(svg, forward + 1 + k)


def topological(output):
    seen = {}
    stack = [output]
    while stack:
        value = stack.pop()
        if value not in seen:
            seen[value] = None
            stack += value.operands
    return seen


def test_the_picture_after_a_step_lights_up_its_arrow_and_the_box_that_it_leads_back_to():
    y = readme()
    y.backward()
    y.backward()  # the step is one of a fresh pass
    seen = Seen(draw(y, variables={}, after=3))
    taken = steps(y, variables={})
    # y to v2, v2 to v1, v2 to b
    assert [step.operand.label for step in taken[:3]] == ["", "", "b"]
    assert seen.box("b") == ["input", "b = −0.25", "grad 0.5966"]
    assert seen.box("w") == ["input", "w = 0.5"]
    assert seen.line("b", "v2")["stroke"] == BACK
    assert seen.outline("b")["stroke"] == BACK
    others = [arrow for arrow in seen.arrows if (arrow.tail, arrow.head) != ("b", "v2")]
    assert all(seen.line(arrow.tail, arrow.head)["stroke"] not in (BACK, INK) for arrow in others)
    assert [seen.outline(name)["stroke"] == BACK for name in ("w", "x", "v1", "v2", "v3")] == (
        [False] * 5
    )


def test_after_no_step_only_the_outputs_gradient_is_known_and_after_the_last_one_all_are():
    y = readme()
    boxes = Seen(draw(y, variables={}, after=0)).boxes
    assert [lines[2:] for lines in boxes if lines[2:]] == [["grad 1 (start)"]]
    last = Seen(draw(y, variables={}, after=5))
    y.backward()
    assert (last.boxes, last.arrows) == (
        (complete := Seen(draw(y, variables={}))).boxes,
        complete.arrows,
    )


def test_a_step_that_there_is_not_is_an_error():
    y = readme()
    for wrong in -1, 6, 1.0, True, "1":
        with pytest.raises(ValueError, match=f"number of steps, from 0 to 5, not {wrong!r}"):
            draw(y, after=wrong)


# Worksheets.


def network():
    net = MLP(2, [2, 1], Value.tanh)
    for neuron, w in zip(net.layers[0].neurons, (0.5, -1.0)):
        neuron.load_state_dict({"w1": w, "w2": 0.75, "b": 0.25})
    net.layers[1].neurons[0].load_state_dict({"w1": 2.0, "w2": -3.0, "b": 0.125})
    return net([1.0, 2.0])[0]


@pytest.mark.parametrize("graph", [*GRAPHS, network])
@pytest.mark.parametrize("blank", ["grads", "data"])
def test_a_worksheet_has_its_boxes_and_arrows_where_the_solution_has_them(graph, blank):
    output = graph()
    output.backward()
    solution, worksheet = (Seen(draw(output, blank=each)) for each in (None, blank))
    assert worksheet.size() == solution.size()
    for id in (*solution.ids, *solution.arrow_ids):
        places = [
            [line.get("points") or line.get("d") for line in seen.outlines(id)]
            for seen in (solution, worksheet)
        ]
        assert places[0] == places[1] != []


def test_a_worksheet_of_gradients_has_no_number_that_comes_from_the_backward_pass():
    y = readme()
    y.backward()
    seen = Seen(draw(y, variables={}, blank="grads"))
    assert seen.boxes == [
        ["input", "w = 0.5", "grad"],
        ["input", "x = 2", "grad"],
        ["w · x", "v1 = 1", "grad"],
        ["input", "b = −0.25", "grad"],
        ["v1 + b", "v2 = 0.75", "grad"],
        ["tanh(v2)", "v3 = 0.6351", "grad"],
    ]
    assert [texts for _, _, texts in seen.arrows] == [
        ("∂v1/∂w = 2", "←"),
        ("∂v1/∂x = 0.5", "←"),
        ("∂v2/∂v1 = 1", "←"),
        ("∂v2/∂b = 1", "←"),
        ("∂v3/∂v2 = 0.5966", "←"),
    ]


def test_a_worksheet_of_data_has_the_numbers_of_the_leaves_alone():
    y = readme()
    y.backward()
    seen = Seen(draw(y, variables={}, blank="data"))
    assert [lines[1] for lines in seen.boxes] == [
        *("w = 0.5", "x = 2", "v1 =", "b = −0.25", "v2 =", "v3 =")
    ]
    assert {lines[2] for lines in seen.boxes} == {"grad"}
    assert [texts for _, _, texts in seen.arrows] == [
        ("∂v1/∂w =", "←"),
        ("∂v1/∂x =", "←"),
        ("∂v2/∂v1 =", "←"),
        ("∂v2/∂b =", "←"),
        ("∂v3/∂v2 =", "←"),
    ]


def told(svg):
    """All that can be read in its file: texts, tooltips, the title and the facts."""
    for element in ET.fromstring(svg).iter():
        if element.tag != f"{SVG}style":
            yield element.text or ""
        yield element.get("{http://www.w3.org/1999/xlink}title", "")


def test_a_worksheet_gives_its_answers_away_nowhere():
    y = readme()
    y.backward()
    answers = ["0.6351", "0.75", "1.193", "0.2983", "0.5966", "0.59658", "0.29829"]
    for blank, hidden in ("grads", answers[2:4]), ("data", answers):
        texts = [*told(draw(y, variables={}, blank=blank).svg())]
        assert texts
        assert not [text for text in texts if any(answer in text for answer in hidden)]
    solution = " ".join(told(draw(y, variables={}).svg()))
    assert all(answer in solution for answer in answers)


def test_the_lines_of_a_worksheet_have_neither_signs_nor_sizes():
    xs = [Value(1.0, label=f"a{i}") for i in range(101)]
    y = Value(0.0, tuple(xs), (1.0, -2.0, 0.0) + (1.0,) * 98, "mix")
    y.backward()
    seen = Seen(draw(y, expand=True, blank="grads"))
    first, second, third = ({**seen.line(f"a{i}", "y"), "d": ""} for i in range(3))
    assert first == second == third
    assert "stroke-width" not in first


def test_another_blank_is_an_error():
    for wrong in "all", True, "":
        with pytest.raises(ValueError, match=f'blank must be "grads" or "data", not {wrong!r}'):
            draw(Value(1.0), blank=wrong)
