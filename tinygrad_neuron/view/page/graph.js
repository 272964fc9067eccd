// The graph of a page: what an expression or a program gave, with its numbers and its gradients.
//
//   recorded(facts, operations)  the graph that Python wrote into the page, as graph_as_json says
//   compute(graph)               from the leaves' data: all other data, and all partials
//   backward(nodes)              d(output)/d(node) of each node
//   selected(graph, opened)      { boxes, arrows }: what is drawn
//   flow(graph, arrows, grads)   sets an arrow's partial, flow, before and after
//
// A graph has nodes in topological order, the output last, and neurons. A node is { op, operands,
// partials, data, name, short, kind, derivatives, isNumber }: operands are places in this order; short is
// the name in a box; derivatives are formulas of the partials in the letters a, b, … and y; isNumber says
// that it is a constant that stands in formulas. A neuron is { output, name, inputs, parameters },
// with places of nodes.

function recorded(facts, operations) {
  const { title, nodes, neurons, shorts, learns, opened } = facts;
  const made = nodes.map(([what, data, name, operands, partials], i) => ({
    ...(operands ? facts.operations[what] : { op: "" }), operation: operands ? what : null,
    kind: i === nodes.length - 1 ? "output" : operands ? "inner" : what,
    leaf: operands ? "" : what, data: Number(data), name: name ?? "", short: shorts[i] ?? name ?? "",
    isNumber: name === null, operands: operands || [], partials: (partials || []).map(Number),
  }));
  const all = neurons.map(([output, neuron, inputs, parameters]) =>
    ({ output, name: neuron, inputs, parameters }));
  return { title, nodes: made, neurons: all, opened, learns: new Set(learns), operations };
}

function compute({ nodes, operations }) {
  for (const node of nodes) {
    if (node.operation === null) continue;
    const data = operations[node.operation](node.operands.map(i => nodes[i].data), node.partials);
    node.data = data;
  }
}

function backward(nodes) {
  const grad = nodes.map(() => 0);
  grad[nodes.length - 1] = 1;
  for (let i = nodes.length - 1; i >= 0; i--) {
    nodes[i].operands.forEach((operand, position) => {
      grad[operand] += grad[i] * nodes[i].partials[position];  // the chain rule
    });
  }
  return grad;
}

// A closed neuron is one box. Arrows come to it from its inputs. A parameter that something else
// uses, too, has a box of its own and an arrow.
function selected({ nodes, neurons }, opened) {
  const closed = new Map();
  for (const neuron of neurons) if (!opened.has(neuron.output)) closed.set(neuron.output, neuron);
  const into = i => closed.has(i) ? [...new Set(closed.get(i).inputs)].map(operand => ({ operand }))
    : nodes[i].operands.map((operand, position) => ({ operand, position }));
  const drawn = new Map(), waiting = [nodes.length - 1];
  while (waiting.length) {
    const i = waiting.pop();
    if (drawn.has(i)) continue;
    drawn.set(i, into(i).filter(({ operand }) => !nodes[operand].isNumber));
    waiting.push(...drawn.get(i).map(({ operand }) => operand));
  }
  const boxes = [...drawn.keys()].sort((a, b) => a - b), arrows = [];
  for (const i of boxes) {
    const own = closed.has(i) ? closed.get(i).parameters.filter(each => drawn.has(each)) : [];
    for (const arrow of [...drawn.get(i), ...own.map(operand => ({ operand }))]) {
      arrows.push({ ...arrow, node: i, neuron: closed.get(i) });
    }
  }
  return { boxes, arrows, closed };
}

// The derivative of a neuron's output with respect to each value inside it.
function outerDerivatives(nodes, { output, inputs, parameters }) {
  const derivatives = new Map([[output, 1]]), ends = new Set([...inputs, ...parameters]);
  const inside = new Set(), waiting = [output];
  while (waiting.length) {
    const i = waiting.pop();
    if (inside.has(i) || (ends.has(i) && i !== output)) continue;
    inside.add(i);
    waiting.push(...nodes[i].operands);
  }
  for (const i of [...inside].sort((a, b) => b - a)) {
    nodes[i].operands.forEach((operand, position) => {
      const more = derivatives.get(i) * nodes[i].partials[position];
      derivatives.set(operand, (derivatives.get(operand) || 0) + more);
    });
  }
  return derivatives;
}

// In the order of the backward pass.
function flow({ nodes }, arrows, grads) {
  const derivatives = new Map(), sums = nodes.map(() => 0);
  for (const arrow of arrows) {
    const { node, operand, position, neuron } = arrow;
    if (neuron && !derivatives.has(neuron)) derivatives.set(neuron, outerDerivatives(nodes, neuron));
    arrow.partial = neuron ? derivatives.get(neuron).get(operand) || 0 : nodes[node].partials[position];
    arrow.flow = grads[node] * arrow.partial;
    arrow.before = sums[operand];
    arrow.after = sums[operand] += arrow.flow;
  }
}
