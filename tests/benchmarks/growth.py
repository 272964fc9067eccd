"""Time per node as graphs grow: python tests/benchmarks/growth.py

A chain of n operations and a `dot` of n terms are built, differentiated and freed. Nanoseconds
per operation or term, the median of several runs, and the ratio to the smallest graph. Nothing is
asserted.
"""

import statistics
import time

from tinygrad_neuron import Value, dot

SIZES = [10_000, 100_000, 1_000_000]


def chain(n):
    y = x = Value(1.0)
    for _ in range(n):
        y = y + x
    return y


def wide(n):
    return dot([Value(1.0) for _ in range(n)], [2.0] * n)


def nanoseconds_per_node(build, n):
    start = time.perf_counter()
    output = build(n)
    output.backward()
    del output
    return (time.perf_counter() - start) / n * 1e9


def main():
    print(f"{'':8}" + "".join(f"{n:>20,}" for n in SIZES))
    for build in chain, wide:
        times = [statistics.median(nanoseconds_per_node(build, n) for _ in range(7)) for n in SIZES]
        cells = [f"{ns:.0f} ns ({ns / times[0]:.2f})" for ns in times]
        print(f"{build.__name__:8}" + "".join(f"{cell:>20}" for cell in cells))


if __name__ == "__main__":
    main()
