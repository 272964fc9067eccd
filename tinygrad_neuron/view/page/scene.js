// What a page says of its graph: in boxes, on arrows and in sentences, at each step of both passes.
//
// Step 0 is before the forward pass. Then come the forward pass, a box each; the output's own
// gradient; the backward pass, an arrow each; and the end, where nothing is lit.
//
//   const scene = sceneOf(graph, opened, detail)   detail: "numbers" on the arrows, "boxes" without,
//                               or "compact", small boxes for a narrow screen
//   scene.update()              after the graph's numbers have changed
//   scene.nodeAt(n, step)       box number n as drawing.js wants it, and wireAt an arrow
//   scene.told(step)            { phase, words, note }; scene.brief(step) is without the numbers
//   scene.calculation(i)        all that gives a node's data and its gradient

const sceneOf = (() => {
  const INFIX = { "+": "+", "-": "−", "*": "·", "/": "/", "**": "**" };
  const POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹", INDICES = "₀₁₂₃₄₅₆₇₈₉", LONGEST_NAME = 24, LONGEST_TERM = 12;
  const LONGEST_FORMULA = 30, NAMED_OPERANDS = 3, HINTED = 8;
  const SMALLEST_NAME = 8, FULLY_NAMED = 8, TERMS = 3, LONGEST_SUM = 34, MOST_NUMBERS = 100;
  const THINNEST = 0.7, WIDEST = 3.2;

  const cut = (text, longest) => {
    const letters = [...text];
    return letters.length <= longest ? text : `${letters.slice(0, longest - 1).join("")}…`;
  };
  const isPath = name => /^[\p{L}\p{N}_.[\]']*$/u.test(name) && !/^\d/.test(name);
  const word = name => isPath(name) ? name : `(${name})`;
  const sub = n => [...String(n)].map(digit => INDICES[digit]).join("");
  const piece = (text, style = "ink", what = "word", step = 0) =>
    ({ text, style, what, step, shown: true });

  function termOf(name) {
    const short = cut(name.split(" (sample ")[0], LONGEST_TERM);
    return isPath(name.split(" (sample ")[0]) ? short : `(${short})`;
  }

  // w · x, or tanh(v2): as captions.py writes it.
  function formulaOf({ op, called, twice }, terms) {
    const n = terms.length;
    if (op === "dot" && n % 2 === 0) {
      const pair = i => `${terms[i]} · ${terms[n / 2 + i]}`;
      const text = n > 2 ? `${pair(0)} + ${pair(1)}` : pair(0);
      if (n <= 4 && [...text].length <= LONGEST_FORMULA) return text;
      const more = n > 2 ? ` + … (${n / 2} terms)` : "";
      return cut(pair(0), LONGEST_FORMULA - more.length) + more;
    }
    const name = cut(called || op, LONGEST_NAME) || "f";
    if (n > NAMED_OPERANDS) return `${name} of ${n.toLocaleString("en")}`;
    const alone = n === 1 ? terms[0].replace(/^\((.*)\)$/, "$1") : "";
    let text = `${name}(${alone || terms.join(", ")})`;
    const all = twice ? [...terms, ...terms] : terms;
    if (all.length === 2 && Object.hasOwn(INFIX, op)) text = all.join(` ${INFIX[op]} `);
    else if (n === 1 && op === "neg") text = `−${terms[0]}`;
    else if (n === 1 && op.startsWith("**")) {
      const power = op.slice(2).replace("-", "−");
      const raised = [...power].map(digit => POWERS[digit]).join("");
      text = terms[0] + (/^\d+$/.test(power) ? raised : ` ** ${power}`);
    }
    return cut(text, LONGEST_FORMULA);
  }

  return (graph, opened, detail) => {
    const { nodes } = graph, output = nodes.length - 1, compact = detail === "compact";
    const { boxes, arrows, closed } = selected(graph, opened);
    const computed = boxes.filter(i => nodes[i].operands.length), start = computed.length + 1;
    const stepOf = new Map(computed.map((i, n) => [i, n + 1]));
    const passes = [...arrows].sort((a, b) => b.node - a.node);  // as the backward pass goes
    const leaving = new Map(boxes.map(i => [i, []])), entering = new Map(boxes.map(i => [i, []]));
    passes.forEach((arrow, n) => {
      arrow.back = start + 1 + n;
      leaving.get(arrow.operand).push(arrow);
      entering.get(arrow.node).push(arrow);
    });
    const numbered = detail === "numbers" && arrows.length <= MOST_NUMBERS, end = start + arrows.length + 1;
    const place = new Map(boxes.map((i, n) => [i, n]));
    let grads, steepest, brokenAt;

    function update() {
      grads = backward(nodes);
      flow(graph, passes, grads);
      const sizes = arrows.map(arrow => Math.abs(arrow.flow)).filter(Number.isFinite);
      steepest = sizes.reduce((most, size) => Math.max(most, size), 0);
      const finite = i => Number.isFinite(nodes[i].data);
      brokenAt = new Set(boxes.filter(i => !finite(i)
        && entering.get(i).every(({ operand }) => finite(operand))));
    }

    const name = i => nodes[i].isNumber ? factor(nodes[i].data) : word(nodes[i].name);
    const term = i => nodes[i].isNumber ? factor(nodes[i].data) : termOf(nodes[i].name);
    const formula = i => closed.has(i) ? closed.get(i).name
      : formulaOf(nodes[i], nodes[i].operands.map(term));
    const derivative = ({ node, operand, position, neuron }) => {
      const twice = !neuron && nodes[node].operands.filter(each => each === operand).length > 1;
      const sign = twice ? `∂${sub(position + 1)}` : "∂";
      return { sign, name: `${sign}${name(node)}/∂${name(operand)}` };
    };

    // In a small box: of a path the end, …w[0]; x1 sample 2; and the formula or at least what it is.
    function smallName(i) {
      const { name: whole, operands } = nodes[i], end = whole.split(".").at(-1);
      if (isPath(whole) && end !== whole) return `…${cut(end, LONGEST_TERM)}`;
      const given = / \(sample (\d+)\)$/.exec(whole);
      return given ? whole.replace(given[0], ` sample ${given[1]}`)
        : cut(whole, operands.length ? SMALLEST_NAME : LONGEST_TERM);
    }

    function smallFormula(i) {
      if (!nodes[i].operands.length) return [];
      const text = formula(i), { called, op } = nodes[i];
      const short = text.length <= LONGEST_TERM ? text
        : closed.has(i) ? closed.get(i).name.split(" · ").at(-1) : called || op;
      return [piece(` = ${short}`, "soft")];
    }

    // Boxes and arrows.

    function gradient(i) {
      const came = leaving.get(i), total = grads[i];
      if (i === output) {
        const why = compact ? [] : [piece(" (start)", "back", "word", start)];
        return [piece("grad ", "back", "word", start), piece("1", "back", "grad", start), ...why];
      }
      if (!came.length) return [piece("grad 0", "back", "grad", 0)];
      const texts = came.map(({ flow: each }, k) => {
        const text = number(each);
        return !k ? text : text.startsWith("−") ? ` − ${text.slice(1)}` : ` + ${text}`;
      });
      const line = [piece("grad ", "back", "word", came[0].back)];
      if (compact || came.length > TERMS || texts.join("").length > LONGEST_SUM) {
        return [...line, { ...piece(number(total), "back", "grad", came[0].back), sum: i,
          room: came.map(({ after }) => number(after)) }];
      }
      came.forEach(({ back }, k) => line.push(piece(texts[k], "back", "grad", back)));
      if (came.length > 1) line.push(piece(` = ${number(total)}`, "back", "grad", came.at(-1).back));
      return line;
    }

    // A sum that is not spelled out has at each step what has come so far.
    function sumAt(i, step) {
      const came = leaving.get(i).filter(({ back }) => back <= step);
      return number(came.length === leaving.get(i).length ? grads[i] : came.at(-1)?.after ?? 0);
    }

    const seen = (line, step) => line.map(each => ({ ...each, shown: each.step <= step,
      text: "sum" in each ? sumAt(each.sum, step) : each.text }));

    function nodeAt(n, step = Infinity) {
      const i = boxes[n], { data, kind, leaf, isNumber } = nodes[i], own = stepOf.get(i) || 0;
      const mark = brokenAt.has(i) ? "broken" : isOff(i) ? "off" : "";
      const first = nodes[i].operands.length ? formula(i) : leaf || "constant";
      const broken = mark === "broken" ? `first ${number(data).replace("−", "")}: ` : "";
      const title = piece(compact ? smallName(i) : cut(nodes[i].short, LONGEST_NAME), "bold");
      const value = piece(number(data), "ink", "data", own), is = piece(" = ", "ink", "word", own);
      const isFirst = compact && mark === "broken" ? [piece(" first", "soft", "word", own)] : [];
      const lines = compact ? [[title, ...smallFormula(i)], [value, ...isFirst], gradient(i)]
        : [[piece(broken + first, "soft")], isNumber ? [value] : [title, is, value], gradient(i)];
      const arrow = step > start && step < end ? passes[step - start - 1] : null;
      const lit = step && own === step ? "forward" : arrow?.operand === i
        || (step === start && i === output) ? "back" : arrow?.node === i ? "gives" : "";
      return { id: `node-${i}`, kind, mark, lit, compact, lines: lines.map(line => seen(line, step)),
        classes: [closed.has(i) && "closed", !nodes[i].operands.length && "leaf"] };
    }

    const isOff = i => closed.has(i) && entering.get(i).length > 0
      && entering.get(i).every(({ partial }) => partial === 0);

    // The gradient of a node as far as it has come, or null; of one without a box, at the end.
    function gradAt(i, step) {
      if (i === output) return step >= start ? "1" : null;
      if (!leaving.has(i)) return step >= end ? number(grads[i]) : null;
      const came = leaving.get(i).some(({ back }) => back <= step);
      return came ? sumAt(i, step) : null;
    }

    // What a box says to who does not see it.
    function heard(i, step) {
      const { operands, data, leaf } = nodes[i];
      const has = operands.length ? `${nodes[i].name} = ${formula(i)}` : `${nodes[i].name}, ${leaf}`;
      const value = step >= (stepOf.get(i) || 0) ? ` = ${number(data)}` : "";
      const grad = gradAt(i, step);
      return `${has}${value}${grad === null ? "" : `; grad ${grad}`}`;
    }

    // Of a few arrows the whole name, ∂v1/∂w =
    function signOf(arrow) {
      const { sign, name: whole } = derivative(arrow);
      return arrows.length <= FULLY_NAMED && [...whole].length <= LONGEST_NAME ? `${whole} =` : sign;
    }

    function wireAt(n, step = Infinity) {
      const arrow = arrows[n], { node, operand, partial, flow: back, back: when } = arrow;
      const forward = stepOf.get(node);
      const above = numbered ? [piece(`${signOf(arrow)} `, "ink", "word", forward),
        piece(number(partial), "ink", "data", forward)] : [];
      const below = numbered ? [piece("← ", "back", "word", when),
        piece(number(back), "back", "grad", when)] : [];
      const sized = !numbered && !compact && when <= step;
      const share = Math.round(10 * Math.min(1, Math.abs(back) / steepest || 0)) / 10;
      return { id: `arrow-${n}`, tail: `node-${operand}`, head: `node-${node}`,
        above: seen(above, step), below: seen(below, step), again: termOf(nodes[operand].name),
        look: when > step ? "plain" : back === 0 ? "zero" : sized ? back < 0 ? "negative" : "positive"
          : "plain",
        width: sized ? THINNEST + (WIDEST - THINNEST) * share : 1,
        lit: !step || step >= end ? "" : when === step ? "back" : forward === step ? "forward" : "" };
    }

    const bareWire = n => ({ tail: `node-${arrows[n].operand}`, head: `node-${arrows[n].node}`,
      above: [], below: [] });

    // All digits.
    function exactly(i) {
      const neuron = closed.has(i) ? `${closed.get(i).name}: ` : "";
      const grad = i === output ? "" : `; ∂${name(output)}/∂${name(i)} = ${grads[i]}`;
      return `${neuron}${nodes[i].name} = ${nodes[i].data}${grad}`;
    }

    function exactlyOfArrow(n) {
      const { node, partial, flow: back } = arrows[n];
      return `${derivative(arrows[n]).name} = ${partial}; flows back: ${grads[node]} · ${partial} = ${
        back}`;
    }

    // Sentences.

    function forwardWords(i) {
      const { operands, data } = nodes[i], result = number(data);
      if (closed.has(i)) return `${name(i)} = ${formula(i)} = ${result}`;
      const numbers = formulaOf(nodes[i], operands.map(each => factor(nodes[each].data)));
      const put = numbers === formula(i) ? "" : ` = ${numbers}`;
      return `${nodes[i].name} = ${formula(i)}${put} = ${result}`;
    }

    // ∂v1/∂w = x = 2
    function partialWords(arrow) {
      const { node, position, neuron, partial } = arrow, { derivatives, operands } = nodes[node];
      const result = number(partial), { name: whole } = derivative(arrow);
      if (neuron || !derivatives || operands.length > HINTED) return `${whole} = ${result}`;
      const words = Object.fromEntries(operands.map((operand, n) =>
        [operands.length > 2 ? `a${n + 1}` : "ab"[n], name(operand)]));
      const letter = found => found === "y" ? name(node) : words[found];
      const told = derivatives[position].replace(/\b(?:y|[ab]\d*)\b/g, letter)
        .replace(/ \* /g, " · ").replace(/ - /g, " − ").replace(/^-/, "−");
      return `${whole}${/\p{L}/u.test(told) ? ` = ${told}` : ""} = ${result}`;
    }

    const product = arrow =>
      `${derivative(arrow).name} · ${name(arrow.node)}.grad`;
    const productInNumbers = ({ partial, node, flow: result }) =>
      `${factor(partial)} · ${factor(grads[node])} = ${number(result)}`;
    const change = ({ before, after }) => `(${number(before)} → ${number(after)})`;

    function told(k) {
      if (k <= 0) return { phase: "Before the forward pass", words: "Only the leaves have numbers so far.",
        note: "Step with the arrow keys, or press Play." };
      const whole = name(output);
      if (k >= end) return { phase: "The whole graph",
        words: `${nodes[output].name} = ${number(nodes[output].data)}`,
        note: `A gradient says how fast ${whole} rises when that value rises. Click a value for its `
          + "whole calculation." };
      if (k < start) {
        const all = entering.get(computed[k - 1]).map(partialWords);
        const few = all.length > HINTED ? [...all.slice(0, HINTED), "…"] : all;
        return { phase: `Forward pass, step ${k} of ${end - 1}`, words: forwardWords(computed[k - 1]),
          note: few.length ? `Local derivatives: ${few.join(";  ")}` : "" };
      }
      const phase = `Backward pass, step ${k} of ${end - 1}`;
      if (k === start) return { phase, words: `${whole}.grad = 1`,
        note: `The derivative of ${whole} with respect to itself. All other gradients start at 0.` };
      const arrow = passes[k - start - 1], { node, operand, back } = arrow;
      const last = leaving.get(operand).at(-1).back === back;
      return { phase, words: `${name(operand)}.grad += ${product(arrow)} = ${
        productInNumbers(arrow)}   ${change(arrow)}`,
      note: `The local derivative ${partialWords(arrow)} times the upstream gradient ${
        name(node)}.grad = ${number(grads[node])}. ${name(operand)}.grad ${
        last ? "is complete." : "will get more from other arrows."}` };
    }

    function brief(k) {
      if (k < start) return `${nodes[computed[k - 1]].name} = ${formula(computed[k - 1])}`;
      if (k === start) return `${name(output)}.grad`;
      const arrow = passes[k - start - 1];
      return `${name(arrow.operand)}.grad += ${product(arrow)}`;
    }

    // The number that a step gives.
    function answer(k) {
      if (k < start) return nodes[computed[k - 1]].data;
      return k === start ? 1 : passes[k - start - 1].after;
    }

    function calculation(i) {
      const forward = { step: stepOf.get(i) ?? 0, text: stepOf.has(i) ? forwardWords(i)
        : `${nodes[i].name} = ${number(nodes[i].data)}, ${nodes[i].leaf || "a constant"}` };
      const lines = leaving.get(i).map(arrow => ({ step: arrow.back,
        text: `${product(arrow)} = ${productInNumbers(arrow)}` }));
      const flows = leaving.get(i).map(({ flow: each }, n) => n ? factor(each) : number(each));
      const sum = flows.length > 1 && flows.length <= HINTED ? ` = ${flows.join(" + ")}` : "";
      const total = i === output ? `${name(i)}.grad = 1: the backward pass starts here`
        : `${name(i)}.grad${sum} = ${number(grads[i])}`;
      return { title: nodes[i].name, forward, lines, total };
    }

    // The places of the boxes that a step is about: those that must be on screen.
    function boxesOf(k) {
      if (k <= 0 || k >= end) return [];
      if (k < start) return [place.get(computed[k - 1])];
      if (k === start) return [place.get(output)];
      const { operand, node } = passes[k - start - 1];
      return [place.get(operand), place.get(node)];
    }

    update();
    return { nodes, boxes, arrows, closed, numbered, compact, detail, start, end, update, nodeAt, wireAt, bareWire, exactly, exactlyOfArrow, told, brief,
      answer, calculation, boxesOf, forwardWords,
      gradOf: i => grads[i], heard, arrowOf: k => k > start && k < end ? passes[k - start - 1] : null,
      gradAt };
  };
})();
