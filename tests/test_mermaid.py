"""Pictures as Mermaid, which code hosts draw."""

import re

import pytest

from tinygrad_neuron import MLP, Neuron, Value, draw, mean

FIRST = '%%{init: {"flowchart": {"curve": "linear", "wrappingWidth": 400}}}%%\n'
SHAPES = {"([": "])", "[[": "]]", "[/": "/]", "{{": "}}", "[": "]", ">": "]"}


def test_a_small_graph_is_as_by_hand():
    x = Value(3.0, label="x")
    y = x * x + x
    y.backward()
    assert draw(y).mermaid() == (
        f"{FIRST}flowchart LR\n"
        '    n1(["x = 3<br>input<br>grad 1 + 3 + 3 = 7"])\n'
        '    n2["v1 = 9<br>x · x<br>grad 1"]\n'
        '    n3{{"y = 12<br>v1 + x<br>grad 1 (start)"}}\n'
        '    n1 -->|"∂₁v1/∂x = 3<br>← 3"| n2\n'
        '    n1 -->|"∂₂v1/∂x = 3<br>← 3"| n2\n'
        '    n2 -->|"∂y/∂v1 = 1<br>← 1"| n3\n'
        '    n1 -->|"∂y/∂x = 1<br>← 1"| n3\n'
    )


def test_shapes_tell_the_kinds_apart_and_a_dotted_line_passes_nothing_on():
    neuron, g = Neuron(1, Value.relu), Value(9.81, op="const", label="g")
    neuron.load_state_dict({"w1": -1.0, "b": 0.0})
    y = neuron([2.0]) * g
    text = draw(y, direction="TB").mermaid()
    assert text.startswith(f"{FIRST}flowchart TB\n")
    boxes = re.findall(r'^    n\d+(\W+)"(\w+) =', text, flags=re.M)
    found = {name: shape for shape, name in boxes}
    assert (found["w1"], found["x1"], found["g"], found["y"]) == ("[[", "([", "[/", "{{")
    # Through relu passes 0, and the 0 that it gives is the derivative by g.
    dotted = re.findall(r"(\S+) -\.->", text)
    assert len(dotted) == 2
    assert text.count("-->") == 5


def test_where_there_are_no_numbers_on_arrows_the_arrows_have_no_texts():
    net = MLP(2, [8, 8, 1])
    picture = draw(net([1.0, 2.0])[0], partials=False)
    assert "|" not in picture.mermaid()


@pytest.mark.parametrize(
    "label",
    [
        "<script>alert(1)</script>",
        "\"double\" 'single'",
        "a|b{c}<d>",
        "]) --> n1",
        "`code` **bold** _it_",
        "#quot; #35; &amp;",
        "%%{init: {}}%%",
        "end",
        "click n1 href",
        r"back\slash",
        "日本語 👩‍👩‍👧 é",
    ],
)
def test_no_label_means_anything_to_mermaid(label):
    x = Value(3.0, label=label)
    y = Value(2.0, (x,), (1.0,), label)
    x.grad, y.grad = 5.0, 1.0  # so that a note names the label
    lines = draw(y, variables={}).mermaid().splitlines()
    boxes = [line for line in lines if re.match("    n[12][^ ]", line)]
    assert len(boxes) == 2
    for line in boxes:
        start, text, end = re.fullmatch(r'    n\d(\W+)"([^"]*)"(\W+)', line).groups()
        assert SHAPES[start] == end
        assert not re.search(r"[<>|`\"{}*_%&\\]", text.replace("<br>", ""))
        shown = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), text)
        name = label if len(label) <= 24 else label[:23] + "…"
        assert name in shown.replace("\N{ZERO WIDTH NO-BREAK SPACE}", "")
    first, direction, arrow, *notes = [line for line in lines if line not in boxes]
    assert (f"{first}\n", direction) == (FIRST, "flowchart LR")
    assert re.fullmatch(r'    n1 -->\|"[^"|<>]*<br>[^"|<>]*"\| n2', arrow)
    assert re.fullmatch(r'    notes\["the grad is not [^"<>]*"\]', notes[0])
    assert notes[1:] == ["    style notes fill:none,stroke:none"]


@pytest.mark.parametrize("label", ["1. x", "- d", "# h", "a@b.de", "www.x.de", "$$x$$", "_em_"])
def test_what_markdown_would_read_in_a_label_is_held_apart(label):
    text = draw(Value(3.0, label=label), variables={}).mermaid()
    assert "#65279;" in text  # a letter without a width, which ends what Markdown looks for


def test_notes_are_a_box_without_a_border_and_lines_have_their_widths():
    xs = [Value(1.0, label="a"), Value(-1.0, label="b")]
    y = Value(
        0.0, tuple(xs) + tuple(Value(1.0) for _ in range(99)), (2.0, -1.0, *[0.0] * 99), "mix"
    )
    text = draw(y, expand=True, variables={}).mermaid()
    assert "    linkStyle 0 stroke-width:3.2px\n" in text
    # |-1| is half of |2|: 0.7 + 2.5 / 2
    assert "    linkStyle 1 stroke-width:1.9px,stroke-dasharray:6 3\n" in text
    assert '    notes["a line shows the local derivative ∂:' in text


def test_up_to_200_arrows_are_written_and_more_are_an_error_with_the_remedies():
    xs = [Value(float(i)) for i in range(201)]
    text = draw(mean(xs[:200]), expand=True).mermaid()
    assert text.count(" --> ") == 200
    picture = draw(mean(xs), expand=True)
    with pytest.raises(ValueError, match=r"at most 200 arrows, not 201: save it as \.svg, or"):
        picture.mermaid()


def test_a_worksheet_has_no_numbers_there_either():
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    assert draw(y, blank="grads").mermaid() == (
        f"{FIRST}flowchart LR\n"
        '    n1(["x = 3<br>input<br>grad "])\n'
        '    n2{{"y = 9<br>x · x<br>grad "}}\n'
        '    n1 -->|"∂₁y/∂x = 3<br>← "| n2\n'
        '    n1 -->|"∂₂y/∂x = 3<br>← "| n2\n'
    )
