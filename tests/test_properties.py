"""Right to the last digit: what is computed here, and what 100 digits say."""

from graphs import OPERATIONS
from properties import HARD, SATURATING, against_mpmath, at_hard_places


def test_random_programs_have_the_values_and_gradients_of_100_digits():
    """Values within a billionth (below 1, of 1), gradients of what was added up for them.

    For more: python tests/properties.py 1000000.
    """
    tally = against_mpmath(edges=10_000)
    assert tally.edges >= 10_000
    assert tally.ops == OPERATIONS
    assert tally.left_out == 0


# Each is one product, sum or comparison, or made of such and of those at the hard places.
EASY = {"+", "*", "neg", "abs", "relu", "dot", "mean", "2 **", "**0", "**0.5", "**1", "**2", "**3"}
EASY |= {op for op in OPERATIONS if op.startswith("3 ") or op.endswith(" 3")}


def test_hardly_a_digit_is_lost_at_hard_places():
    """A slope that saturates is the textbook form, right to 1e-15 and without digits below."""
    for op, point, value_error, slope_errors in at_hard_places():
        assert value_error <= 1e-12, (op, point)
        assert max(slope_errors) <= (1e-15 if op in SATURATING else 1e-12), (op, point)
    assert {*HARD} == OPERATIONS - EASY
