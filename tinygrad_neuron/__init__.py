"""A minimal scalar autograd engine with a neuron built on top, written to be read."""

from tinygrad_neuron.checkup import checkup
from tinygrad_neuron.engine import Value, dot, edges, mean, no_grad, topological_order
from tinygrad_neuron.gradcheck import gradcheck, tangents
from tinygrad_neuron.losses import bce_loss, bce_with_logits_loss, hinge_loss, mse_loss
from tinygrad_neuron.nn import MLP, Layer, Module, Neuron
from tinygrad_neuron.optim import SGD
from tinygrad_neuron.view.anomaly import detect_anomaly
from tinygrad_neuron.view.draw import Picture, draw
from tinygrad_neuron.view.explain import Explanation, explain
from tinygrad_neuron.view.page import Page, play
from tinygrad_neuron.view.rules import Rule
from tinygrad_neuron.view.steps import Step, steps
from tinygrad_neuron.view.tree import tree
from tinygrad_neuron.view.unroll import Program, unroll
from tinygrad_neuron.view.walk import walk

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "SGD",
    "Explanation",
    "Layer",
    "Module",
    "Neuron",
    "Page",
    "Picture",
    "Program",
    "Rule",
    "Step",
    "Value",
    "bce_loss",
    "bce_with_logits_loss",
    "checkup",
    "detect_anomaly",
    "dot",
    "draw",
    "edges",
    "explain",
    "gradcheck",
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
