"""The layout of the page, tried on random graphs in a headless Chromium.

The file layout.js places boxes and arrows, and drawing.js draws them. They need a browser: see
test_page.py.
"""

import dataclasses
import random
import re
from itertools import combinations

import numpy as np
import pytest

from tinygrad_neuron import Value, draw
from tinygrad_neuron.view.page.contents import HERE
from tinygrad_neuron.view.picture.layout import LayoutError, render
from tinygrad_neuron.view.picture.svg import DARK

DIRECTIONS = ["LR", "TB"]


@pytest.fixture(scope="module")
def tab(browser):
    """An empty page with both programs; an error in them is a failure."""
    tab, errors = browser.new_page(), []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    for name in ("layout.js", "drawing.js"):
        tab.add_script_tag(content=(HERE / name).read_text("utf-8"))
    yield tab
    tab.close()
    assert errors == []


def random_graph(seed, most=40):
    """Boxes and wires of a graph with one output, like those of expressions, of random sizes."""
    rng = random.Random(seed)
    leaves = rng.randint(1, max(1, most // 3))
    reuse, near = rng.random() * 0.7, rng.choice([3, 8, most])
    numbered = rng.random() < 0.9
    count = rng.randint(leaves + 1, most)
    operands = [[] for _ in range(leaves)]
    unused = list(range(leaves))

    def pick():
        if unused and rng.random() > reuse:
            return unused.pop(rng.randrange(len(unused)))
        chosen = rng.randrange(max(0, len(operands) - near), len(operands))
        if chosen in unused:
            unused.remove(chosen)
        return chosen

    while len(operands) < count - 1:
        operands.append([pick() for _ in range(rng.choice([1, 2, 2, 2, 3]))])
        unused.append(len(operands) - 1)
    operands.append(unused or [len(operands) - 1])
    boxes = [
        {"id": f"node-{i}", "width": rng.randint(54, 160), "height": rng.choice([37, 58, 66])}
        for i in range(count)
    ]
    wires = []
    for head, tails in enumerate(operands):
        for tail in tails:
            wires.append({"tail": f"node-{tail}", "head": f"node-{head}"})
            width, line = (rng.randint(30, 90), rng.randint(-8, 8)) if numbered else (0, 0)
            wires[-1] |= {"width": width, "height": 30 if numbered else 0, "line": line}
    return boxes, wires


def layouts(tab, graphs, direction):
    program = "([all, direction]) => all.map(([b, w]) => layered(b, w, direction))"
    return tab.evaluate(program, [graphs, direction])


def points_of(path, steps=16):
    """Points on an SVG path of M, L and C with absolute coordinates."""
    points = []
    for command, numbers in re.findall(r"([MLC])([^MLC]*)", path):
        stops = np.array(re.findall(r"-?[\d.]+", numbers), float).reshape(-1, 2)
        if command == "M":
            points.append(stops[0])
            continue
        for i in range(0, len(stops), 3 if command == "C" else 1):
            a, t = points[-1], np.linspace(0, 1, steps + 1)[1:, None]
            if command == "L":
                points.extend(a + t * (stops[i] - a))
            else:
                b, c, d = stops[i : i + 3]
                u = 1 - t
                points.extend(u**3 * a + 3 * u * u * t * b + 3 * u * t * t * c + t**3 * d)
    return np.array(points)


def rooms(sized, placed):
    """Left, top, right and bottom of each."""
    return np.array(
        [
            (p["x"] - s["width"] / 2, p["y"] - s["height"] / 2)
            + (p["x"] + s["width"] / 2, p["y"] + s["height"] / 2)
            for s, p in zip(sized, placed, strict=True)
        ]
    ).reshape(-1, 4)


def faults(boxes, wires, layout, direction):
    """What is wrong with a layout, in words."""
    found = []
    along = 0 if direction == "LR" else 1
    size = np.array([layout["width"], layout["height"]])
    of_boxes, of_numbers = rooms(boxes, layout["boxes"]), rooms(wires, layout["wires"])
    room_of = dict(zip([box["id"] for box in boxes], of_boxes))
    numbered = [i for i, wire in enumerate(wires) if wire["width"]]
    names = np.array([*room_of, *(f"numbers {i}" for i in numbered)])
    all_rooms = np.concatenate([of_boxes, of_numbers[numbered]])
    start, end = all_rooms[:, :2], all_rooms[:, 2:]
    near = (np.maximum(start, start[:, None]) < np.minimum(end, end[:, None]) + 2).all(axis=2)
    found += [f"{names[i]} is on {names[k]}" for i, k in np.argwhere(np.triu(near, 1))]
    found += [f"{name} is outside" for name in names[((start < 0) | (end > size)).any(axis=1)]]
    for i, (wire, placed) in enumerate(zip(wires, layout["wires"], strict=True)):
        points, tip = points_of(placed["path"]), np.array(placed["tip"])
        if points.min() < 0 or (points > size).any():
            found.append(f"wire {i} is outside")
        within = (points[:, None] > start + 0.2) & (points[:, None] < end - 0.2)
        through = names[within.all(axis=2).any(axis=0)]
        found += [f"wire {i} passes through {name}" for name in through if name != f"numbers {i}"]
        tail, head = room_of[wire["tail"]], room_of[wire["head"]]
        if abs(points[0][along] - tail[2 + along]) > 0.2 or abs(tip[along] - head[along]) > 0.2:
            found.append(f"wire {i} does not go from border to border")
        for point, room in ((points[0], tail), (tip, head)):
            if not room[1 - along] < point[1 - along] < room[3 - along]:
                found.append(f"wire {i} ends beside a box")
        if np.linalg.norm(points[-1] - tip) > 6:
            found.append(f"wire {i} has lost its head")
        if np.diff(points[:, along]).min() < -0.01:
            found.append(f"wire {i} goes back")
        if wire["width"]:
            on_line = np.array([placed["x"], placed["y"]])
            on_line[1 - along] += wire["line"]
            beside = points[np.abs(points[:, along] - on_line[along]).argmin()]
            if abs((beside - on_line)[1 - along]) > 0.2:
                found.append(f"wire {i} misses its numbers")
    return found


def crossings(lines):
    """How often polylines cross; touching at an end does not count."""
    count = 0
    for one, other in combinations(lines, 2):
        a, b = one[:-1, None], one[1:, None]
        c, d = other[None, :-1], other[None, 1:]

        def side(p, q, r):
            return np.sign((q - p)[..., 0] * (r - p)[..., 1] - (q - p)[..., 1] * (r - p)[..., 0])

        apart = (side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)
        count += int(apart.sum())
    return count


def lines_by_graphviz(boxes, wires):
    """The lines of the same graph as Graphviz draws it, with the numbers as boxes."""
    text = ["digraph { rankdir=LR; ordering=in; ranksep=0.3; nodesep=0.18; edge [arrowhead=none]"]
    text += ['node [shape=box, label="", fixedsize=true]']

    def node(name, size):
        text.append(f"{name} [width={size['width'] / 72}, height={size['height'] / 72}]")

    for box in boxes:
        node(f'"{box["id"]}"', box)
    for i, wire in enumerate(wires):
        tail, head = f'"{wire["tail"]}"', f'"{wire["head"]}"'
        if not wire["width"]:
            text.append(f'{tail} -> {head} [id="{i}-only"]')
            continue
        node(i, wire)
        text.append(f'{tail} -> {i}:w [id="{i}-tail"]; {i}:e -> {head} [id="{i}-head"]')
    svg = render("\n".join([*text, "}"]), "svg").decode()
    edge = r'<g id="(\d+)&#45;(\w+)" class="edge">\s*<title>.*?</title>\s*<path [^>]*? d="([^"]*)"'
    found = re.findall(edge, svg)
    parts = {(int(i), which): points_of(path) for i, which, path in found}
    assert len(parts) == sum(2 if wire["width"] else 1 for wire in wires)
    return [
        np.concatenate([parts[i, "tail"], parts[i, "head"]]) if wire["width"] else parts[i, "only"]
        for i, wire in enumerate(wires)
    ]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_nothing_overlaps_and_no_line_passes_through_what_it_does_not_belong_to(tab, direction):
    graphs = [random_graph(seed) for seed in range(25)]
    for (boxes, wires), layout in zip(graphs, layouts(tab, graphs, direction), strict=True):
        assert faults(boxes, wires, layout, direction) == []


@pytest.mark.slow
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_same_for_many_graphs(tab, direction):
    graphs = [random_graph(seed) for seed in range(25, 525)]
    for (boxes, wires), layout in zip(graphs, layouts(tab, graphs, direction), strict=True):
        assert faults(boxes, wires, layout, direction) == []


@pytest.mark.slow
def test_no_more_lines_cross_than_in_a_picture_by_graphviz(tab):
    graphs = [random_graph(seed) for seed in range(40)]
    ours = layouts(tab, graphs, "LR")
    try:
        theirs = [crossings(lines_by_graphviz(*graph)) for graph in graphs]
    except LayoutError:
        pytest.skip("needs Graphviz")
    lines = [[points_of(wire["path"]) for wire in layout["wires"]] for layout in ours]
    assert sum(map(crossings, lines)) < 0.8 * sum(theirs)


def test_a_layout_is_quick_and_always_the_same(tab):
    boxes, wires = next(
        (boxes, wires)
        for boxes, wires in map(random_graph, range(100))
        if len(boxes) >= 38 and 50 <= len(wires) <= 62
    )
    results, fastest = tab.evaluate(
        """([boxes, wires]) => {
            const results = new Set();
            let fastest = Infinity;
            for (let i = 0; i < 20; i++) {
                const start = performance.now();
                results.add(JSON.stringify(layered(boxes, wires, "LR")));
                fastest = Math.min(fastest, performance.now() - start);
            }
            return [[...results], fastest];
        }""",
        [boxes, wires],
    )
    assert len(results) == 1
    assert fastest < 20  # ms


def test_without_shared_values_no_lines_cross_and_operands_keep_their_order(tab):
    (tree,) = layouts(tab, [binary_tree(4)], "LR")
    assert crossings([points_of(wire["path"]) for wire in tree["wires"]]) == 0
    leaves = [box["y"] for box in tree["boxes"][:16]]
    assert leaves == sorted(leaves)


def binary_tree(depth):
    """Boxes of a full binary tree, the leaves first."""
    count = 2 ** (depth + 1) - 1
    boxes = [{"id": f"node-{i}", "width": 80, "height": 58} for i in range(count)]
    wires = [
        {"tail": f"node-{i}", "head": f"node-{2**depth + i // 2}", "width": 60, "height": 30}
        for i in range(count - 1)
    ]
    return boxes, [{**wire, "line": 0} for wire in wires]


def test_a_chain_is_a_straight_line(tab):
    boxes = [{"id": str(i), "width": 60 + 5 * i, "height": 58} for i in range(10)]
    wires = [
        {"tail": str(i), "head": str(i + 1), "width": 50, "height": 30, "line": 0} for i in range(9)
    ]
    (across, down) = (layouts(tab, [(boxes, wires)], d)[0] for d in DIRECTIONS)
    assert len({box["y"] for box in across["boxes"]}) == 1
    assert len({box["x"] for box in down["boxes"]}) == 1
    assert not any("C" in wire["path"] for wire in across["wires"] + down["wires"])


def test_one_box_alone(tab):
    (layout,) = layouts(tab, [([{"id": "node-1", "width": 54, "height": 58}], [])], "LR")
    assert layout["boxes"] == [{"x": 31, "y": 33}]
    assert (layout["width"], layout["height"]) == (62, 66)


# Drawing.


def scene_as_json(output, **options):
    return dataclasses.asdict(draw(output, variables={}, **options)._scene)


def drawn(tab, scene, direction="LR"):
    """The picture in an otherwise empty page."""
    tab.evaluate(
        """([scene, direction]) => {
            const { boxes, wires } = measured(scene, direction);
            const layout = layered(boxes, wires, direction), svg = canvas(layout);
            scene.wires.forEach((wire, i) => drawWire(svg, wire, layout.wires[i], direction));
            scene.nodes.forEach((node, i) =>
                drawBox(svg, node, { ...boxes[i], ...layout.boxes[i] }));
            document.body.replaceChildren(svg);
        }""",
        [scene, direction],
    )


def neuron():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="<b>x</b>&"), Value(-0.25, label="b")
    y = (w * x + b).tanh()
    y.backward()
    return y


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_every_text_is_as_the_scene_has_it_and_inside_its_box(tab, direction):
    scene = scene_as_json(neuron())
    drawn(tab, scene, direction)
    for node in scene["nodes"]:
        texts = tab.locator(f"#{node['id']} text").all_text_contents()
        assert texts == ["".join(piece["text"] for piece in line) for line in node["lines"]]
    arrow = {"LR": "←", "TB": "↑"}[direction]
    for wire in scene["wires"]:
        above, below = ("".join(p["text"] for p in wire[side]) for side in ("above", "below"))
        assert tab.text_content(f"#{wire['id']} .above") == above
        assert tab.text_content(f"#{wire['id']} .below") == below.replace("←", arrow)
        assert tab.get_attribute(f"#{wire['id']}", "data-tail") == wire["tail"]
    assert tab.locator("svg b").count() == 0
    outside = tab.evaluate(
        """() => [...document.querySelectorAll(".node text")].filter(text => {
            const inner = text.getBBox();
            const outer = text.parentNode.querySelector(".border").getBBox();
            return inner.x < outer.x || inner.x + inner.width > outer.x + outer.width
                || inner.y < outer.y || inner.y + inner.height > outer.y + outer.height;
        }).map(text => text.textContent)"""
    )
    assert outside == []


def test_kinds_marks_and_what_is_lit_are_classes(tab):
    drawn(tab, scene_as_json(neuron(), after=1))
    classes = tab.eval_on_selector_all(".node", "all => all.map(g => g.getAttribute('class'))")
    assert classes[-1] == "node output"
    assert "node inner lit-back" in classes
    lit = tab.eval_on_selector_all(".edge.lit-back", "all => all.map(g => g.dataset.head)")
    assert len(lit) == 1
    unseen = tab.locator(".node.input").first.locator(".unseen")
    assert unseen.first.evaluate("piece => getComputedStyle(piece).visibility") == "hidden"


def test_colours_follow_the_screen_and_the_page_may_set_others(tab):
    drawn(tab, scene_as_json(neuron()))
    tab.add_style_tag(content=":root { color-scheme: light dark; }")
    fill = "getComputedStyle(document.querySelector('.output .border')).fill"
    seen = []
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        seen.append(tab.evaluate(fill))
    tab.add_style_tag(content="svg.computation-graph { --output: #010203 }")
    assert [*seen, tab.evaluate(fill)] == ["rgb(224, 244, 217)", "rgb(28, 58, 28)", "rgb(1, 2, 3)"]


def test_the_colours_are_the_ones_of_the_other_pictures():
    text = (HERE / "drawing.js").read_text("utf-8")
    pairs = re.findall(r"--[\w-]+: light-dark\((#\w{6}), (#\w{6})\);", text)
    assert len(pairs) == 16
    assert dict(pairs) == DARK
