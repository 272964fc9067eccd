"""What a user writes, with every public name: read by type checkers, and run by a test."""

import random
from collections.abc import Callable

from tinygrad_neuron import (
    MLP,
    SGD,
    Explanation,
    GradCheck,
    Layer,
    Module,
    Neuron,
    Outcome,
    Page,
    Picture,
    Program,
    Rule,
    Step,
    Value,
    bce_loss,
    bce_with_logits_loss,
    checkup,
    detect_anomaly,
    dot,
    draw,
    edges,
    explain,
    gradcheck,
    hinge_loss,
    mean,
    mse_loss,
    no_grad,
    play,
    steps,
    tangents,
    topological_order,
    tree,
    unroll,
    walk,
)


class Line(Module):
    def __init__(self, slope: float) -> None:
        self.slope = Value(slope, label="slope")
        self.bias = Value(0.0, label="bias")

    def __call__(self, x: Value | float) -> Value:
        return self.slope * x + self.bias


def cube(x: Value) -> Value:
    return Value(x.data**3, (x,), (3 * x.data**2,), "cube")


def arithmetic(x: Value) -> Value:
    y = 2 * x + x * 2 - 1 / x + (1 - x) ** 2 + 2**x - -x + +x
    y = abs(y).tanh().exp().log().sqrt().sin().cos().sigmoid().relu()
    y = dot([x, 2.0], [1.0, y]) + mean([x, y, 3.0]) + sum([x, y])
    return y if y > 0 and y <= 10.0 else cube(y)


def learn(model: Callable[[float], Value], parameters: list[Value]) -> float:
    optimizer = SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.0)
    loss = mse_loss([model(x) for x in (1.0, 2.0)], [2.0, 4.0])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with no_grad():
        for w in parameters:
            w -= 0.1 * w.grad
    return loss.item()


@no_grad()
def classify(x: list[float]) -> list[float]:
    network = MLP(2, [3, 1], Value.tanh, rng=random.Random(0))
    layer: list[Value] = Layer(2, 3, activation=Value.relu)(x)
    state: dict[str, float] = network.state_dict()
    network.load_state_dict(state)
    scores: list[Value] = network(layer[:2])
    bce_loss([score.sigmoid() for score in scores], [1.0])
    bce_with_logits_loss(scores, [1.0])
    hinge_loss(scores[0], 1)
    return [score.item() for score in scores]


def look(y: Value, x: Value) -> None:
    picture: Picture = draw(y, expand=True, variables={"x": x})
    picture.save("graph.svg")
    text: str = tree(y) + picture.svg()
    page: Page = play(y)
    page.save("graph.html")
    print(text)
    taken: list[Step] = steps(y)
    largest: float = max(step.contribution for step in taken)
    explanation: Explanation = explain(y, x)
    print(explanation.gradient + largest, explanation.count)
    program: Program = unroll(y, [x], rules={"cube": Rule("a ** 3", "3 * a ** 2")})
    value, gradients = program(1.0)
    print(value, gradients, program.source)
    walk(y)


def check(x: Value) -> bool:
    y = arithmetic(x)
    with detect_anomaly():
        y.backward()
    order: list[Value] = topological_order(y)
    gradient = sum(node.grad * partial for node, operand, partial in edges(order) if operand is x)
    tangent: float = tangents(y, {x: 1.0})[y]
    outcomes: list[Outcome] = checkup(Value, Neuron)
    result: GradCheck = gradcheck(arithmetic, [2.0])
    right = all(outcome.verdict == "right" for outcome in outcomes) and bool(result)
    return right and abs(gradient - tangent) < 1e-9


line = Line(0.5)
learn(line, line.parameters())
neuron = Neuron(1)
learn(neuron, neuron.parameters())
