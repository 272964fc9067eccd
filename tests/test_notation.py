"""How numbers and words are written wherever a graph is shown."""

import math
import random
from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest

from tinygrad_neuron import Value, draw, explain, steps, tree, walk
from tinygrad_neuron.view.notation import beginning, cells, number, padded


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (2.5, "2.5"),
        (-1234.0, "−1234"),
        (123.456, "123.5"),
        (12345.0, "12345"),
        (-12345.0, "−12345"),
        (12345.678, "12346"),
        (123456.0, "123456"),
        (100000.0, "100000"),
        (999.96, "1000"),
        (9999.4, "9999"),
        (9999.96, "10000"),
        (99999.4, "99999"),
        (999999.4, "999999"),
        (1e6, "1e+06"),
        (999999.6, "1e+06"),
        (-999999.6, "−1e+06"),
        (1234567.0, "1.235e+06"),
        (1e100, "1e+100"),
        (0.0001, "0.0001"),
        (0.00012345, "0.0001234"),  # the float nearest to it is a little smaller
        (0.00009, "9e−05"),
        (math.inf, "inf"),
        (-math.inf, "−inf"),
        (math.nan, "nan"),
    ],
)
def test_a_number_below_a_million_keeps_all_digits_before_its_point(x, text):
    assert number(x) == text


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1000.5, "1000"),
        (1001.5, "1002"),
        (9998.5, "9998"),
        (9999.5, "10000"),
        (12344.5, "12344"),
        (12345.5, "12346"),
        (-12344.5, "−12344"),
        (99998.5, "99998"),
        (99999.5, "100000"),
        (999998.5, "999998"),
        (999999.5, "1e+06"),
        (1000500.0, "1e+06"),
        (1001500.0, "1.002e+06"),
    ],
)
def test_halfway_between_two_numbers_the_even_one_is_written(x, text):
    assert number(x) == text


def test_other_counts_of_digits_keep_them_too():
    assert [number(12345.678, digits) for digits in (1, 2, 5, 6, 7)] == [
        *("12346", "12346", "12346", "12345.7", "12345.68")
    ]
    assert [number(9.96, digits) for digits in (1, 2, 3)] == ["10", "10", "9.96"]
    assert [number(1234567.8, digits) for digits in (2, 7, 8)] == [
        *("1.2e+06", "1234568", "1234567.8")
    ]


def test_what_is_written_is_the_number_rounded_once():
    """To four digits, or to as many as stand before the point, from the exact number."""
    rng = random.Random(0)
    numbers = [rng.choice([-1, 1]) * 10 ** rng.uniform(-8, 9) for _ in range(5000)]
    numbers += [rng.randrange(-8_000_000, 8_000_000) / 4 for _ in range(5000)]  # with ties
    for x in filter(None, numbers):
        digits = max(4, Decimal(x).adjusted() + 1) if abs(x) < 1e6 else 4
        right = Context(prec=digits, rounding=ROUND_HALF_EVEN).create_decimal(Decimal(x))
        text = number(x)
        assert Decimal(text.replace("−", "-")) == right
        assert ("e" in text) == (not 1e-4 <= abs(right) < 1e6)


def test_a_number_looks_the_same_in_every_view(capsys):
    x = Value(12345.0, label="x")
    y = x * 100000
    y.backward()
    source = draw(y, constants=True).source
    for text in (" = 12345", "grad 100000", "∂y/∂x = 100000", "← 100000", "100000"):
        assert f">{text}<" in source
    assert "x  input          data 12345      grad 100000  ∂ 100000" in tree(y)
    assert "100000  constant  data 100000     grad 12345   ∂ 12345" in tree(y)
    sentence = "x.grad += ∂y/∂x · y.grad = 100000 · 1 = 100000   (0 → 100000)"
    assert str(steps(y)[0]) == sentence
    walk(y)
    assert capsys.readouterr().out.startswith(sentence)
    assert str(explain(y, x)).startswith("∂y/∂x = 100000")


# The cells of a terminal.

FAMILY = "👩\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("w1", 2),
        ("├─ ∂₁ −0.5 …", 12),
        ("日本語", 6),
        ("한국어", 6),
        ("ｗ１", 4),  # letters that are as wide as Chinese ones
        ("e\u0301", 1),  # é, as e with an accent
        ("\u00e9", 1),  # é, as one letter
        ("x\u20d7", 1),  # x with an arrow above
        ("x\u20dd", 1),  # x in a circle
        ("🙂", 2),
        (FAMILY, 2),
        ("👩\u200d❤\ufe0f\u200d👨", 2),
        ("🏳\ufe0f\u200d🌈", 2),
        ("👍🏽", 2),
        ("❤", 1),
        ("❤\ufe0f", 2),
        ("1\ufe0f\u20e3", 2),  # the key 1
        ("🇩🇪", 2),
        ("क्\u200dष", 2),  # a joiner between letters, which keep their widths
        (f"{FAMILY} = 日e\u0301", 8),
    ],
)
def test_a_text_takes_as_many_cells_as_a_terminal_shows(text, width):
    assert cells(text) == width
    assert padded(text, 20) == text + " " * (20 - width)
    assert beginning(text, width) == text


@pytest.mark.parametrize(
    ("text", "width", "fits"),
    [
        ("weight", 0, ""),
        ("weight", 3, "wei"),
        ("日本語", 3, "日"),
        ("日本語", 1, ""),
        ("cafe\u0301s", 4, "cafe\u0301"),  # not the e without its accent
        (f"{FAMILY}日", 3, FAMILY),
        (f"a{FAMILY}", 2, "a"),
    ],
)
def test_a_text_is_cut_between_letters_and_not_inside_one(text, width, fits):
    assert beginning(text, width) == fits
