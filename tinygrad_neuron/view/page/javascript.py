"""A graph as a program in JavaScript, printed from the same rules as the one in Python."""

from __future__ import annotations

import ast
import inspect
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view import grammar
from tinygrad_neuron.view.functions import DERIVED
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.page.contents import operations_of
from tinygrad_neuron.view.rules import RULES, letters_of, with_words, words_for

IN_JAVASCRIPT: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.USub: "-",
    ast.UAdd: "+",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
IN_MATH = {"abs", "cos", "exp", "log", "log1p", "sign", "sin", "sqrt", "tanh"}
NAMES = {"inf": "Infinity", "nan": "NaN"} | {name: f"Math.{name}" for name in IN_MATH}

# Where Python raises an error, JavaScript has Infinity or NaN, which a page can show.
PRIMITIVES = """\
const copysign = (x, s) => s < 0 || Object.is(s, -0) ? -Math.abs(x) : Math.abs(x);
const where = (condition, x, otherwise) => condition ? x : otherwise;
const divided = (x, y) => y === 0 ? Infinity : x / y;
const power = (x, n) => x === 1 ? 1 : Math.pow(x, n);
const plain_slope = (x, n) => {
  const rest = power(x, n - 1);
  const tooLarge = Math.abs(rest) === Infinity && Number.isFinite(x);
  return tooLarge ? n * power(x, n) / x : n * rest;
};
"""


def program_in_javascript(graph: Graph) -> str:
    """The table `operations`: of each operation a function (operands, partials) => data.

    The functions take the data of the operands and write the partials. ValueError: an operation
    has no rule.
    """
    graph.check_rules()
    lines = []
    for op, _, count, rule in dict.fromkeys(operations_of(graph).values()):
        if rule is None:
            cure = f"play(…, rules={{{op!r}: Rule(…)}}) gives its formulas"
            raise ValueError(f"there is no rule for the operation {op!r}: {cure}")
        words = words_for([f"o[{i}]" for i in range(count)], "y")
        first, *others = [in_javascript(with_words(formula, words)) for formula in rule.value]
        partials = [in_javascript(with_words(formula, words)) for formula in rule.partials]
        body = [f"let y = {first};", *(f"y = {other};" for other in others)]
        body += [f"d[{i}] = {partial};" for i, partial in enumerate(partials)]
        lines.append(f"  (o, d) => {{ {' '.join(body)} return y; }},\n")
    return f"{functions_in_javascript()}const operations = [\n{''.join(lines)}];\n"


def functions_in_javascript() -> str:
    return PRIMITIVES + "".join(f"{function_text(function)}\n" for function in DERIVED)


def rules_in_javascript() -> str:
    """The table `rules`: of each operation its value and its local derivatives, as functions.

    {"*": {value: (a, b) => (a * b), partials: [(a, b, y) => b, (a, b, y) => a],
    derivatives: ["b", "a"]}, …}. A plain exponent is the b of "**".
    """
    lines = []
    for op, rule in RULES.items():
        letters = ", ".join(letters_of(len(rule.partials)))
        (value,) = map(in_javascript, rule.value)
        partials = [f"({letters}, y) => {in_javascript(partial)}" for partial in rule.partials]
        functions = f"value: ({letters}) => {value}, partials: [{', '.join(partials)}]"
        derivatives = f"derivatives: {json.dumps(rule.partials)}"
        lines.append(f"  {json.dumps(op)}: {{ {functions}, {derivatives} }},\n")
    return f"{functions_in_javascript()}const rules = {{\n{''.join(lines)}}};\n"


def expression_in_javascript() -> str:
    """A script that reads and computes expressions: the rules, the grammar and expression.js."""
    tables = {name: vars(grammar)[name] for name in TABLES}
    tables["REFUSALS"] = {name: refusal_of(operation) for name, operation in REFUSED.items()}
    script = Path(__file__).with_name("expression.js").read_text(encoding="utf-8")
    return f"{rules_in_javascript()}const grammar = {json.dumps(tables, indent=2)};\n{script}"


TABLES = [
    *("FUNCTIONS", "PRECEDENCE", "SIGNS", "NUMERAL", "CONSTANTS", "UNSEEN"),
    *("LONGEST_EXPRESSION", "MOST_NESTED", "LONGEST_QUOTE", "LARGEST_WHOLE"),
    *("SENTENCES", "INSTEAD", "ALTERNATIVES"),
]
# What the engine refuses, so that the script says the engine's own sentences. A power with a plain
# exponent has the sentence of "**".
REFUSED: dict[str, Callable[[], Value]] = {
    "/": lambda: Value(1.0) / Value(0.0),
    "**": lambda: Value(-1.0) ** 0.5,
    "negative base": lambda: Value(-1.0) ** Value(0.5),
    "exp": Value(1000.0).exp,
    "log": Value(-1.0).log,
    "sqrt": Value(-1.0).sqrt,
    "sin": Value(math.inf).sin,
    "cos": Value(math.inf).cos,
}


def refusal_of(operation: Callable[[], Value]) -> str:
    """The engine's sentence, with {x} for the number and {n} for an exponent."""
    try:
        operation()
    except (ArithmeticError, ValueError) as error:
        return grammar.refusal(error, "{x}").replace("x ** 0.5 ", "x ** {n} ")
    raise AssertionError("the engine computes what it should refuse")


def in_javascript(text: str) -> str:
    return expression(ast.parse(text, mode="eval").body)


def function_text(function: Callable[..., float]) -> str:
    """A function that consists of assignments and a return, in JavaScript."""
    (definition,) = ast.parse(inspect.getsource(function)).body
    lines = []
    for statement in getattr(definition, "body", []):
        match statement:
            case ast.Assign([ast.Name(name)], value):
                lines.append(f"  const {name} = {expression(value)};")
            case ast.Return(ast.expr() as value):
                lines.append(f"  return {expression(value)};")
            case ast.Expr(ast.Constant(str())):
                pass  # the docstring
            case _:
                raise ValueError(f"{function.__name__} has more than assignments and a return")
    arguments = ", ".join(inspect.signature(function).parameters)
    return "\n".join([f"const {function.__name__} = ({arguments}) => {{", *lines, "};"])


def expression(node: ast.expr) -> str:
    """A formula in JavaScript; ValueError, the end of a sentence, if there is no way."""
    match node:
        case ast.Constant(int() | float() as number):
            return NAMES.get(repr(float(number)), repr(float(number)))
        case ast.Name(name):
            return NAMES.get(name, name)
        case ast.Subscript(ast.Name(name), ast.Constant(int() as place)):
            return f"{name}[{place}]"
        case ast.UnaryOp(sign, operand) if type(sign) in IN_JAVASCRIPT:
            return f"({IN_JAVASCRIPT[type(sign)]}{expression(operand)})"
        case ast.BinOp(left, ast.Pow(), right):
            return f"power({comma_separated([left, right])})"
        case ast.BinOp(left, operator, right) if type(operator) in IN_JAVASCRIPT:
            return f"({expression(left)} {IN_JAVASCRIPT[type(operator)]} {expression(right)})"
        case ast.Compare(left, [operator], [right]) if type(operator) in IN_JAVASCRIPT:
            # A number, as in Python: 1 or 0.
            return f"Number({expression(left)} {IN_JAVASCRIPT[type(operator)]} {expression(right)})"
        case ast.Call(ast.Name(name), arguments, []):
            return f"{NAMES.get(name, name)}({comma_separated(arguments)})"
    raise ValueError("has more than numbers, names, + - * / **, < <= > >= and functions")


def comma_separated(arguments: Iterable[ast.expr]) -> str:
    return ", ".join(map(expression, arguments))
