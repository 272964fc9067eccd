// The numbers of a page: moved by hand, and learned by w −= rate · grad.
//
// The page defines `source`, which gives the graph its numbers:
//   source.change([[i, x], …])   the leaves with these places get these numbers; false if refused
//   source.reset()               the numbers at first
//   source.isComputing           whether it can do that, and source.isMovable(i) for which leaf

const STEPS_OF_RUN = 2000, GHOSTS = 4;
let losses = [], curveStart = 0;  // after so many steps with other rates
let ghosts = [], running = null, runFrom = 0, leavesShown = [], constantsShown = [];

const canChange = () => scene !== null && source.isComputing;
const loss = () => graph.nodes.at(-1).data;
const rate = () => read($("rate-number").value);

function reach(i) {  // how far a leaf can be moved to either side
  const { data } = graph.nodes[i];
  graph.reaches ??= new Map();
  if (!graph.reaches.has(i)) {
    graph.reaches.set(i, Number.isFinite(data) ? Math.min(1e300, Math.max(5, 2 * Math.abs(data))) : 5);
  }
  return graph.reaches.get(i);
}

function move(i, x) {
  pause();
  endCurve();
  if (source.change([[i, x]])) say(brokenAt());
}

function brokenAt() {
  const broken = graph.nodes.findIndex(({ data, operands }) => operands.length
    && !Number.isFinite(data) && operands.every(each => Number.isFinite(graph.nodes[each].data)));
  return broken < 0 ? "" : `${scene.forwardWords(broken)}: nothing computed from it can be trusted.`;
}

// Leaves, in two lists: constants are apart.

function leafTitle(i) {
  if (!graph.nodes[i].isNumber) return graph.nodes[i].name;
  const user = graph.nodes.findIndex(({ operands }) => operands.includes(i));
  return `in ${scene.forwardWords(user).split(" = ").slice(0, 2).join(" = ")}`;
}

function leafRow() {
  const row = $("row").content.firstElementChild.cloneNode(true);
  const [tick, slider, field] = row.querySelectorAll("input");
  tick.onchange = () => {
    graph.learns[tick.checked ? "add" : "delete"](Number(row.dataset.node));
    endCurve();
    source.ticked?.();
    writeLeaves();
  };
  slider.oninput = () => move(Number(row.dataset.node), Number(slider.value));
  field.oninput = () => {
    const x = read(field.value);
    if (Number.isFinite(x)) move(Number(row.dataset.node), x);
  };
  field.onblur = () => writeLeaves();
  return row;
}

function fillLeaf(i, row) {
  row.dataset.node = i;
  row.dataset.name = graph.nodes[i].name;
  const [tick, slider, field] = row.querySelectorAll("input"), { data } = graph.nodes[i];
  const title = leafTitle(i), grad = scene.gradAt(i, step), size = reach(i);
  write(row.querySelector(".name"), /^[\w.[\]]+$/.test(title) ? graph.nodes[i].short : title);
  row.querySelector(".name").title = title;
  write(row.querySelector(".grad"), grad === null ? "" : `grad ${grad}`);
  tick.checked = graph.learns.has(i);
  tick.setAttribute("aria-label", `${title} learns`);
  slider.setAttribute("aria-label", title);
  field.setAttribute("aria-label", `${title} as a number`);
  if (slider.dataset.size !== String(size)) {
    [slider.min, slider.max, slider.step, slider.dataset.size] = [-size, size, size / 200, size];
  }
  if (row.dataset.data === String(data) && document.activeElement === slider) return;
  const text = String(Number(data.toPrecision(6)));
  if (document.activeElement !== slider || Math.abs(slider.value - data) > size / 200) {
    slider.value = data;
  }
  slider.setAttribute("aria-valuetext", number(data));
  if (document.activeElement !== field && field.value !== text) field.value = text;
}

const leafList = longList($("leaves"), 80, leafRow, (n, row) => fillLeaf(leavesShown[n], row));
const constantList = longList($("constant-list"), 80, leafRow,
  (n, row) => fillLeaf(constantsShown[n], row));

function rollLeaves() {
  const leaves = graph.nodes.map((_, i) => i).filter(i =>
    !graph.nodes[i].operands.length && source.isMovable(i));
  leavesShown = leaves.filter(i => !graph.nodes[i].isNumber);
  constantsShown = leaves.filter(i => graph.nodes[i].isNumber);
  if (!source.isComputing) return;
  leafList.roll(leavesShown.length);
  constantList.roll(constantsShown.length);
  $("constants").hidden = !constantsShown.length;
}

function writeLeaves() {
  if (!scene) return;
  const whole = graph.nodes.at(-1), isKnown = step >= scene.start - 1;
  write($("result"), `${graph.title}${isKnown ? ` = ${number(whole.data)}` : ""}`);
  if (!source.isComputing) return;
  leafList.refill();
  constantList.refill();
  const ticked = [...graph.learns].map(leafTitle);
  write($("learn"), !ticked.length ? "Tick what learns: data do not"
    : `${ticked.length > 3 ? `${ticked.length} numbers` : ticked.join(", ")} −= rate · grad`);
  for (const id of ["learn", "run"]) $(id).disabled = !ticked.length;
}

// Learning.

function learnOnce() {
  pause();
  if (!(rate() >= 0)) return stopWith(`The rate must be 0 or more, not ${$("rate-number").value || "nothing"}.`);
  const before = loss();
  if (!losses.length) losses.push(before);
  const changes = [...graph.learns].map(i =>
    [i, graph.nodes[i].data - rate() * scene.gradOf(i)]);
  if (!source.change(changes)) {
    return stopWith(`Stopped: the step led to where ${graph.title} is not defined. Reset, and try a `
      + "smaller rate.");
  }
  const now = loss(), count = losses.push(now) - 1, steps = `${count} step${count > 1 ? "s" : ""}`;
  drawCurves();
  if (Number.isFinite(before) && (!Number.isFinite(now)
    || Math.abs(now) > 1e6 * Math.max(1, Math.abs(losses[0])))) {
    return stopWith(`Diverged: ${graph.title} is ${number(now)} after ${steps}. The rate ${
      number(rate())} is too large: Reset, and try a smaller one.`);
  }
  if (!Number.isFinite(now)) return stopWith(brokenAt() || `${graph.title} is ${number(now)}.`);
  if (Math.abs(now - before) <= 1e-9 * Math.max(1e-3, Math.abs(now))) {
    return stopWith(`Converged: after ${steps} ${graph.title} stays at ${number(now)}.`);
  }
  if (running !== null && count - runFrom >= STEPS_OF_RUN) {
    return stopWith(`Stopped after ${steps}, at ${number(now)}.`);
  }
  return say(`${steps}: from ${number(losses[0])} to ${number(now)}.`);
}

function say(sentence) {
  write($("verdict"), sentence);
}

function stopWith(sentence) {
  stopRunning();
  say(sentence);
}

function run() {
  if (running !== null || !scene) return stopRunning();
  pause();
  $("run").textContent = "Stop";
  $("run").setAttribute("aria-pressed", "true");
  $("saying").setAttribute("aria-live", "off");
  runFrom = Math.max(0, losses.length - 1);
  running = setInterval(learnOnce, 40);
}

function stopRunning() {
  clearInterval(running);
  running = null;
  $("run").textContent = "Run";
  $("run").setAttribute("aria-pressed", "false");
  $("saying").setAttribute("aria-live", "polite");
}

// The curve so far becomes one of the past, and the next one begins.
function endCurve() {
  stopRunning();
  const last = $("rate-number").dataset.used ?? "";
  if (losses.length > 1) ghosts = [...ghosts, { losses, rate: last, start: curveStart }].slice(-GHOSTS);
  [losses, curveStart] = [[], 0];
}

function reset() {
  pause();
  endCurve();
  source.reset();
  say("");
  drawCurves();
}

function drawCurves() {
  $("rate-number").dataset.used = $("rate-number").value;
  const now = { losses, rate: $("rate-number").value, start: curveStart };
  const curves = [...ghosts, now].filter(curve => curve.losses.length > 1);
  $("plot").toggleAttribute("hidden", !curves.length);
  if (!curves.length) return;
  const all = curves.flatMap(curve => curve.losses).filter(Number.isFinite);
  const rises = curves.some(curve => !(curve.losses.at(-1) <= curve.losses[0]));
  const low = all.reduce((a, b) => Math.min(a, b), Infinity);
  const firsts = curves.reduce((most, curve) => Math.max(most, Math.abs(curve.losses[0])), 0);
  const top = all.reduce((a, b) => Math.max(a, b), -Infinity);
  const high = rises ? Math.min(top, Math.max(3 * firsts, low)) : top;  // what diverges leaves it
  const last = curves.reduce((most, curve) => Math.max(most, curve.start + curve.losses.length), 3) - 1;
  const isLogarithmic = low > 0 && high / low > 50 && !rises;
  const [scale, back] = isLogarithmic ? [Math.log, Math.exp] : [x => x, x => x];
  const [from, to] = [scale(low), scale(high)];
  if (!Number.isFinite(to - from)) return;
  const ticks = (to > from ? [0, 0.5, 1] : [0]).map(share => back(from + share * (to - from)));
  const left = 10 + 6.5 * Math.max(...ticks.map(tick => number(tick).length));
  const x = n => left + (252 - left) * n / last, y = value => to > from
    ? 112 - 96 * (scale(Math.min(value, high)) - from) / (to - from) : 64;
  const parts = [];
  const part = (name, attributes, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    parts.push(element);
  };
  for (const tick of ticks) {
    part("line", { x1: left, x2: 252, y1: y(tick), y2: y(tick) });
    part("text", { x: left - 4, y: y(tick) + 4, "text-anchor": "end" }, number(tick));
  }
  for (const n of [0, Math.round(last / 2), last]) {
    part("text", { x: x(n), y: 128, "text-anchor": "middle" }, String(n));
  }
  part("text", { x: left, y: 10 }, `${graph.title.slice(0, 30)}${isLogarithmic ? ", logarithmic" : ""}`);
  const labels = [];
  for (const { losses: values, rate: its, start } of curves) {
    const points = values.map((each, n) => [x(start + n), y(each)])
      .filter(([, at]) => Number.isFinite(at));
    const name = values === losses ? "now" : "ghost";
    part("polyline", { class: name,
      points: points.map(point => point.map(each => each.toFixed(1)).join()).join(" ") });
    labels.push({ name, text: `rate ${its}`, x: points.at(-1)[0] + 3, y: points.at(-1)[1] + 4 });
  }
  labels.sort((a, b) => a.y - b.y).forEach((label, n) => {  // one below the other
    if (n) label.y = Math.max(label.y, labels[n - 1].y + 11);
  });
  const beyond = Math.max(0, labels.at(-1).y - 126);
  for (const { name, text, x: at, y: height } of labels) {
    part("text", { class: name, x: at, y: height - beyond }, text);
  }
  $("plot").replaceChildren(...parts);
}

function moveRateSlider() {
  if (rate() >= 0) $("rate").value = Math.max(Math.log10(rate()), $("rate").min);
  $("rate").setAttribute("aria-valuetext", number(rate()));
}

function changeRate() {
  const from = losses.length > 1 ? curveStart + losses.length - 1 : curveStart;
  endCurve();
  curveStart = from;  // it goes on from there
  moveRateSlider();
}

$("learn").onclick = () => {
  if (!scene) return;
  stopRunning();
  learnOnce();
};
$("run").onclick = run;
$("reset").onclick = reset;
$("rate").oninput = () => {
  $("rate-number").value = Number((10 ** $("rate").value).toPrecision(3));
  changeRate();
};
$("rate-number").oninput = changeRate;
moveRateSlider();
