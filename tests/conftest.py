import gc

import pytest


@pytest.fixture
def collector_off():
    """Without Python's cycle collector, so that what is in a cycle stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
