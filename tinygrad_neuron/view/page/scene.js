// The scene of an expression's graph, for drawing.js: what scene.py describes, without networks.
//
//   sceneOf(nodes, grads)  nodes from parse(), and their gradients from backward()
//   at(scene, step)        as it is at a step of both passes
//   scene.steps            what happens: { sentence }, { step, ... } in order

const { sceneOf, at } = (() => {
  const INFIX = { "+": "+", "-": "−", "*": "·", "/": "/", "**": "**" };
  const POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹", LONGEST_NAME = 24, LONGEST_TERM = 12, LONGEST_FORMULA = 30;
  const FULLY_NAMED = 8, TERMS = 3, LONGEST_SUM = 34;

  const cut = (text, longest) => {
    const letters = [...text];
    return letters.length <= longest ? text : `${letters.slice(0, longest - 1).join("")}…`;
  };
  const isPath = name => /^[\p{L}\p{N}_.[\]']*$/u.test(name) && !/^\d/.test(name);
  const word = name => isPath(name) ? name : `(${name})`;
  const piece = (text, style = "ink", what = "word", step = 0) =>
    ({ text, style, what, step, shown: true });

  function sceneOf(nodes, grads) {
    const output = nodes.length - 1;
    const isNumber = i => nodes[i].op === "const" && i !== output;
    const boxes = nodes.map((_, i) => i).filter(i => !isNumber(i));
    const computed = boxes.filter(i => nodes[i].operands.length);
    const names = namesOf(nodes);
    const start = computed.length + 1;
    const stepOf = new Map(computed.map((i, n) => [i, n + 1]));
    const arrows = [];  // in the order of the boxes that they lead into
    for (const i of computed) {
      nodes[i].operands.forEach((operand, position) => {
        if (!isNumber(operand)) arrows.push({ node: i, operand, position });
      });
    }
    // In the order of the backward pass: the last box first.
    const backward = [...arrows].sort((a, b) => b.node - a.node || a.position - b.position);
    backward.forEach((arrow, n) => {
      arrow.back = start + 1 + n;
      arrow.partial = nodes[arrow.node].partials[arrow.position];
      arrow.flow = grads[arrow.node] * arrow.partial;
    });

    const term = i => isNumber(i) ? factor(nodes[i].data) : termOf(names[i]);
    const formula = i => formulaOf(nodes[i].op, nodes[i].operands.map(term));
    const derivative = ({ node, operand, position }) => {
      const twice = nodes[node].operands.filter(each => each === operand).length > 1;
      const sign = twice ? `∂${[..."₁₂"][position]}` : "∂";
      return { sign, name: `${sign}${word(names[node])}/∂${word(names[operand])}` };
    };
    const sentences = [{ step: 0, text: "The inputs have their numbers." }];
    for (const i of computed) {
      const numbers = formulaOf(nodes[i].op, nodes[i].operands.map(each => factor(nodes[each].data)));
      const text = `${names[i]} = ${formula(i)} = ${numbers} = ${number(nodes[i].data)}`;
      sentences.push({ step: stepOf.get(i), text });
    }
    const whole = word(names[output]);
    sentences.push({ step: start, text: `${whole}.grad = 1: d${whole}/d${whole}` });
    const sums = nodes.map(() => 0);
    for (const arrow of backward) {
      const { node, operand, partial, flow } = arrow;
      const before = sums[operand];
      sums[operand] += flow;
      const product = `${factor(partial)} · ${factor(grads[node])} = ${number(flow)}`;
      const change = `(${number(before)} → ${number(sums[operand])})`;
      sentences.push({ step: arrow.back, text: `${word(names[operand])}.grad += `
        + `${derivative(arrow).name} · ${word(names[node])}.grad = ${product}   ${change}` });
    }

    const id = i => `node-${boxes.indexOf(i) + 1}`;
    const scene = { notes: [], title: `Computation graph of ${names[output]}` };
    scene.nodes = boxes.map(i => {
      const { op, operands, data } = nodes[i], step = stepOf.get(i) || 0;
      const first = operands.length ? formula(i) : op === "const" ? "constant" : "input";
      const came = backward.filter(arrow => arrow.operand === i);
      const lines = [[piece(first, "soft")], [piece(cut(names[i], LONGEST_NAME), "bold"),
        piece(` = ${number(data)}`, "ink", "data", step)],
        i === output ? [piece("grad 1 (start)", "back", "grad", start)]
          : gradient(grads[i], came)];
      const kind = i === output ? "output" : operands.length ? "inner" : "input";
      const tooltip = `${names[i]} = ${data}; ∂${whole}/∂${word(names[i])} = ${grads[i]}`;
      return { id: id(i), kind, lines, tooltip, mark: "", step, lit: "" };
    });
    markBroken(scene.nodes, boxes, nodes);
    scene.wires = arrows.map((arrow, n) => {
      const { node, operand, partial, flow, back } = arrow, step = stepOf.get(node);
      const { sign, name } = derivative(arrow);
      const named = arrows.length <= FULLY_NAMED && [...name].length <= LONGEST_NAME;
      return { id: `arrow-${n + 1}`, tail: id(operand), head: id(node),
        above: [piece(`${named ? `${name} =` : sign} ${number(partial)}`, "ink", "data", step)],
        below: [piece("← ", "back", "word", back), piece(number(flow), "back", "grad", back)],
        tooltip: `${name} = ${partial}; flows back: ${grads[node]} · ${partial} = ${flow}`,
        look: flow === 0 ? "zero" : "plain", width: 1, forward: step, back, lit: "" };
    });
    scene.start = start;
    scene.steps = sentences;
    return scene;
  }

  function namesOf(nodes) {
    const taken = new Set(nodes.map(({ label }) => label));
    let last = 0;
    return nodes.map(({ op, label, data }) => {
      if (label || op === "const") return label || number(data);
      do last += 1; while (taken.has(`v${last}`));
      return `v${last}`;
    });
  }

  function termOf(name) {
    const short = cut(name, LONGEST_TERM);
    return isPath(name) ? short : `(${short})`;
  }

  function formulaOf(op, terms) {
    let text = `${op}(${terms.join(", ")})`;
    if (terms.length === 2) text = terms.join(` ${INFIX[op]} `);
    else if (op === "neg") text = `−${terms[0]}`;
    else if (op.startsWith("**")) {
      const power = op.slice(2).replace("-", "−");
      const raised = [...power].map(digit => POWERS[digit]).join("");
      text = terms[0] + (/^\d+$/.test(power) ? raised : ` ** ${power}`);
    }
    return cut(text, LONGEST_FORMULA);
  }

  // grad 3 + 3 = 6, piece by piece.
  function gradient(total, came) {
    if (!came.length) return [piece("grad 0", "back", "grad", 0)];
    const texts = came.map(({ flow }, i) => {
      const text = number(flow);
      return !i ? text : text.startsWith("−") ? ` − ${text.slice(1)}` : ` + ${text}`;
    });
    const first = came[0].back, last = came[came.length - 1].back;
    const line = [piece("grad ", "back", "word", first)];
    if (came.length > TERMS || texts.join("").length > LONGEST_SUM) {
      return [...line, piece(number(total), "back", "grad", last)];
    }
    came.forEach(({ back }, i) => line.push(piece(texts[i], "back", "grad", back)));
    if (came.length > 1) line.push(piece(` = ${number(total)}`, "back", "grad", last));
    return line;
  }

  function markBroken(drawn, boxes, nodes) {
    drawn.forEach((box, n) => {
      const { data, operands } = nodes[boxes[n]];
      if (!Number.isFinite(data) && operands.every(i => Number.isFinite(nodes[i].data))) {
        box.mark = "broken";
        box.lines[0][0].text = `first ${number(data).replace("−", "")}: ${box.lines[0][0].text}`;
      }
    });
  }

  function at(scene, step) {
    const seen = line => line.map(each => ({ ...each, shown: each.step <= step }));
    const wires = scene.wires.map(wire => ({ ...wire, above: seen(wire.above),
      below: seen(wire.below), look: wire.back > step ? "plain" : wire.look,
      lit: !step ? "" : wire.forward === step ? "forward" : wire.back === step ? "back" : "" }));
    const receives = new Set(wires.filter(({ lit }) => lit === "back").map(({ tail }) => tail));
    const nodes = scene.nodes.map(node => ({ ...node, lines: node.lines.map(seen),
      lit: step && node.step === step ? "forward"
        : receives.has(node.id) || (step === scene.start && node.kind === "output") ? "back" : "" }));
    return { ...scene, nodes, wires };
  }

  return { sceneOf, at };
})();
