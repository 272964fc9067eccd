// The page of a graph. What is shown depends on the numbers of the leaves and on the step alone:
// step 0 is before the forward pass, then come the steps of the forward pass, a value each; the
// output's gradient with respect to itself; the steps of the backward pass, an edge each; and the end.

const graph = JSON.parse(document.getElementById("graph").textContent);
const nodes = graph.nodes;
const output = nodes.length - 1;
const playable = !graph.refusal;
const places = nodes.map((_, i) => i);  // in topological order
const inner = places.filter(i => nodes[i].operands.length);
const leaves = places.filter(i => !nodes[i].operands.length);
const edges = [];  // in the order of the backward pass
for (const i of [...inner].reverse()) {
  nodes[i].operands.forEach((operand, position) =>
    edges.push({ node: i, operand, position, arrow: nodes[i].first + position }));
}
const seed = inner.length + 1;  // the step at which the output gets its gradient
const end = seed + edges.length + 1;
const lastTo = new Map(edges.map(({ operand }, n) => [operand, n]));  // an operand's last edge
const computedAt = nodes.map(() => 0);
inner.forEach((i, n) => { computedAt[i] = n + 1; });

const $ = id => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// Numbers.

const recorded = { v: nodes.map(node => Number(node.data)), d: graph.partials.map(Number) };
let v, d, gradients;  // values, local derivatives, and for each edge what it does to a gradient
let finalGradients;

// The chain rule again, as in the engine's `backward`: the page follows a leaf while it is dragged.
function chainRule() {
  const grad = nodes.map(() => 0);
  grad[output] = 1;
  gradients = edges.map(({ node, operand, arrow }) => {
    const before = grad[operand], contribution = grad[node] * d[arrow];
    grad[operand] += contribution;
    return { upstream: grad[node], contribution, before, after: grad[operand] };
  });
  finalGradients = grad;
}

function restore() {
  v = recorded.v.slice();
  d = recorded.d.slice();
  chainRule();
}

function recompute() {
  program(v, d);
  chainRule();
}

// Words.

const name = i => nodes[i].name ?? `(${number(v[i])})`;  // a constant is called by its number
const derivative = ({ node, operand, position }) =>
  `${nodes[node].signs[position]}${name(node)}/∂${name(operand)}`;

function withNames(parts) {
  return parts.map((part, i) => i % 2 ? nodes[part].name ?? number(v[part]) : part).join("");
}

function withNumbers(parts) {
  return parts.map((part, i) => {
    if (i % 2 === 0) return part;
    const alone = parts[i - 1].endsWith("(") && /^[),]/.test(parts[i + 1]);
    return alone ? number(v[part]) : factor(v[part]);
  }).join("");
}

function forwardWords(i) {
  const { formula, op, operands } = nodes[i];
  if (!formula) return `${name(i)} = ${op} of ${operands.map(name).slice(0, 8).join(", ")}${
    operands.length > 8 ? ", …" : ""} = ${number(v[i])}`;
  return `${name(i)} = ${withNames(formula)} = ${withNumbers(formula)} = ${number(v[i])}`;
}

function partialWords(edge) {
  const formula = nodes[edge.node].slopes?.[edge.position];
  const result = number(d[edge.arrow]), told = formula ? withNames(formula) : result;
  const bare = /^-?\d+$/.test(told) || told === result;
  return `${derivative(edge)}${bare ? "" : ` = ${told}`} = ${result}`;
}

function edgeWords(n) {
  const edge = edges[n], { upstream, contribution } = gradients[n];
  return `${name(edge.operand)}.grad += ${derivative(edge)} · ${name(edge.node)}.grad = ${
    factor(d[edge.arrow])} · ${factor(upstream)} = ${number(contribution)}`;
}

function describe(k) {
  const y = name(output);
  if (k === 0) {
    return { phase: "Before the forward pass", words: "The leaves have their numbers.",
      note: "Press Play, or step with the arrow keys." };
  }
  if (k === end) {
    return { phase: "After the backward pass", words: `${y} = ${number(v[output])}`,
      note: `The gradient of each value is complete: how much ${y} rises per unit of it.` };
  }
  if (k < seed) {
    const i = inner[k - 1];
    const partials = nodes[i].operands.map((operand, position) =>
      partialWords({ node: i, operand, position, arrow: nodes[i].first + position }));
    const told = partials.length > 8 ? [...partials.slice(0, 8), "…"] : partials;
    return { phase: `Forward pass, step ${k} of ${end - 1}`, words: forwardWords(i),
      note: `On its arrows the local derivatives: ${told.join(";  ")}` };
  }
  const phase = `Backward pass, step ${k} of ${end - 1}`;
  if (k === seed) {
    return { phase, words: `${y}.grad = 1`,
      note: `The derivative of ${y} with respect to itself. All other gradients start at 0.` };
  }
  const n = k - seed - 1, { operand, node } = edges[n], { before, after, upstream } = gradients[n];
  const sum = before || lastTo.get(operand) > n ? "It is added to what comes by other arrows: " : "";
  const more = lastTo.get(operand) > n ? ", with more to come" : ", and is complete";
  return { phase, words: edgeWords(n),
    note: `Chain rule: the local derivative ${partialWords(edges[n])}, times the upstream gradient ${
      name(node)}.grad = ${number(upstream)}. ${sum}${name(operand)}.grad goes from ${
      number(before)} to ${number(after)}${more}.` };
}

function briefly(k) {  // without the numbers, which are still to come
  if (k === seed) return `${name(output)}.grad`;
  if (k > seed) return edgeWords(k - seed - 1).split(" = ")[0];
  const { formula, op } = nodes[inner[k - 1]];
  return `${name(inner[k - 1])} = ${formula ? withNames(formula) : op}`;
}

// The picture.

const svg = $("picture").querySelector("svg");
svg.querySelectorAll("title").forEach(title => title.remove());  // would pop up as tooltips
const boxes = nodes.map((node, i) => {
  const box = svg.getElementById(`node-${i}`);
  const texts = box.querySelectorAll("text");
  const [value, gradient] = [texts[texts.length - 2], texts[texts.length - 1]];
  value.classList.add("value");
  gradient.classList.add("gradient");
  box.classList.toggle("leaf", !node.operands.length && playable);
  return { box, value, gradient };
});
const arrows = graph.partials.map((_, i) => {
  const arrow = svg.getElementById(`edge-${i}`);
  return { arrow, label: arrow.querySelector("text") };
});
svg.insertAdjacentHTML("afterbegin", `<defs><marker id="back-head" viewBox="0 0 10 8" refX="9"
  refY="4" markerWidth="4.5" markerHeight="4" orient="auto-start-reverse">
  <path d="M0,0 L10,4 L0,8 z"/></marker></defs>`);
const headOf = [];  // the node that an arrow leads to
inner.forEach(i => nodes[i].operands.forEach((_, p) => { headOf[nodes[i].first + p] = i; }));
const signOf = [];
inner.forEach(i => nodes[i].operands.forEach((_, p) => {
  signOf[nodes[i].first + p] = nodes[i].signs[p];
}));
const natural = svg.viewBox.baseVal;
let zoom;

function setZoom(factor) {
  zoom = Math.min(3, Math.max(0.15, factor));
  svg.setAttribute("width", natural.width * zoom);
  svg.setAttribute("height", natural.height * zoom);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function bringIntoView(...elements) {  // all of them, or if there is no room, the first
  const frame = $("picture"), outer = frame.getBoundingClientRect(), margin = 24;
  const beyond = (start, end, from, to) =>
    start < from + margin ? start - from - margin : end > to - margin ? end - to + margin : 0;
  let own = elements[0].getBoundingClientRect();
  let { left, right, top, bottom } = own;
  for (const element of elements) {
    own = element.getBoundingClientRect();
    const wider = [Math.min(left, own.left), Math.max(right, own.right)];
    const higher = [Math.min(top, own.top), Math.max(bottom, own.bottom)];
    if (wider[1] - wider[0] + 2 * margin <= outer.width) [left, right] = wider;
    if (higher[1] - higher[0] + 2 * margin <= outer.height) [top, bottom] = higher;
  }
  const x = beyond(left, right, outer.left, outer.right);
  const y = beyond(top, bottom, outer.top, outer.bottom);
  const smooth = !calm.matches && timer === null && running === null;
  if (x || y) frame.scrollBy({ left: x, top: y, behavior: smooth ? "smooth" : "instant" });
}

// Steps.

const controls = [];  // of each leaf, to play with it
let step = 0;
let timer = null;  // of Play
const pace = () => Number($("speed").value);

function show(k) {
  const before = step;
  step = Math.min(end, Math.max(0, k));
  const done = Math.min(Math.max(0, step - seed), edges.length);
  const grad = nodes.map(() => null);
  if (step >= seed) grad[output] = 1;
  for (let n = 0; n < done; n++) grad[edges[n].operand] = gradients[n].after;
  const edge = done && step < end ? edges[done - 1] : null;
  const current = edge ? edge.node : step === seed ? output
    : step && step < seed ? inner[step - 1] : null;
  boxes.forEach(({ box, value, gradient }, i) => {
    const known = step >= computedAt[i];
    write(value, known ? `data ${number(v[i])}` : "data");
    write(gradient, grad[i] === null ? "grad" : `grad ${number(grad[i])}`);
    box.classList.toggle("waiting", !known);
    box.classList.toggle("now", i === current);
    box.classList.toggle("into", edge ? i === edge.operand : i === current);
  });
  arrows.forEach(({ arrow, label }, i) => {
    const known = step >= computedAt[headOf[i]];
    if (label) write(label, known ? `${signOf[i]} ${number(d[i])}` : signOf[i]);
    arrow.classList.toggle("waiting", !known);
    arrow.classList.toggle("now", edge ? i === edge.arrow : step < seed && headOf[i] === current);
    arrow.classList.toggle("back", i === edge?.arrow);
  });
  for (const { i, gradient } of controls) {
    write(gradient, grad[i] === null ? "grad" : `grad ${number(grad[i])}`);
  }
  const result = step >= computedAt[output] ? ` = ${number(v[output])}` : "";
  write($("result"), `${graph.title}${result}`);
  const told = describe(step);
  write($("phase"), told.phase);
  write($("words"), told.words);
  write($("note"), told.note);
  $("place").value = step;
  $("place").setAttribute("aria-valuetext", told.words);
  // Not disabled, which would take the focus from who steps with the keyboard.
  for (const id of ["begin", "back"]) $(id).ariaDisabled = step === 0;
  for (const id of ["forward", "end"]) $(id).ariaDisabled = step === end;
  $("predict").ariaDisabled = step >= end - 1;
  document.querySelector("tr[aria-current]")?.removeAttribute("aria-current");
  for (let n = Math.min(before, step); n < Math.max(before, step) && n < rows.length; n++) writeRow(n);
  if (step && step < end) {
    const list = $("list"), row = rows[step - 1].row;
    row.setAttribute("aria-current", "step");
    writeRow(step - 1);
    const above = row.offsetTop - list.scrollTop;
    if (above < 0 || above > list.clientHeight - 40) list.scrollTop = row.offsetTop - 60;
  }
  const lit = edge ? [edge.operand, edge.node] : current === null ? [] : [current];
  if (lit.length) bringIntoView(...lit.map(i => boxes[i].box));
  $("prediction").hidden = true;
}

function go(k) {
  pause();
  stopRunning();
  show(k);
}

function pause() {
  clearTimeout(timer);
  timer = null;
  $("play").textContent = "Play";
  $("saying").setAttribute("aria-live", "polite");
}

function play() {
  if (timer !== null) return pause();
  stopRunning();
  if (step === end) show(0);
  $("play").textContent = "Pause";
  if (pace() > 1) $("saying").setAttribute("aria-live", "off");  // faster than can be read out
  const tick = () => {
    show(step + 1);
    if (step === end) return pause();
    timer = setTimeout(tick, 1000 / pace());
  };
  timer = setTimeout(tick, Math.min(300, 1000 / pace()));
}

// All steps in a table.

const rows = [];
for (let k = 1; k < end; k++) {
  const row = $("list").querySelector("tbody").insertRow();
  const button = document.createElement("button");
  button.textContent = k;
  row.insertCell().append(button);
  row.addEventListener("click", () => go(k));
  rows.push({ row, cell: row.insertCell() });
}

function writeRow(n) {  // what is still to come has no numbers
  const change = n + 1 > seed ? gradients[n - seed] : null;
  const changed = change ? `  (${number(change.before)} → ${number(change.after)})` : "";
  write(rows[n].cell, n < step ? describe(n + 1).words + changed : briefly(n + 1));
}

function writeRows() {
  rows.forEach((_, n) => writeRow(n));
}

// Predictions.

function answer(k) {
  if (k < seed) return v[inner[k - 1]];
  return k === seed ? 1 : gradients[k - seed - 1].after;
}

function ask() {
  pause();
  stopRunning();
  if (step >= end - 1) return;
  const change = gradients[step - seed], from = change ? `, from ${number(change.before)}` : "";
  $("question").textContent = `${briefly(step + 1)}${from}: what is it?`;
  $("guess").value = "";
  $("prediction").hidden = false;
  $("guess").focus();
}

function reveal(event) {
  event.preventDefault();
  const right = answer(step + 1), guess = read($("guess").value);
  show(step + 1);
  const close = Math.abs(guess - right) <= 0.01 * Math.abs(right) || number(guess) === number(right);
  const verdict = Number.isNaN(guess) ? `It is ${number(right)}.`
    : close ? `Right: ${number(right)}.` : `Not ${number(guess)}: it is ${number(right)}.`;
  $("note").textContent = `${verdict} ${$("note").textContent}`;
  $("predict").focus();
}

// Play with it.

const plotted = 500;  // steps
let losses, running = null;

function leafTitle(i) {
  if (nodes[i].title !== null) return nodes[i].title;
  const users = inner.filter(user => nodes[user].operands.includes(i));
  const { formula } = nodes[users[0]];
  return `in ${name(users[0])}${formula ? ` = ${withNames(formula)}` : ""}${
    users.length > 1 ? " and others" : ""}`;
}

function makeRow(i) {
  const node = nodes[i];
  const row = document.createElement("div");
  row.className = "leaf-row";
  const label = document.createElement("label");
  const title = document.createElement("span");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = node.learns;
  label.append(box, title);
  const gradient = document.createElement("span");
  gradient.className = "soft number";
  const slider = document.createElement("input");
  slider.type = "range";
  slider.step = "any";
  const field = document.createElement("input");
  field.type = "number";
  field.step = "any";
  slider.addEventListener("input", () => move(i, slider.valueAsNumber));
  field.addEventListener("input", () => {
    if (Number.isFinite(field.valueAsNumber)) move(i, field.valueAsNumber);
  });
  field.addEventListener("blur", writeControls);  // which may be empty
  row.append(label, gradient, slider, field);
  (node.kind === "constant" ? $("constants") : $("leaves")).append(row);
  controls.push({ i, box, title, gradient, slider, field });
}

function reach(i) {  // how far a leaf can be dragged to either side
  return Number.isFinite(recorded.v[i]) ? Math.max(2, 2 * Math.abs(recorded.v[i])) : 2;
}

function writeControls() {
  for (const { i, box, title, slider, field } of controls) {
    const called = leafTitle(i), finite = Number.isFinite(v[i]) ? v[i] : 0;
    write(title, called);
    box.ariaLabel = `${called} learns`;
    slider.ariaLabel = called;
    field.ariaLabel = `${called} as a number`;
    const middle = Number.isFinite(recorded.v[i]) ? recorded.v[i] : 0;
    slider.min = Math.min(middle - reach(i), finite);
    slider.max = Math.max(middle + reach(i), finite);
    slider.value = finite;
    if (document.activeElement !== field) {
      field.value = Number.isFinite(v[i]) ? Number(v[i].toPrecision(6)) : "";
    }
  }
}

let rewriting = null;

function refresh() {
  show(end);
  writeControls();
  plot();
  rewriting ??= setTimeout(() => {  // the table is long, and nobody reads it meanwhile
    rewriting = null;
    writeRows();
  }, 150);
}

function move(i, x) {
  pause();
  stopRunning();
  v[i] = x;
  recompute();
  losses = [v[output]];
  $("old").hidden = true;
  $("verdict").textContent = firstBroken();
  refresh();
}

function firstBroken() {
  const broken = inner.find(i => !Number.isFinite(v[i]));
  return broken === undefined ? ""
    : `${forwardWords(broken)}: from there on the numbers mean nothing.`;
}

function learn() {
  pause();
  const rate = $("rate-number").valueAsNumber;
  if (!(rate >= 0)) {
    $("verdict").textContent = "A learning rate is a number that is not negative.";
    return stopRunning();
  }
  const before = v[output];
  for (const { i, box } of controls) if (box.checked) v[i] -= rate * finalGradients[i];
  recompute();
  losses.push(v[output]);
  $("old").hidden = true;
  $("verdict").textContent = firstBroken();
  const finite = Number.isFinite(v[output]) && controls.every(({ i }) => Number.isFinite(v[i]));
  if (!finite || Math.abs(v[output]) > 1e6 * Math.max(1, Math.abs(losses[0]))) {
    stopRunning();
    if (Number.isFinite(before)) {
      $("verdict").textContent = `Diverged: ${name(output)} is ${number(v[output])}. The learning `
        + `rate ${number(rate)} is too large. Reset, and try a smaller one.`;
    }
  }
  refresh();
}

function run() {
  if (running !== null) return stopRunning();
  $("run").textContent = "Stop";
  $("run").setAttribute("aria-pressed", "true");
  $("saying").setAttribute("aria-live", "off");
  running = setInterval(learn, 50);
}

function stopRunning() {
  clearInterval(running);
  running = null;
  $("run").textContent = "Run";
  $("run").setAttribute("aria-pressed", "false");
  $("saying").setAttribute("aria-live", "polite");
}

function reset() {
  pause();
  stopRunning();
  restore();
  losses = [v[output]];
  for (const { i, box } of controls) box.checked = nodes[i].learns;
  $("rate-number").value = 0.1;
  moveRateSlider();
  $("old").hidden = !graph.old;
  $("verdict").textContent = "";
  show(step);
  document.activeElement.blur();  // a field that is being typed in
  writeControls();
  writeRows();
  plot();
}

function moveRateSlider() {
  const rate = $("rate-number").valueAsNumber;
  if (rate >= 0) $("rate").value = Math.max(Math.log10(rate), $("rate").min);
}

function plot() {
  const shown = losses.slice(-plotted - 1).map(x => Number.isFinite(x) ? x : NaN);
  const finite = shown.filter(x => !Number.isNaN(x));
  const low = Math.min(...finite), high = Math.max(...finite);
  const logarithmic = low > 0 && high / low > 50;
  const scale = logarithmic ? Math.log : x => x;
  const [from, to] = [scale(low), scale(high)];
  const points = shown.map((x, n) => [4 + 312 * n / Math.max(1, shown.length - 1),
    to > from ? 105 - 88 * (scale(x) - from) / (to - from) : 60]);
  $("curve").setAttribute("points", points.filter(([, y]) => !Number.isNaN(y))
    .map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "));
  const unit = logarithmic ? " (logarithmic)" : "";
  const label = (n, loss) => `update ${n}: ${number(loss)}`;
  $("plot").toggleAttribute("hidden", losses.length < 2);
  $("top").textContent = `${graph.title}: ${number(low)} to ${number(high)}${unit}`;
  $("first").textContent = label(losses.length - shown.length, losses.at(-shown.length));
  $("last").textContent = label(losses.length - 1, losses.at(-1));
}

function dragInPicture(i) {
  const { box } = boxes[i];
  box.addEventListener("pointerdown", down => {
    if (down.pointerType === "touch" || down.button) return;  // which pans
    down.preventDefault();
    const start = Number.isFinite(v[i]) ? v[i] : 0;
    const onMove = event => move(i, start + (event.clientX - down.clientX) * reach(i) / 150);
    const onEnd = () => {
      box.removeEventListener("pointermove", onMove);
      box.removeEventListener("lostpointercapture", onEnd);
    };
    box.setPointerCapture(down.pointerId);
    box.addEventListener("pointermove", onMove);
    box.addEventListener("lostpointercapture", onEnd);
  });
}

// Start.

$("begin").onclick = () => go(0);
$("back").onclick = () => go(step - 1);
$("forward").onclick = () => go(step + 1);
$("end").onclick = () => go(end);
$("play").onclick = play;
$("place").max = end;
$("place").oninput = () => go($("place").valueAsNumber);
$("predict").onclick = ask;
$("prediction").onsubmit = reveal;
$("larger").onclick = () => setZoom(zoom * 1.25);
$("smaller").onclick = () => setZoom(zoom / 1.25);
$("learn").onclick = () => {
  stopRunning();
  learn();
};
$("run").onclick = run;
$("reset").onclick = reset;
$("rate").oninput = () => { $("rate-number").value = Number((10 ** $("rate").value).toPrecision(3)); };
$("rate-number").oninput = moveRateSlider;

addEventListener("keydown", event => {
  const { target, key } = event;
  if (key === "Escape") $("prediction").hidden = true;
  const typing = target.matches("input[type=text], input[type=number], select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const actions = { p: ask, P: ask };
  if (!target.matches("input")) {
    Object.assign(actions, { ArrowRight: () => go(step + 1), ArrowLeft: () => go(step - 1),
      Home: () => go(0), End: () => go(end) });
  }
  if (!target.matches("button, summary, input")) actions[" "] = play;
  if (actions[key]) {
    event.preventDefault();
    actions[key]();
  }
});

const { clientWidth: room } = $("picture");
const [byWidth, byHeight] = [(room - 4) / natural.width, 0.52 * innerHeight / natural.height];
const least = room < 600 ? 0.9 : 0.65;  // below which nobody could read it
setZoom(Math.min(1.25, Math.max(least, Math.min(byWidth, Math.max(byHeight, 0.8)))));
if (playable) {
  leaves.forEach(makeRow);
  leaves.forEach(dragInPicture);
  $("constants").hidden = !$("constants").querySelector(".leaf-row");
} else {
  $("learning").hidden = $("hint").hidden = true;
  $("refusal").hidden = false;
  $("refusal").textContent = graph.refusal;
}
reset();
show(0);
