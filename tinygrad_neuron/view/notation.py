"""How numbers and words are written wherever a graph is shown to people."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import accumulate

LONGEST_LABEL = 40  # letters of a label; a longer one ends in "…"
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
OLD = " (old)"  # behind a number that its operands do not give any more
JOINER = "\u200d"  # holds an emoji of several signs together
AS_EMOJI = "\ufe0f"  # makes a sign an emoji, which is wide: ❤ and ❤️
SKIN_TONES = "🏻🏼🏽🏾🏿"  # colour the emoji before them


def number(x: float, digits: int = 4) -> str:
    """x to so many significant digits, with a true minus, and without one before 0.

    A number below a million keeps all digits before its decimal point.

    >>> number(-0.12345678), number(-0.0), number(12345.678), number(2e-9), number(1234567.0)
    ('−0.1235', '0', '12346', '2e−09', '1.235e+06')
    """
    x = float(x) or 0.0
    text = f"{x:.{digits}g}"
    if "e+" in text and abs(x) < 999_999.5:  # from there on x rounds to a million
        text = f"{x:.0f}"
    return text.replace("-", "−")


def printable(text: str, longest: int = LONGEST_LABEL) -> str:
    r"""The text on one line and not too long, with escapes for what cannot be seen.

    Those are new lines, NULs and the like, and the marks that turn the direction of writing.

    >>> print(printable("two\nlines"), printable("7" * 50))
    two\nlines 777777777777777777777777777777777777777…
    """
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return "".join(c if c.isprintable() or c == JOINER else escaped_letter(c) for c in text)


def escaped_letter(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def partial_sign(position: int, several: bool) -> str:
    """The local derivative by the operand at a position: ∂, or ∂₁, ∂₂, … of several alike."""
    return "∂" + str(position + 1).translate(SUBSCRIPTS) if several else "∂"


def cells(text: str) -> int:
    """How many cells of a terminal the text takes: 日 takes two, and an accent takes none.

    >>> cells("w1"), cells("日本語"), cells("e\u0301"), cells("👩\u200d👩\u200d👧")
    (2, 6, 1, 2)
    """
    return sum(cells_by_letter(text))


def cells_by_letter(text: str) -> Iterator[int]:
    """How many cells each letter adds, by Unicode's rules."""
    before, width = "", 0
    for letter in text:
        kind = unicodedata.category(letter)
        joined = before == JOINER and kind.startswith("S")  # S: a sign, for letters stay apart
        if letter == AS_EMOJI:
            width = int(width == 1)
        elif letter == JOINER or letter in SKIN_TONES or kind in ("Mn", "Me") or joined:
            width = 0  # Mn, Me: a mark on the letter before it, such as an accent
        else:
            width = 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        yield width
        before = letter


def padded(text: str, width: int) -> str:
    """The text, filled up with blanks to so many cells."""
    return text + " " * (width - cells(text))


def beginning(text: str, width: int) -> str:
    """As much of the text as fits into so many cells.

    >>> beginning("日本語", 5), beginning("w1", 5)
    ('日本', 'w1')
    """
    fits = sum(taken <= width for taken in accumulate(cells_by_letter(text)))
    return text[:fits]


def derivative(sign: str, node: str, operand: str) -> str:
    """A local derivative by name: ∂y/∂x, or ∂₁y/∂x with such a sign."""
    return f"{sign}{node}/∂{operand}"


def factor(x: float) -> str:
    """A number as part of a product: 2 · (−0.5)."""
    return f"({number(x)})" if number(x).startswith("−") else number(x)


def word(name: str) -> str:
    """A name as part of a formula: in brackets if it is a number or a formula itself.

    >>> word("net.layers[0].w[1]"), word("2"), word("w*x + b")
    ('net.layers[0].w[1]', '(2)', '(w*x + b)')
    """
    path = all(letter.isalnum() or letter in "_.[]'" for letter in name)
    return name if path and not name[:1].isdigit() else f"({name})"
