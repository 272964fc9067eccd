"""A minimal scalar autograd engine with a neuron built on top, written to be read.

The engine: a `Value` remembers how it was computed, and `backward()` finds the gradients.

>>> x = Value(3.0, label="x")
>>> y = x * x + 1
>>> y.backward()
>>> x.grad
6.0
>>> [node.data for node in topological_order(y)]  # operands before what is computed from them
[3.0, 9.0, 1.0, 10.0]
>>> [(node.op, operand.op, partial) for node, operand, partial in edges(topological_order(y))]
[('+', '*', 1.0), ('+', 'const', 1.0), ('*', '', 3.0), ('*', '', 3.0)]
>>> dot([1.0, 2.0], [x, 4.0]).data, mean([x, 4.0]).data  # sums of many, as one node each
(11.0, 3.5)
>>> with no_grad():  # nothing is recorded, and -= moves the value itself
...     x -= 0.5 * x.grad
>>> x.data
0.0

Models: a `Neuron` returns a value, a `Layer` and an `MLP`, a multilayer perceptron, a list. Each is
a `Module`, as is a class of your own, and has all the parameters in its attributes.

>>> import random
>>> net = MLP(2, [4, 1], activation=Value.tanh, rng=random.Random(0))
>>> len(net([1.0, 2.0])), len(net.layers[0].neurons), len(net.parameters())  # 4*(2+1) + 1*(4+1)
(1, 4, 17)
>>> len(Layer(2, 3, activation=Value.relu)([0.0, 0.0]))
3
>>> class Line(Module):
...     def __init__(self):
...         self.slope = Value(2.0)
...     def __call__(self, x):
...         return self.slope * x
>>> Line().state_dict()
{'slope': 2.0}

Losses, each a mean over the samples, from predictions and targets; and gradient descent, `SGD`.

>>> mse_loss([1.0, 4.0], [2.0, 2.0]).data  # (1² + 2²) / 2
2.5
>>> hinge_loss([0.5, 3.0], [1.0, 1.0]).data  # (0.5 + 0) / 2
0.25
>>> f"{bce_loss([0.5], [1.0]):.4f}"  # -log(0.5)
'0.6931'
>>> f"{bce_with_logits_loss([0.0], [1.0]):.4f}"  # sigmoid(0) is 0.5
'0.6931'

Is it right? `gradcheck` asks for a gradient, and `checkup` for a whole engine; `tangents` are the
derivatives in forward mode.

What can be done with a graph: `draw` and `tree` show it, `steps`, `play` and `walk` go through its
backward pass, `explain` tells why a gradient is what it is, `detect_anomaly` where a nan comes
from, and `unroll` writes it as a program. An operation of your own has its formulas in a `Rule`.
They take the output of another engine too, such as micrograd's; if its attributes have unusual
names, `adopt` says where everything is.
"""

from tinygrad_neuron.checks.anomaly import detect_anomaly
from tinygrad_neuron.checks.checkup import Outcome, checkup
from tinygrad_neuron.checks.gradcheck import GradCheck, gradcheck, tangents
from tinygrad_neuron.engine import Value, edges, no_grad, topological_order
from tinygrad_neuron.foreign.parts import adopt
from tinygrad_neuron.losses import bce_loss, bce_with_logits_loss, hinge_loss, mse_loss
from tinygrad_neuron.module import Module
from tinygrad_neuron.nn import MLP, Layer, Neuron, dot, mean
from tinygrad_neuron.optim import SGD
from tinygrad_neuron.view.page.play import Page, play
from tinygrad_neuron.view.picture.draw import Picture, draw
from tinygrad_neuron.view.picture.tree import tree
from tinygrad_neuron.view.program.unroll import Program, unroll
from tinygrad_neuron.view.rules import Rule
from tinygrad_neuron.view.stepping.explain import Explanation, explain
from tinygrad_neuron.view.stepping.here import Here, here
from tinygrad_neuron.view.stepping.steps import Step, steps
from tinygrad_neuron.view.stepping.walk import walk

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "SGD",
    "Explanation",
    "GradCheck",
    "Here",
    "Layer",
    "Module",
    "Neuron",
    "Outcome",
    "Page",
    "Picture",
    "Program",
    "Rule",
    "Step",
    "Value",
    "adopt",
    "bce_loss",
    "bce_with_logits_loss",
    "checkup",
    "detect_anomaly",
    "dot",
    "draw",
    "edges",
    "explain",
    "gradcheck",
    "here",
    "hinge_loss",
    "mean",
    "mse_loss",
    "no_grad",
    "play",
    "steps",
    "tangents",
    "topological_order",
    "tree",
    "unroll",
    "walk",
]
