// The page of play(y): its graph stands in the page, and is computed again from other leaves.

const facts = JSON.parse($("graph").textContent);
const source = {
  isComputing: !facts.refusal,
  isMovable: () => true,
  change(changes) {
    for (const [i, x] of changes) graph.nodes[i].data = x;
    compute(graph);
    $("old").hidden = true;
    follow(graph);
    return true;
  },
  reset() {
    const { learns } = graph, again = recorded(facts, operations);
    graph.nodes.forEach((node, i) => {
      Object.assign(node, { data: again.nodes[i].data, partials: again.nodes[i].partials });
    });
    graph.learns = learns;
    $("old").hidden = !facts.old;
    follow(graph);
  },
};

$("expression").hidden = true;
$("old").hidden = !facts.old;
$("refusal").textContent = facts.refusal;
$("refusal").hidden = source.isComputing;
$("learning").hidden = $("numbers").hidden = !source.isComputing;
// A large graph takes a while, so the page is painted first.
const start = () => present(recorded(facts, operations));
if (facts.nodes.length < 300) start();
else {
  $("phase").textContent = `Laying out ${facts.nodes.length.toLocaleString("en")} values …`;
  requestAnimationFrame(() => setTimeout(start));
}
