"""Time and memory per node as graphs grow: python tests/benchmarks/growth.py

A chain of n operations and a `dot` of n terms are built and differentiated, each in a process of
its own, several times. Reported are the median nanoseconds and the bytes of resident memory, above
a Python with the package alone, per operation or term, and the ratio of the time to that of the
smallest graph. (Small graphs find room in memory that Python has anyway.) Nothing is asserted.
"""

import resource
import statistics
import subprocess
import sys
import time

from tinygrad_neuron import Value, dot

SIZES = [10_000, 100_000, 1_000_000, 4_000_000]
RUNS = 7


def chain(n):
    y = x = Value(1.0)
    for _ in range(n):
        y = y + x
    return y


def wide(n):
    return dot([Value(1.0) for _ in range(n)], [2.0] * n)


def peak():
    kilobytes = 1 if sys.platform != "darwin" else 1 / 1024  # ru_maxrss: kB, on macOS bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobytes * 1024


def measure(name, n):
    """Seconds to build, differentiate and free the graph, and the bytes that it took."""
    before = peak()
    start = time.perf_counter()
    output = {"chain": chain, "wide": wide}[name](n)
    output.backward()
    del output
    return time.perf_counter() - start, peak() - before


def main():
    print(f"{'':8}" + "".join(f"{n:>28,}" for n in SIZES))
    for name in "chain", "wide":
        cells, smallest = [], None
        for n in SIZES:
            run = [sys.executable, __file__, name, str(n)]
            printed = [subprocess.check_output(run, text=True).split() for _ in range(RUNS)]
            ns, size = (statistics.median(map(float, column)) / n for column in zip(*printed))
            smallest = smallest or ns
            cells.append(f"{ns * 1e9:.0f} ns ({ns / smallest:.2f}), {size:.0f} B")
        print(f"{name:8}" + "".join(f"{cell:>28}" for cell in cells))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(*measure(sys.argv[1], int(sys.argv[2])))
    else:
        main()
