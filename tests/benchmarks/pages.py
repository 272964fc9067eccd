"""How large pages are, and how long a browser takes for them.

    python tests/benchmarks/pages.py [folder of another checkout]

For each page: its file's size; the time to its first paint; while a leaf is dragged, the median
time of a frame and of the script in it; how many elements it has. With another checkout, the same
for its pages, in the same run. It needs playwright and chromium.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parents[2]
MAKE = """
import random, sys
from tinygrad_neuron import MLP, Neuron, Value, mean, mse_loss, play, topological_order

def random_graph(count):
    rng = random.Random(1)
    values = [Value(rng.uniform(-2, 2)) for _ in range(5)]
    while True:
        a, b = rng.choice(values[-30:]), rng.choice(values[-30:])
        values.append(rng.choice([a + b, a * b, a - b, a.tanh(), (a * b).tanh()]))
        used = {operand for value in values for operand in value.operands}
        y = mean([value for value in values if value not in used])
        if len(topological_order(y)) >= count:
            return y

def loss_of(net, samples):
    rng = random.Random(0)
    points = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(samples)]
    return mse_loss([net(point)[0] for point in points], [1.0] * samples)

neuron = Neuron(1)
small = mse_loss([neuron(x) for x in [1.0, 2.0, 3.0]], [2.0, 4.0, 6.0])
play(small).save("neuron.html")
net = MLP(2, [4, 4, 1], Value.tanh, random.Random(0))
for samples in 13, 60:
    loss = loss_of(net, samples)
    play(loss).save(f"network, {len(topological_order(loss)):,} values.html")
for count in 500, 1980:
    y = random_graph(count)
    play(y).save(f"random, {len(topological_order(y)):,} values.html")
"""
DRAG = """async () => {
    const leaf = graph.nodes.findIndex(({ operands, isNumber, kind }) =>
        !operands.length && !isNumber && kind !== "constant");
    const script = [], frame = [], channel = new MessageChannel();
    for (let k = 0; k < 40; k++) await new Promise(done => requestAnimationFrame(() => {
        const start = performance.now();
        move(leaf, 0.5 + 0.0123 * k);
        script.push(performance.now() - start);
        channel.port1.onmessage = () => { frame.push(performance.now() - start); done(); };
        channel.port2.postMessage(0);  // arrives when the frame has been painted
    }));
    const median = all => all.sort((a, b) => a - b)[all.length >> 1];
    const paint = performance.getEntriesByName("first-contentful-paint")[0].startTime;
    return [paint, median(frame), median(script), document.querySelectorAll("*").length];
}"""


def make_pages(checkout, folder):
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    subprocess.run([sys.executable, "-c", MAKE], cwd=folder, env=environment, check=True)
    return sorted(Path(folder).glob("*.html"), key=lambda path: path.stat().st_size)


def main(checkouts):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        print(f"{'page':24} {'checkout':12} {'bytes':>10} {'paint':>8} {'frame':>8} {'script':>8}")
        for n, checkout in enumerate(checkouts):
            place = Path(folder, str(n))
            place.mkdir()
            for path in make_pages(checkout, place):
                rows = []
                for _ in range(3):  # the first one warms the browser up
                    tab = browser.new_page(viewport={"width": 1280, "height": 800})
                    tab.goto(path.as_uri())
                    tab.wait_for_timeout(3000)
                    rows.append(tab.evaluate(DRAG))
                    tab.close()
                paint, frame, script, elements = min(rows[1:], key=lambda row: row[1])
                times = " ".join(f"{ms:5.1f} ms" for ms in (paint, frame, script))
                size = path.stat().st_size
                print(
                    f"{path.stem:24} {checkout.name:12} {size:10,} {times} {elements:6,} elements"
                )
        browser.close()


if __name__ == "__main__":
    main([HERE, *(Path(argument).resolve() for argument in sys.argv[1:])])
