"""The grammar of an expression such as tanh(w*x + b), and what is wrong if a text breaks it.

Steps may come before it: h = w*x; tanh(h + b).

Two programs follow it: this one and page/expression.js, which takes the tables and sentences from
here. A test holds the two equal.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import NamedTuple

LONGEST_EXPRESSION = 1_000  # letters
MOST_NESTED = 100  # brackets, signs and powers inside one another
LONGEST_QUOTE = 30  # letters of the expression in a sentence about it
LARGEST_WHOLE = 2**53  # above it not every whole number is a float
FUNCTIONS = ("abs", "cos", "exp", "log", "relu", "sigmoid", "sin", "sqrt", "tanh")
PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "pos": 3, "neg": 3, "**": 4}  # as in Python
SIGNS = {"+": "pos", "-": "neg"}
DIGITS = "[0-9](?:_?[0-9])*"
NUMERAL = rf"(?:{DIGITS}\.?(?:{DIGITS})?|\.{DIGITS})(?:[eE][+-]?{DIGITS})?"
NUMBER_OR_SIGN = re.compile(rf"(?P<number>{NUMERAL})|(?P<sign>\*\*|[-+*/();])")
BRACKET = re.compile(r" *\(")
# Letters that cannot be seen: controls, blanks, marks of direction, and halves of letters. Unicode
# has more of them in each version.
UNSEEN = r"[\0- \x7f-\xa0\xad\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\udfff\ufeff]"

# What people write, and what an expression has instead.
INSTEAD = {
    **{letter: f"x**{power}" for power, letter in enumerate("²³⁴⁵⁶⁷⁸⁹", 2)},
    **dict.fromkeys("⁰¹⁻", "a power as x**n"),
    **{letter: f"x{index}" for index, letter in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    **dict.fromkeys("×·\u0387⋅∙•∗", "the sign *"),
    **dict.fromkeys("÷∕⁄", "the sign /"),
    **dict.fromkeys("−–—‐‑", "the sign - of the keyboard"),
    **dict.fromkeys("[{", "the bracket ("),
    **dict.fromkeys("]}", "the bracket )"),
    **dict.fromkeys("\t\n\r\u00a0", "a blank"),
    **{"^": "x**2", "|": "abs(x)", "√": "sqrt(x)"},
    **{"½": "1/2", "¼": "1/4", "¾": "3/4"},
}
ALTERNATIVES = {
    "ln": "log(x)",
    "log2": "log(x)/log(2)",
    "log10": "log(x)/log(10)",
    "tan": "sin(x)/cos(x)",
    "sinh": "(exp(x) - exp(-x))/2",
    "cosh": "(exp(x) + exp(-x))/2",
    "pow": "x**2",
    "square": "x**2",
    "max": "relu(x)",
}
CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e}
SENTENCES = {
    "empty": "the expression is empty: write something like tanh(w*x + b)",
    "long": f"an expression has at most {LONGEST_EXPRESSION:,} letters, not {{length}}",
    "deep": f"an expression is at most {MOST_NESTED} brackets, signs or powers deep",
    "letter": (
        "an expression has no {letter}: it is made of names, numbers, + - * / ** ( ) and "
        + ", ".join(FUNCTIONS)
    ),
    "instead": "an expression has no {letter}: write {cure}",
    "comma": "a decimal number has a point and no comma: write {number}",
    "equals": 'an expression has no "=": leave out "{head}"',
    "nameless": "what comes before ; needs a name: write h = in front of it",
    "twice": "{name} is defined twice: give one of them another name",
    "late": "{name} is used before it is defined: write this step first",
    "unused": "{name} is not used: leave this step out",
    "large": "a number must be finite, below 1.8e308, not {number}",
    "product": "a sign is missing between {left} and {right}: a product is written {left}*{right}",
    "argument": "{function} is a function of one argument: write {function}({x})",
    "function": f"there is no function {{name}}, only {', '.join(FUNCTIONS)}: write {{cure}}",
    "unclosed": "this bracket is not closed: add its )",
    "unopened": "this ) closes no bracket: leave it out",
    "brackets": "the brackets are empty: write a value between them",
    "after": "a value is missing after {sign}: add one",
    "before": "a value is missing before {sign}: add one",
    "value": "{name} has no value: add {name}={number}",
}


class GrammarError(ValueError):
    """What is wrong in an expression, and at which letter."""

    def __init__(self, problem: str, place: int) -> None:
        super().__init__(problem)
        self.place = place


class Token(NamedTuple):
    """A piece of the text: a "number", "name", "call", "sign", "letter" or the "end".

    A "call" is a name and the bracket behind it. Signs are + - * / ** ( ) and ;. A "letter" is any
    other.
    """

    kind: str
    text: str
    place: int


class Operation(NamedTuple):
    """An operation, or a number or name, which have no operands.

    op        as in a Value: "+", "neg", "tanh", "const" of a number, "" of a name; "=" gives a step
              its name, and "again" is that name later
    place     of its sign or name in the text
    operands  how many there are; "**" with a plain exponent has one
    name      of a name
    number    of a number, or the exponent
    whole     whether the number is written as a whole one
    """

    op: str
    place: int
    operands: int
    name: str = ""
    number: float = 0.0
    whole: bool = False


def parse(text: str) -> list[Operation]:
    """The operations of an expression in the order of computing, each behind its operands.

    GrammarError: the text is not an expression.

    >>> [operation.name or operation.op for operation in parse("w*x + tanh(b)")]
    ['w', 'x', '*', 'b', 'tanh', '+']
    """
    if not text.strip(" "):
        raise mistake("empty", 0)
    if len(text) > LONGEST_EXPRESSION:
        raise mistake("long", LONGEST_EXPRESSION, length=f"{len(text):,}")
    return Reader(text).read()


class Reader:
    """Reads an expression from left to right, without recursion.

    done     the operations whose operands are complete, in the order of computing
    waiting  the brackets and signs whose last operand is not complete; a bracket's op is "(" or its
             function
    start    the token at which the step begins that is read
    defining the name of that step, if it has one
    steps    the names of the steps before, and whether they have been used
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.done: list[Operation] = []
        self.waiting: list[Operation] = []
        self.start = 0
        self.defining: Token | None = None
        self.steps: dict[str, tuple[Token, bool]] = {}

    def read(self) -> list[Operation]:
        behind_operand = False
        for i, token in enumerate(self.tokens):
            if i == self.start and self.is_definition(i):
                self.defining = self.new_name(token)
                continue
            if i == self.start + 1 and self.defining:
                continue  # its =
            if token.kind == "letter":
                raise self.wrong_letter(i)
            behind_operand = self.sign(i) if behind_operand else self.operand(i)
            if sum(each.operands == 1 or each.op == "**" for each in self.waiting) > MOST_NESTED:
                raise mistake("deep", token.place)
        for name, is_used in self.steps.values():
            if not is_used:
                raise mistake("unused", name.place, name=quote(name.text))
        return self.done

    def is_definition(self, i: int) -> bool:
        """Whether NAME = … ; begins here."""
        kinds = [(token.kind, token.text) for token in self.tokens[i : i + 3]]
        begins = kinds[0][0] == "name" and kinds[0][1] not in FUNCTIONS
        begins = begins and kinds[1:2] == [("letter", "=")] and kinds[2][1] != "="
        return begins and any(token.text == ";" for token in self.tokens[i:])

    def new_name(self, token: Token) -> Token:
        name = token.text
        if name in self.steps:
            raise mistake("twice", token.place, name=quote(name))
        if any(operation.name == name for operation in self.done):
            raise mistake("late", token.place, name=quote(name))
        return token

    def operand(self, i: int) -> bool:
        """Take an operand, or what comes before one; whether the operand ends here."""
        kind, text, place = self.tokens[i]
        if kind == "number":
            self.done.append(constant(text, place))
        elif kind == "name":
            if text in FUNCTIONS:
                after = self.tokens[i + 1]
                x = quote(after.text) if after.kind in ("number", "name") else "x"
                raise mistake("argument", place, function=text, x=x)
            if text in self.steps:
                self.steps[text] = self.steps[text][0], True
            self.done.append(Operation("again" if text in self.steps else "", place, 0, name=text))
        elif kind == "call":
            if text not in FUNCTIONS:
                raise self.unknown_function(i)
            self.waiting.append(Operation(text, place, 1))
        elif text == "(" or text in SIGNS:
            self.waiting.append(Operation(SIGNS.get(text, text), place, 1))
        else:
            raise self.missing_value(i)
        return kind in ("number", "name")

    def sign(self, i: int) -> bool:
        """Take the sign, bracket or end behind an operand; whether another operand ends here."""
        kind, text, place = self.tokens[i]
        if kind in ("number", "name", "call") or text == "(":
            left, right = as_factor(self.tokens[i - 1]), as_factor(self.tokens[i])
            raise mistake("product", place, left=left, right=right)
        least = PRECEDENCE.get(text, 1)
        # A power waits for the one to its right: a**b**c is a**(b**c).
        while text != "**" and self.waiting and PRECEDENCE.get(self.waiting[-1].op, 0) >= least:
            finish(self.waiting.pop(), self.done)
        if (kind == "end" or text == ";") and self.waiting:
            raise mistake("unclosed", self.waiting[-1].place)
        if text == ";":
            if self.defining is None:
                raise mistake("nameless", place)
            name = self.defining
            self.done.append(Operation("=", name.place, 1, name=name.text))
            self.steps[name.text] = name, False
            self.start, self.defining = i + 1, None
        elif text == ")":
            if not self.waiting:
                raise mistake("unopened", place)
            finish(self.waiting.pop(), self.done)
        elif kind == "sign":
            self.waiting.append(Operation(text, place, 2))
        return text == ")"

    def unknown_function(self, i: int) -> GrammarError:
        _, name, place = self.tokens[i]
        for token in self.tokens:
            if token.text == "=":  # f(x) = …
                return self.definition(token.place)
        near = [f"{function}(x)" for function in FUNCTIONS if one_letter_apart(name, function)]
        cure = ALTERNATIVES.get(name) or next(iter(near), f"{quote(name)}*(…) for a product")
        return mistake("function", place, name=quote(name), cure=cure)

    def wrong_letter(self, i: int) -> GrammarError:
        _, letter, place = self.tokens[i]
        before, after = self.tokens[i - 1], self.tokens[i + 1]
        opened = [each for each in self.waiting if PRECEDENCE.get(each.op, 0) == 0]
        around = self.text[max(0, place - 1) : place + 2]
        if re.search("[0-9],[0-9]", around) and before.kind == "number":
            return mistake("comma", place, number=quote(f"{before.text}.{after.text}"))
        if letter in ",=" and opened and opened[-1].op != "(":
            return mistake("argument", opened[-1].place, function=opened[-1].op, x="x")
        if letter == "=" and i and not opened and after.text != "=":
            return self.definition(place)
        if letter in INSTEAD:
            return mistake("instead", place, letter=spelled(letter), cure=INSTEAD[letter])
        return mistake("letter", place, letter=spelled(letter))

    def definition(self, place: int) -> GrammarError:
        return mistake("equals", place, head=quote(self.text[: place + 1].strip(" ")))

    def missing_value(self, i: int) -> GrammarError:
        kind, text, place = self.tokens[i]
        before = self.tokens[i - 1]
        if i == 0:
            return mistake("unopened" if text == ")" else "before", place, sign=text)
        if text == ")" and before.kind == "call":
            return mistake("argument", before.place, function=before.text, x="x")
        if text == ")" and before.text == "(":
            return mistake("brackets", before.place)
        if text == ")" or kind == "end":
            bracket = "(" if before.kind == "call" else ""
            return mistake("after", place, sign=before.text + bracket)
        return mistake("before", place, sign=text)


def finish(operation: Operation, done: list[Operation]) -> None:
    """Put a bracket or sign behind its operands. A sign or power of a number becomes part of it."""
    last = done[-1]
    if operation.op == "neg" and last.op == "const":
        done[-1] = last._replace(number=-last.number)
    elif operation.op == "**" and last.op == "const":
        done[-1] = last._replace(op="**", place=operation.place, operands=1)
    elif operation.op not in ("(", "pos"):
        done.append(operation)


def constant(text: str, place: int) -> Operation:
    number = float(text)
    if math.isinf(number):
        raise mistake("large", place, number=quote(text))
    whole = text.replace("_", "").isdecimal() and number < LARGEST_WHOLE
    return Operation("const", place, 0, number=number, whole=whole)


def one_letter_apart(name: str, other: str) -> bool:
    """Whether they are the same without one letter, or with one letter left out of each."""
    return not shorter(name).isdisjoint(shorter(other))


def shorter(name: str) -> set[str]:
    return {name, *(name[:i] + name[i + 1 :] for i in range(len(name)))}


def tokens_of(text: str) -> list[Token]:
    tokens = []
    place = 0
    while place < len(text):
        start = place
        place += 1
        if match := NUMBER_OR_SIGN.match(text, start):
            place = match.end()
            tokens.append(Token(match.lastgroup or "", match[0], start))
        elif text[start].isidentifier():
            while place < len(text) and goes_on(text[place]):
                place += 1
            name = unicodedata.normalize("NFKC", text[start:place])  # as Python does
            bracket = BRACKET.match(text, place)
            tokens.append(Token("call" if bracket else "name", name, start))
            place = bracket.end() if bracket else place
        elif text[start] != " ":
            tokens.append(Token("letter", text[start], start))
    return [*tokens, Token("end", "", len(text))]


def goes_on(letter: str) -> bool:
    """Whether a name goes on with this letter. In Python it may with a middle dot too."""
    return f"_{letter}".isidentifier() and letter not in "·\u0387"


def as_factor(token: Token) -> str:
    """A token as the operand of a product."""
    brackets = "(…)" if token.kind in ("sign", "call") else ""
    return ("" if token.kind == "sign" else quote(token.text)) + brackets


def quote(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}…"


def spelled(letter: str) -> str:
    return f"U+{ord(letter):04X}" if re.match(UNSEEN, letter) else f'"{letter}"'


def mistake(problem: str, place: int, **words: str) -> GrammarError:
    return GrammarError(SENTENCES[problem].format(**words), place)


def missing_number(name: str, place: int) -> GrammarError:
    number = repr(CONSTANTS[name]) if name in CONSTANTS else "NUMBER"
    return mistake("value", place, name=quote(name), number=number)


def refusal(error: Exception, x: object) -> str:
    """What the engine says of a number, as for log(-1), without the words on its Value."""
    return f"{str(error).partition(', not Value(')[0]}, not {x}"
