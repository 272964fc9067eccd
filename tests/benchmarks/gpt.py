"""A small GPT on single numbers. compare.py measures its training step.

It learns to continue a sentence, character by character. It runs on any Value class that has
+ - * / ** exp log and relu. `product` computes w1·x1 + w2·x2 + …, for all matrix products.
"""

import math
import random
from functools import reduce
from operator import add, mul

TEXT = "the cat sat on the mat "  # 10 different characters
WIDTH, LENGTH, HEADS, BATCH = 16, 16, 4, 1  # embedding dimensions, positions, heads, samples a step
LR, BETA1, BETA2, EPSILON = 0.01, 0.9, 0.99, 1e-8  # of Adam


def op_by_op(weights, inputs):
    return reduce(add, map(mul, weights, inputs))


class GPT:
    def __init__(self, value_class, product):
        rng = random.Random(1)

        def matrix(rows, columns=WIDTH):
            scale = 1 / math.sqrt(columns)
            return [[value_class(rng.gauss(0, scale)) for _ in range(columns)] for _ in range(rows)]

        self.product = product
        self.characters = sorted(set(TEXT))
        self.embedding, self.positions = matrix(len(self.characters)), matrix(LENGTH)
        self.query, self.key, self.value, self.join = (matrix(WIDTH) for _ in range(4))
        self.widen, self.narrow = matrix(4 * WIDTH), matrix(WIDTH, 4 * WIDTH)
        self.predict = matrix(len(self.characters))
        attention = [self.query, self.key, self.value, self.join]
        others = [self.embedding, self.positions, self.widen, self.narrow, self.predict]
        self.parameters = [p for matrix in attention + others for row in matrix for p in row]
        self.means = [0.0] * len(self.parameters)  # Adam's running means of the gradients
        self.squares = [0.0] * len(self.parameters)  # Adam's running means of their squares
        self.steps = 0

    def linear(self, matrix, x):
        return [self.product(row, x) for row in matrix]

    def normalized(self, x):
        scale = (self.product(x, x) / WIDTH + 1e-5) ** -0.5
        return [xi * scale for xi in x]

    def softmax(self, x):
        largest = max(xi.data for xi in x)  # exp() of large numbers would overflow
        powers = [(xi - largest).exp() for xi in x]
        total = reduce(add, powers)
        return [power / total for power in powers]

    def attention(self, query, keys, values):
        """One head: a mean of the values so far, weighted by how well their keys fit."""
        fits = [self.product(query, key) / math.sqrt(len(query)) for key in keys]
        weights = self.softmax(fits)
        return [self.product(weights, column) for column in zip(*values)]

    def probabilities(self, text):
        """For each position, the probability of each character to come next."""
        keys, values = [], []
        for character, position in zip(text, self.positions):
            x = list(map(add, self.embedding[self.characters.index(character)], position))
            z = self.normalized(x)
            query = self.linear(self.query, z)
            keys.append(self.linear(self.key, z))
            values.append(self.linear(self.value, z))
            heads = []
            for i in range(0, WIDTH, WIDTH // HEADS):
                part = slice(i, i + WIDTH // HEADS)
                keys_of_head, values_of_head = [k[part] for k in keys], [v[part] for v in values]
                heads += self.attention(query[part], keys_of_head, values_of_head)
            x = list(map(add, x, self.linear(self.join, heads)))
            hidden = [h.relu() for h in self.linear(self.widen, self.normalized(x))]
            x = list(map(add, x, self.linear(self.narrow, hidden)))
            yield self.softmax(self.linear(self.predict, self.normalized(x)))

    def loss(self):
        """The cross-entropy: the mean of -log(probability of the character that comes next)."""
        logs = []
        for i in range(BATCH):
            start = (self.steps * BATCH + i) * 5 % len(TEXT)
            text = (TEXT + TEXT)[start : start + LENGTH + 1]
            for following, chances in zip(text[1:], self.probabilities(text[:-1])):
                logs.append(chances[self.characters.index(following)].log())
        return reduce(add, logs) * (-1 / len(logs))

    def step(self):
        """One step of training with Adam. Returns the loss."""
        loss = self.loss()
        loss.backward()
        self.steps += 1
        for i, p in enumerate(self.parameters):
            self.means[i] = BETA1 * self.means[i] + (1 - BETA1) * p.grad
            self.squares[i] = BETA2 * self.squares[i] + (1 - BETA2) * p.grad**2
            mean = self.means[i] / (1 - BETA1**self.steps)
            square = self.squares[i] / (1 - BETA2**self.steps)
            p.data -= LR * mean / (math.sqrt(square) + EPSILON)
            p.grad = 0.0
        return loss.data
