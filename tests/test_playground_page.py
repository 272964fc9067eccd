"""The playground as a person uses it, in a browser."""

import math
import re
import webbrowser
from urllib.parse import quote

import pytest
from command_line import run

from tinygrad_neuron import Value, draw, steps
from tinygrad_neuron.command.expression import graph_of
from tinygrad_neuron.view.notation import number
from tinygrad_neuron.view.page.playground import playground
from tinygrad_neuron.view.picture import dot_text, svg


class Tab:
    """A tab with the playground, in which no message may appear in the console."""

    def __init__(self, browser, path, size=(1000, 900)):
        self.page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        self.messages = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.path = path

    def open(self, expression="", numbers=None, address=None):
        self.path.write_text(playground(expression, numbers), encoding="utf-8")
        self.page.goto("about:blank")
        self.page.goto(self.path.as_uri() + (address or ""))
        return self

    def text(self, selector):
        return self.page.inner_text(selector)

    def wait_for(self, selector, start):
        self.page.locator(selector, has_text=re.compile(f"^{start}")).wait_for(timeout=30_000)

    def boxes(self):
        """The visible lines of each box."""
        script = """() => [...document.querySelectorAll("#picture .node")].map(box =>
            [...box.querySelectorAll("text")].map(line => [...line.querySelectorAll("tspan")]
                .filter(piece => !piece.classList.contains("unseen"))
                .map(piece => piece.textContent).join("")))"""
        return self.page.evaluate(script)


@pytest.fixture
def tab(browser, tmp_path):
    tab = Tab(browser, tmp_path / "playground.html")
    yield tab
    assert tab.messages == []
    tab.page.close()


NEURON = ("tanh(w*x + b)", {"w": 0.5, "x": 2.0, "b": -0.25})


def test_it_shows_the_boxes_and_numbers_that_draw_shows(tab):
    assert tab.open(*NEURON).boxes() == [
        ["input", "w = 0.5", "grad 1.193"],
        ["input", "x = 2", "grad 0.2983"],
        ["w · x", "v1 = 1", "grad 0.5966"],
        ["input", "b = −0.25", "grad 0.5966"],
        ["v1 + b", "v2 = 0.75", "grad 0.5966"],
        ["tanh(v2)", "tanh(w*x + b) = 0.6351", "grad 1 (start)"],
    ]
    # In words, for who does not see the picture of draw:
    output = graph_of(*NEURON)
    output.backward()
    facts = re.search("<desc>(.*?)</desc>", draw(output, variables={}).svg(), re.S)[1]
    assert ["; ".join(lines) for lines in tab.boxes()] == facts.split("\n")


@pytest.mark.parametrize(
    ("expression", "numbers", "first", "grad"),
    [
        ("x*x", {"x": 3.0}, "x · x", "grad 3 + 3 = 6"),
        ("x**3", {"x": 2.0}, "x³", "grad 12"),
        ("x**-2", {"x": 2.0}, "x ** −2", "grad −0.25"),
        ("-x", {"x": 2.0}, "−x", "grad −1"),
        ("2*x", {"x": 3.0}, "2 · x", "grad 2"),
        ("x/-4", {"x": 2.0}, "x / (−4)", "grad −0.25"),
    ],
)
def test_a_formula_is_written_as_in_a_picture(tab, expression, numbers, first, grad):
    boxes = tab.open(expression, numbers).boxes()
    assert boxes[-1][0] == first
    assert boxes[0][2] == grad


def test_the_steps_are_those_of_both_passes_and_can_be_taken_back(tab):
    tab.open(*NEURON)
    assert tab.text("#phase") == "The whole graph"
    tab.page.click("#begin")
    assert tab.boxes()[2] == ["w · x", "v1", ""]
    seen = []
    for _ in range(9):
        tab.page.click("#forward")
        seen.append(tab.text("#words"))
    assert seen[:4] == [
        "v1 = w · x = 0.5 · 2 = 1",
        "v2 = v1 + b = 1 + (−0.25) = 0.75",
        "tanh(w*x + b) = tanh(v2) = tanh(0.75) = 0.6351",
        "(tanh(w*x + b)).grad = 1",
    ]
    taken = steps(graph_of(*NEURON), variables={})
    assert seen[4:] == [str(step) for step in taken]
    tab.page.click("#back")
    assert tab.text("#words") == seen[-2]
    tab.page.keyboard.press("End")
    assert tab.text("#phase") == "The whole graph"


def test_what_is_typed_is_followed_and_stands_in_the_address(tab):
    tab.open(*NEURON)
    tab.page.fill("#text", "w*x*z")
    assert tab.boxes()[-1][1] == "w*x*z = 1"  # z begins with 1
    tab.page.fill('[data-name="z"] input[type=text]', "-3")
    assert tab.boxes()[-1][1] == "w*x*z = −3"
    tab.page.wait_for_url("**#w*x*z&w=0.5&x=2&z=-3")
    other = tab.page.url.partition("#")[2]
    tab.open(address=f"#{other}")
    assert tab.boxes()[-1][1] == "w*x*z = −3"


def test_a_mistake_has_its_sentence_and_a_caret_under_its_place(tab):
    tab.open(*NEURON)
    tab.page.fill("#text", "w*x + sin x")
    assert tab.text("#problem") == "sin is a function of one argument: write sin(x)"
    assert (tab.page.text_content("#before"), tab.page.text_content("#after")) == (
        *("w*x + ", "sin x"),
    )
    assert tab.page.locator("#shown.stale").count() == 1  # the graph before it stays
    tab.page.fill("#text", "w*x")
    assert tab.page.is_hidden("#error")
    assert tab.page.locator("#shown.stale").count() == 0


def test_a_number_for_which_the_expression_is_not_defined_can_be_changed_again(tab):
    tab.open("log(x - 3)")  # x begins with 1
    assert tab.text("#problem") == "log(x) needs x > 0, not -2.0"
    assert tab.boxes()[-1][:2] == ["first nan: log(v1)", "log(x - 3) = nan"]
    field = tab.page.locator('[data-name="x"] input[type=text]')
    field.fill("4")
    assert tab.page.is_hidden("#error")
    assert tab.boxes()[-1][1] == "log(x - 3) = 0"
    tab.open("1/x", {"x": 1.0})
    field.press("ControlOrMeta+a")
    field.press_sequentially("0.5")  # is 0 on its way
    assert tab.boxes()[-1][1] == "1/x = 2"
    tab.open("log(w)", {"w": 0.5}, address=f"#{quote('log(w)')}&w=0.5&:learn=w")
    tab.page.fill("#rate-number", "1")
    tab.page.click("#run")
    tab.wait_for("#verdict", "Stopped: the step led to where log")
    tab.page.click("#reset")
    assert tab.boxes()[-1][1] == "log(w) = −0.6931"


def test_every_name_can_stand_in_the_address(tab):
    tab.open("e*x + learn", {"e": 2.0, "x": 3.0, "learn": 0.5})
    assert tab.boxes()[-1][1] == "e*x + learn = 6.5"
    tab.page.check('[aria-label="learn learns"]')
    tab.page.wait_for_url("**&:learn=learn")
    tab.open(address="#" + tab.page.url.partition("#")[2])
    assert tab.page.is_checked('[aria-label="learn learns"]')
    assert tab.boxes()[-1][1] == "e*x + learn = 6.5"


def test_constants_of_an_expression_are_changed_in_its_text(tab):
    tab.open("a = 3; 2*a*x", {"x": 1.0})
    assert tab.page.locator("#leaves .leaf-row").count() == 1
    assert tab.page.is_hidden("#constants")


def test_numbers_that_are_ticked_learn_until_it_converges_or_diverges(tab):
    # The loss (w - 3)**2 with rate 0.1: w goes to 3, each time by 0.2 of the distance.
    tab.open("(w - 3)**2", {"w": 1.0})
    assert tab.page.is_disabled("#learn")
    assert tab.text("#learn") == "Tick what learns: data do not"
    tab.page.check('[data-name="w"] input[type=checkbox]')
    assert tab.text("#learn") == "w −= rate · grad"
    tab.page.click("#learn")
    assert tab.page.input_value('[data-name="w"] input[type=text]') == "1.4"
    assert tab.text("#verdict") == "1 step: from 4 to 2.56."
    tab.page.wait_for_url("**:learn=w")
    tab.page.click("#run")
    tab.wait_for("#verdict", "Converged")
    assert tab.text("#run") == "Run"
    learned = float(tab.page.input_value('[data-name="w"] input[type=text]'))
    assert learned == pytest.approx(3, abs=1e-3)
    tab.page.fill("#rate-number", "1.5")
    tab.page.fill('[data-name="w"] input[type=text]', "1")
    tab.page.click("#run")
    tab.wait_for("#verdict", "Diverged")
    assert "try a smaller one" in tab.text("#verdict")
    assert tab.page.locator("#plot polyline.ghost").count() >= 1


def test_without_an_expression_it_begins_with_examples_that_all_work(tab):
    tab.open()
    links = tab.page.locator("#examples a")
    assert links.count() == 6
    for i in range(links.count()):
        tab.open()
        tab.page.locator("#examples a").nth(i).click()
        assert tab.page.is_hidden("#error")
        assert len(tab.boxes()) >= 2


@pytest.mark.parametrize(
    "name",
    ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "__proto__", "a&b=1"],
)
def test_nothing_in_the_address_is_run_or_becomes_part_of_the_page(tab, name):
    tab.page.on("dialog", lambda dialog: tab.messages.append("a dialog"))
    for address in (
        f"#{quote(name)}",
        f"#x&{quote(name)}=1&:learn={quote(name)}",
        f"#x&x={quote(name)}",
        "#%E0%A4%A&x=%",
    ):
        tab.open(address=address)
        assert tab.page.locator("img, script").count() == 2
    tab.open(name)
    assert tab.page.locator("img").count() == 0
    assert tab.page.input_value("#text") == name


def test_what_is_too_long_is_said_at_once(tab):
    tab.open("x", {"x": 1.0})
    for text, said in [
        (" + ".join(["x"] * 5000), "an expression has at most 1,000 letters, not 19,997"),
        ("(" * 500 + "x" + ")" * 500, "an expression has at most 1,000 letters, not 1,001"),
        ("(" * 200 + "x", "an expression is at most 100 brackets, signs or powers deep"),
        (" + ".join(["x"] * 60), "the playground draws up to 40 boxes, and this has 60"),
        ("1e999", "a number must be finite, below 1.8e308, not 1e999"),
    ]:
        tab.page.fill("#text", text)
        assert said in tab.text("#problem")


def test_a_plain_number_and_a_name_are_graphs_too(tab):
    assert tab.open("2").boxes() == [["constant", "2 = 2", "grad 1 (start)"]]
    assert tab.open("x", {"x": 3.0}).boxes() == [["input", "x = 3", "grad 1 (start)"]]


def test_inf_has_its_mark_where_it_begins(tab):
    tab.open("x*y + 1", {"x": 1e200, "y": 1e200})
    assert tab.page.eval_on_selector_all("#picture .broken", "all => all.map(one => one.id)") == [
        "node-2"
    ]
    assert tab.boxes()[2][:2] == ["first inf: x · y", "v1 = inf"]


def test_on_a_phone_the_graph_stands_upright_and_all_of_it_is_seen(browser, tmp_path):
    tab = Tab(browser, tmp_path / "playground.html", size=(390, 800))
    tab.open(*NEURON)
    inside = """() => [document.getElementById("picture"), document.body].map(
        ({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)"""
    assert tab.page.evaluate(inside) == [True, True]
    assert tab.messages == []
    tab.page.close()


def test_the_colours_of_drawn_pictures_are_those_of_draw(tab):
    tab.open(*NEURON)
    colour = """svg => ["--ink", "--back", "--line", "--input-border", "--output-border"].map(
        name => getComputedStyle(svg).getPropertyValue(name).trim())"""
    pairs = tab.page.eval_on_selector("#picture svg", colour)
    found = [pair.partition("(")[2].partition(",")[0] for pair in pairs]  # light-dark(…, …)
    borders = [dot_text.KINDS[kind]["color"] for kind in ("input", "output")]
    assert found == [dot_text.INK, dot_text.BACK, dot_text.LINE, *borders]
    assert set(found) <= svg.DARK.keys()


def test_the_command_writes_the_page_and_opens_it(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: not opened.append(url))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "cache" / "tinygrad_neuron" / "playground.html"
    assert run("play", "w*x", "w=2", "x=3") == (0, f"The playground is in {path}\n", "")
    assert opened == [path.as_uri()]
    assert 'data-start="#w%2Ax&amp;w=2.0&amp;x=3.0"' in path.read_text(encoding="utf-8")
    assert run("play", "--no-browser").returncode == 0
    own = tmp_path / "own.html"
    assert run("play", "w*x", "-o", own).stdout == f"The playground is in {own}\n"
    assert len(opened) == 1
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    assert "there is no browser here: open" in run("play").stderr


def test_the_command_refuses_what_draw_refuses(tmp_path):
    assert "the expression has no z: leave that number out" in run("play", "w*x", "z=1").stderr
    done = run("play", "sin x", "-o", tmp_path / "page.html")
    assert (done.returncode, done.stderr.count("\n")) == (2, 3)
    assert done.stderr.endswith("  sin x\n  ^\n")
    assert run("play", "x", "-o", tmp_path / "page.txt").returncode == 2
    assert not list(tmp_path.iterdir())


def test_a_value_of_an_expression_has_the_gradients_of_the_engine():
    # what the page shows for x*x + sin(x) at 3: 2x + cos(x)
    x = Value(3.0)
    (x * x + x.sin()).backward()
    assert number(x.grad) == number(6 + math.cos(3))
