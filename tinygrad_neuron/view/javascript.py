"""The formulas of the rules, and the functions in them, as JavaScript."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.functions import DERIVED
from tinygrad_neuron.view.rules import Rule, words_for, written

OPERATORS: dict[type[ast.AST], str] = {
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
const where = (condition, x, otherwise) => condition ? x : otherwise;
const power = (x, n) => x === 1 ? 1 : Math.pow(x, n);
const plain_slope = (x, n) => {
  const rest = power(x, n - 1);
  return Math.abs(rest) === Infinity ? n * power(x, n) / x : n * rest;
};
"""


def program_in_javascript(order: Sequence[Value], rules: Mapping[Value, Rule]) -> str:
    """The function program(v, d), for a graph in topological order and the rules of its nodes.

    v holds the value of each node and d the local derivative of each arrow, node by node in that
    order. From the values of the leaves the function fills in all others.
    """
    place = {node: f"v[{i}]" for i, node in enumerate(order)}
    lines = []
    arrows = 0
    for node in order:
        if rule := rules.get(node):
            words = words_for([place[operand] for operand in node.operands], place[node])
            lines += [f"{place[node]} = {formula(written(step, words))};" for step in rule.value]
            for partial in rule.partials:
                lines.append(f"d[{arrows}] = {formula(written(partial, words))};")
                arrows += 1
    body = textwrap.indent("\n".join(lines), "  ")
    functions = "\n".join(map(function_text, DERIVED))
    return f"{PRIMITIVES}{functions}\nconst program = (v, d) => {{\n{body}\n}};\n"


def formula(text: str) -> str:
    return expression(ast.parse(text, mode="eval").body)


def function_text(function: Callable[..., float]) -> str:
    """A function that consists of assignments and a return, in JavaScript."""
    lines = []
    for statement in ast.walk(ast.parse(inspect.getsource(function))):
        match statement:
            case ast.Assign([ast.Name(name)], value):
                lines.append(f"  const {name} = {expression(value)};")
            case ast.Return(ast.expr() as value):
                lines.append(f"  return {expression(value)};")
    arguments = ", ".join(inspect.signature(function).parameters)
    return "\n".join([f"const {function.__name__} = ({arguments}) => {{", *lines, "};"])


def expression(node: ast.expr) -> str:
    """A formula in JavaScript; ValueError if it has what no rule of ours has."""
    match node:
        case ast.Constant(int() | float() as number):
            return NAMES.get(repr(float(number)), repr(float(number)))
        case ast.Name(name):
            return NAMES.get(name, name)
        case ast.Subscript(ast.Name(name), ast.Constant(int() as place)):
            return f"{name}[{place}]"
        case ast.UnaryOp(sign, operand) if type(sign) in OPERATORS:
            return f"({OPERATORS[type(sign)]}{expression(operand)})"
        case ast.BinOp(left, ast.Pow(), right):
            return f"power({listed([left, right])})"
        case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
            return f"({expression(left)} {OPERATORS[type(operator)]} {expression(right)})"
        case ast.Compare(left, [operator], [right]) if type(operator) in OPERATORS:
            return f"({expression(left)} {OPERATORS[type(operator)]} {expression(right)})"
        case ast.Call(ast.Name(name), arguments, []):
            return f"{NAMES.get(name, name)}({listed(arguments)})"
    raise ValueError(
        f"a page computes with numbers, names, + - * / **, < <= > >= and functions, not with "
        f"{ast.unparse(node)!r}"
    )


def listed(arguments: Iterable[ast.expr]) -> str:
    return ", ".join(map(expression, arguments))
