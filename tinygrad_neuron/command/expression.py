"""An expression such as tanh(w*x + b): parsed, and never evaluated as Python."""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Callable, Mapping
from operator import add, mul, neg, pos, sub, truediv

from tinygrad_neuron.command.errors import InputError
from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.notation import cells

LONGEST_EXPRESSION = 1_000  # letters
MOST_NESTED = 100  # brackets, signs and powers inside one another
FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "abs": abs,
    "cos": Value.cos,
    "exp": Value.exp,
    "log": Value.log,
    "relu": Value.relu,
    "sigmoid": Value.sigmoid,
    "sin": Value.sin,
    "sqrt": Value.sqrt,
    "tanh": Value.tanh,
}
OPERATORS: dict[type[ast.AST], Callable[[Value, Value | float], Value]] = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
    ast.Div: truediv,
    ast.Pow: pow,
}
SIGNS: dict[type[ast.AST], Callable[[Value], Value]] = {ast.UAdd: pos, ast.USub: neg}
MADE_OF = f"an expression is made of names, numbers, + - * / ** ( ) and {', '.join(FUNCTIONS)}"
ONE_ARGUMENT = "{0} is a function of one argument: {0}(x)"
TOO_DEEP = f"an expression is at most {MOST_NESTED} brackets, signs or powers deep"


class ExpressionError(InputError):
    """What is wrong in an expression, and where: the part of it round the place, with a caret."""

    def __init__(self, problem: str, text: str, place: int) -> None:
        super().__init__(problem)
        start, end = max(0, place - 40), place + 30
        before = ("…" if start else "") + excerpt(text[start:place])
        after = excerpt(text[place:end]) + ("…" if end < len(text) else "")
        self.excerpt = f"  {before}{after}\n  {' ' * cells(before)}^\n"


def excerpt(text: str) -> str:
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def graph_of(text: str, numbers: Mapping[str, float]) -> Value:
    """The graph of an expression, with a labelled leaf for each name.

    An expression is made of names, numbers, the operators and the functions of Value; anything
    else is an ExpressionError, and so is a name without a number. A number whose name does not
    occur is an InputError.

    >>> graph_of("w*x + 1", {"w": 2.0, "x": 3.0}).data
    7.0
    """
    builder = Builder(text.strip(), numbers)
    output = builder.value(parse(builder.text))
    if unused := sorted(numbers.keys() - builder.leaves.keys()):
        raise InputError(f"the expression has no {', '.join(unused)}: leave that number out")
    if not output.label:
        output.label = builder.text
    return output


def parse(text: str) -> ast.expr:
    if not text:
        raise ExpressionError("the expression is empty", text, 0)
    if len(text) > LONGEST_EXPRESSION:
        problem = f"an expression has at most {LONGEST_EXPRESSION:,} letters, not {len(text):,}"
        raise ExpressionError(problem, text, LONGEST_EXPRESSION)
    open_brackets = 0
    for place, letter in enumerate(text):
        if not letter.isprintable() or letter == "#":  # which would begin a comment
            raise ExpressionError(MADE_OF, text, place)
        open_brackets += (letter == "(") - (letter == ")")
        if open_brackets > MOST_NESTED:
            raise ExpressionError(TOO_DEEP, text, place)
    try:
        with warnings.catch_warnings(action="ignore"):  # of Python's, about odd numbers
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        problem = f"not an expression: {error.msg.partition('. ')[0]}"
        if error.msg.startswith("invalid"):
            problem += "; a product is written 2*x"
        raise ExpressionError(problem, text, (error.offset or len(text) + 1) - 1) from None
    except (RecursionError, MemoryError):
        raise ExpressionError(TOO_DEEP, text, 0) from None


class Builder:
    """Turns the syntax tree of an expression into a graph."""

    def __init__(self, text: str, numbers: Mapping[str, float]) -> None:
        self.text = text
        self.numbers = numbers
        self.leaves: dict[str, Value] = {}

    def value(self, node: ast.expr, depth: int = 0) -> Value:
        if depth > MOST_NESTED:
            raise self.error(TOO_DEEP, node)
        operations = []
        while isinstance(node, ast.BinOp):  # a + b + c + … is as deep to the left as it is long
            operations.append(node)
            node = node.left
        result = self.operand(node, depth)
        for operation in reversed(operations):
            result = self.operation(result, operation, depth)
        return result

    def operation(self, left: Value, node: ast.BinOp, depth: int) -> Value:
        operator = OPERATORS.get(type(node.op))
        if operator is None:
            cure = "; a power is written x**2" if isinstance(node.op, ast.BitXor) else ""
            raise self.error(f"{MADE_OF}{cure}", node.left, after=True)
        exponent = literal(node.right) if isinstance(node.op, ast.Pow) else None
        # A plain exponent is part of the operation, so that the base may be negative.
        right = self.value(node.right, depth + 1) if exponent is None else exponent
        try:
            return operator(left, right)
        except (ArithmeticError, ValueError) as error:
            raise self.error(str(error), node.left, after=True) from None

    def operand(self, node: ast.expr, depth: int) -> Value:
        number = literal(node)
        if number is not None:
            return Value(number, op="const")
        match node:
            case ast.Name(name):
                return self.leaf(name, node)
            case ast.UnaryOp(sign, inner) if type(sign) in SIGNS:
                return SIGNS[type(sign)](self.value(inner, depth + 1))
            case ast.Call(ast.Name(name), [inner], []) if name in FUNCTIONS:
                argument = self.value(inner, depth + 1)
                try:
                    return FUNCTIONS[name](argument)
                except (ArithmeticError, ValueError) as error:
                    raise self.error(str(error), node) from None
            case ast.Call(ast.Name(name)) if name in FUNCTIONS:
                raise self.error(ONE_ARGUMENT.format(name), node)
            case ast.Call(ast.Name(name)):
                functions = f"the functions are {', '.join(FUNCTIONS)}"
                raise self.error(f"{functions}, not {name}; a product is written a*b", node)
            case ast.Constant(int() | float() as large) if not isinstance(large, bool):
                raise self.error("a number must be finite, below 1.8e308", node)
            case (
                ast.Attribute(first)
                | ast.Subscript(first)
                | ast.Compare(first)
                | ast.BoolOp(_, [first, *_])
                | ast.IfExp(_, first)
                | ast.Tuple([first, *_])
            ):
                raise self.error(MADE_OF, first, after=True)
        raise self.error(MADE_OF, node)

    def leaf(self, name: str, node: ast.expr) -> Value:
        if name in FUNCTIONS:
            raise self.error(ONE_ARGUMENT.format(name), node)
        if name not in self.numbers:
            raise self.error(f"{name} has no value: add {name}=NUMBER", node)
        if name not in self.leaves:
            self.leaves[name] = Value(self.numbers[name], label=name)
        return self.leaves[name]

    def error(self, problem: str, node: ast.expr, after: bool = False) -> ExpressionError:
        """At the start of a node, or after it, where the operator is."""
        start = (node.end_col_offset if after else node.col_offset) or 0
        place = len(self.text.encode()[:start].decode())  # the parser counts bytes
        if after:
            place += len(self.text[place:]) - len(self.text[place:].lstrip(" )"))
        return ExpressionError(problem, self.text, place)


def literal(node: ast.expr) -> float | None:
    """The finite number that is written there, with its sign, or None."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = unsigned(node.operand)
        return None if number is None else -number
    return unsigned(node)


def unsigned(node: ast.expr) -> float | None:
    number = node.value if isinstance(node, ast.Constant) else None
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        as_float = float(number)
    except OverflowError:
        return None
    whole = isinstance(number, int) and number == as_float  # x**2 is x**2, not x**2.0
    return number if whole else as_float if math.isfinite(as_float) else None
