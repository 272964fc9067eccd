"""What each operation computes, and its partials, as formulas.

This is the second statement of what the engine computes: for programs, for words, for looking
whether a node is still what its operands say. The engine does not know it; a test holds the two
equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import lru_cache

TERMS = 8  # of a long sum on one line; Python's compiler overflows at some thousands


class Rule:
    """The formulas of an operation: Rule("a * b", "b", "a").

    value     of the result y, in the operands a and b (a1, a2, … if there are more); where it takes
              several steps, the later ones in y
    partials  dy/da and dy/db, in the same letters and y

    The functions in them are abs, cos, exp, log, log1p, sigmoid, sign, sin, sqrt, tanh and
    where(condition, x, otherwise), which computes both.

    >>> from tinygrad_neuron import Value, unroll
    >>> x = Value(2.0, label="x")
    >>> cube = Value(x.data**3, (x,), (3 * x.data**2,), "cube")
    >>> unroll(cube, rules={"cube": Rule("a ** 3", "3 * a ** 2")})(5.0)
    (125.0, (75.0,))
    """

    __slots__ = ("partials", "value")

    def __init__(self, value: str | tuple[str, ...], *partials: str) -> None:
        self.value = value if isinstance(value, tuple) else (value,)
        self.partials = partials


IN_RULES = {"abs", "cos", "exp", "log", "log1p", "sigmoid", "sign", "sin", "sqrt", "tanh", "where"}
RULES = {
    "+": Rule("a + b", "1", "1"),
    "-": Rule("a - b", "1", "-1"),
    "*": Rule("a * b", "b", "a"),
    "/": Rule("a / b", "1 / b", "-y / b"),
    "**": Rule("power(a, b)", "power_slope(a, b)", "y * log_or_0(a)"),
    "neg": Rule("-a", "-1"),
    "abs": Rule("abs(a)", "sign(a)"),
    "exp": Rule("exp(a)", "y"),
    "log": Rule("log(a)", "1 / a"),
    "log1p": Rule("log1p(a)", "1 / (1 + a)"),
    "sqrt": Rule("sqrt(a)", "divided(0.5, y)"),
    "sin": Rule("sin(a)", "cos(a)"),
    "cos": Rule("cos(a)", "-sin(a)"),
    "tanh": Rule("tanh(a)", "1 - y * y"),
    "sigmoid": Rule("sigmoid(a)", "y * (1 - y)"),
    "relu": Rule("where(a <= 0, 0.0, a)", "where(a <= 0, 0.0, 1.0)"),
    "bce": Rule("bce(a, b)", "bce_slope(a, b)", "bce_slope_in_target(a, b)"),
    "bce_with_logits": Rule("bce_with_logits(a, b)", "sigmoid(a) - b", "-a"),
}


# Of operations whose two operands are one, where an engine keeps them in a set.
TWICE = {
    "+": Rule("a + a", "2"),
    "-": Rule("a - a", "0"),
    "*": Rule("a * a", "2 * a"),
    "/": Rule("a / a", "0"),
}


@lru_cache(maxsize=1000)
def rule_of(op: str, operands: int) -> Rule | None:
    """The rule of an operation on so many operands, or None if there is none."""
    letters = letters_of(operands)
    if op == "dot" and operands % 2 == 0:
        left, right = letters[: operands // 2], letters[operands // 2 :]
        return Rule(summed([f"{a} * {b}" for a, b in zip(left, right)]), *right, *left)
    if op == "mean" and operands:
        if operands == 1:
            return Rule("a", "1")
        *steps, last = summed(letters)
        return Rule((*steps, f"({last}) / {operands}"), *[f"1 / {operands}"] * operands)
    rule = power_rule(op[2:]) if op.startswith("**") and op != "**" else RULES.get(op)
    return (
        rule if rule and len(rule.partials) == operands else None
    )  # an operation of yours "*" of three


def letters_of(operands: int) -> list[str]:
    return ["a", "b"][:operands] if operands <= 2 else [f"a{i}" for i in range(1, operands + 1)]


def summed(terms: list[str]) -> tuple[str, ...]:
    """Their sum from left to right, a few terms at a step."""
    steps = [terms[i : i + TERMS] for i in range(0, len(terms), TERMS)]
    return tuple(" + ".join(step if i == 0 else ["y", *step]) for i, step in enumerate(steps))


def power_rule(exponent: str) -> Rule | None:
    """a to a plain exponent, which is part of the operation's name."""
    if exponent.isdecimal():
        n = int(exponent)
        slopes = {0: "0", 1: "1", 2: "2 * a"}
        return Rule(f"a ** {n}", slopes.get(n, f"{n} * a ** {n - 1}"))
    try:
        float(exponent)
    except ValueError:  # the name of an operation of yours own
        return None
    return Rule(f"power(a, {exponent})", f"power_slope(a, {exponent})")  # 0 and bases below it


def checked_rule(op: str, operands: int, rule: Rule) -> Rule:
    """A rule of yours; ValueError unless it has the right formulas, of what is known."""
    own = (*rule.value, *rule.partials) if isinstance(rule, Rule) else ()
    if len(own) <= operands or len(rule.partials) != operands:
        partials = f"{operands} partial{'s' if operands > 1 else ''}"
        raise ValueError(f"the rule of {op!r} must be a Rule with a value and {partials}")
    letters = set(letters_of(operands))
    for i, formula in enumerate(own):
        check_formula(op, formula, letters | {"y"} if i else letters)
    return rule


def check_formula(op: str, formula: str, letters: Set[str]) -> None:
    """ValueError unless floats, arrays, Values and a browser can all compute it."""
    import ast

    try:
        nodes = list(ast.walk(ast.parse(formula, mode="eval")))
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        shown = f"{formula!r:.60}"
        raise ValueError(f"the rule of {op!r} has {shown}, which is no formula") from None
    parts = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Load, ast.Name)
    signs = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd)
    order = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
    called, right = [], "#" not in formula and formula.isascii()
    for node in nodes:
        if isinstance(node, ast.Constant):
            right &= type(node.value) in (int, float)
        elif isinstance(node, ast.Compare):
            right &= len(node.ops) == 1
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            arguments = 3 if name == "where" else 1
            right &= bool(name) and not node.keywords
            right &= name not in IN_RULES or len(node.args) == arguments
            called.append(node.func)
        else:
            right &= isinstance(node, (*parts, *signs, *order))
    if not right:
        allowed = "numbers, names, + - * / **, < <= > >= and functions"
        raise ValueError(f"the rule of {op!r} has {formula!r:.60}: a formula has only {allowed}")
    names = {node.id for node in nodes if isinstance(node, ast.Name) and node not in called}
    functions = {node.id for node in called if isinstance(node, ast.Name)}
    if unknown := sorted((names - letters) | (functions - IN_RULES)):
        known = ", ".join(sorted(letters | IN_RULES))
        words = f"{', '.join(unknown):.60}; known are {known}"
        raise ValueError(f"the rule of {op!r} has {words}")


def words_for(operands: Sequence[str], result: str) -> dict[str, str]:
    """The letters of a rule's formulas, and what they are called in a certain place."""
    return dict(zip(letters_of(len(operands)), operands)) | {"y": result}


def with_words(formula: str, words: Mapping[str, str]) -> str:
    """A formula with words for its letters.

    >>> with_words("a * b", words_for(["w", "x"], "z"))
    'w * x'
    """
    import re  # needed by few, and slow to import

    return re.sub(r"\b(?:y|[ab]\d*)\b", lambda letter: words[letter[0]], formula)
