"""Right to the last digit: what is computed here, and what 100 digits say."""

from graphs import BINARY, NARY, UNARY
from properties import HARD, SATURATING, against_mpmath, at_hard_places


def test_random_programs_have_the_values_and_gradients_of_100_digits():
    """Within a billionth of what was added up. For more: python tests/properties.py 1000000."""
    tally = against_mpmath(edges=10_000)
    assert tally.edges >= 10_000
    assert tally.ops == {*UNARY, *BINARY, *NARY}


def test_no_digits_are_lost_at_hard_places():
    """A slope that saturates is the textbook form, which has few digits of its own when tiny."""
    for op, point, value_error, slope_errors in at_hard_places():
        assert value_error <= 1e-12, (op, point)
        assert max(slope_errors) <= (1e-15 if op in SATURATING else 1e-12), (op, point)
    assert {"exp", "log", "tanh", "sigmoid", "bce", "bce_with_logits", "mse", "hinge"} <= {*HARD}
