// The playground: an expression and its numbers are edited, and the graph follows. All that it shows
// depends on the address behind #, which is the expression, and on the step.

const $ = id => document.getElementById(id);
const MOST_BOXES = 40, STEPS_OF_RUN = 2000, GHOSTS = 4;
const EXAMPLES = [
  ["a line", "(w*x + b - y)**2", "w=0.5&x=2&b=0&y=4&learn=w,b"],
  ["a neuron", "tanh(w*x + b)", "w=0.5&x=2&b=-0.25"],
  ["a value that is used twice", "x*x", "x=3"],
  ["a relu that blocks", "relu(w*x + b)*c", "w=1&x=-2&b=0.5&c=3"],
  ["a sigmoid far out, where it hardly learns", "(sigmoid(w*x) - t)**2", "w=4&x=2&t=0&learn=w"],
  ["the loss of three samples", "((w*1 + b - 2)**2 + (w*2 + b - 4)**2 + (w*3 + b - 6)**2)/3",
    "w=0.5&b=0&learn=w,b"],
];

let text = "", numbers = {}, learns = new Set();  // what the address says
let graph = null, grads = [], scene = null, layout = null;
let rooms = null;  // how large boxes and numbers have been, so that they stay at their places
let step = Infinity, timer = null;
let losses = [], ghosts = [], running = null;

// The address.

function address() {
  const parts = [`e=${encodeURIComponent(text)}`];
  for (const [name, x] of Object.entries(numbers)) {
    parts.push(`${encodeURIComponent(name)}=${String(x)}`);
  }
  if (learns.size) parts.push(`learn=${[...learns].map(encodeURIComponent).join(",")}`);
  return `#${parts.join("&")}`;
}

function readAddress(hash) {
  const found = Object.create(null);
  let expression = "", learning = "";
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [key, ...rest] = part.split("=");
    const [name, value] = [key, rest.join("=")].map(decoded);
    if (key === "e") expression = value;
    else if (key === "learn") learning = rest.join("=");
    else if (name && value !== "" && Number.isFinite(Number(value))) found[name] = Number(value);
  }
  text = expression;
  numbers = found;
  learns = new Set(learning.split(",").map(decoded).filter(Boolean));
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// The graph.

function follow(keepStep = true) {
  history.replaceState(null, "", address());
  const before = scene && scene.nodes.map(({ id }) => id).join();
  try {
    const names = namesIn(text);
    const known = Object.create(null);
    for (const name of names) known[name] = Object.hasOwn(numbers, name) ? numbers[name] : 1;
    numbers = known;
    learns = new Set([...learns].filter(name => names.includes(name)));
    graph = parse(text, numbers).nodes;
  } catch (error) {
    if (!("place" in error)) throw error;
    return refuse(error);
  }
  history.replaceState(null, "", address());
  grads = backward(graph);
  const count = graph.filter(({ op }) => op !== "const").length;
  if (count > MOST_BOXES) {
    return refuse({ problem: `the playground draws up to ${MOST_BOXES} boxes, and this has ${count}: `
      + `use tinygrad-neuron draw`, place: 0 });
  }
  scene = sceneOf(graph, grads);
  const same = keepStep && before === scene.nodes.map(({ id }) => id).join();
  if (!same) [step, rooms] = [Infinity, null];
  $("error").hidden = true;
  $("shown").hidden = false;
  writeNumbers();
  place();
}

// The sentence, and the part of the text around the place, with a caret under it.
function refuse({ problem, place }) {
  stop();
  graph = scene = null;
  const letters = [...text], from = Math.max(0, place - 30);
  const before = letters.slice(from, place).join(""), after = letters.slice(place, place + 30).join("");
  $("problem").textContent = problem;
  $("before").textContent = (from ? "…" : "") + before;
  $("after").textContent = after + (place + 30 < letters.length ? "…" : "") || " ";
  $("error").hidden = false;
  $("shown").hidden = true;
}

// A narrow screen shows the graph from top to bottom.
function place() {
  if (!scene) return;
  const room = $("picture").clientWidth || 800;
  const sizes = ["LR", "TB"].map(direction => measured(scene, direction));
  rooms = sizes.map(({ boxes, wires }, n) => ({
    boxes: boxes.map((box, i) => larger(box, rooms && rooms[n].boxes[i])),
    wires: wires.map((wire, i) => larger(wire, rooms && rooms[n].wires[i])),
  }));
  const tried = rooms.map(({ boxes, wires }, n) => layered(boxes, wires, ["LR", "TB"][n]));
  layout = tried[0].width <= Math.max(room, 640) && room > 500 ? tried[0]
    : tried[0].width < tried[1].width ? tried[0] : tried[1];
  show(step);
}

function larger(now, before) {
  if (!before) return now;
  return { ...now, width: Math.max(now.width, before.width),
    height: Math.max(now.height, before.height) };
}

function show(k) {
  const last = scene.steps.length - 1;
  step = k;
  const n = Math.min(Math.max(0, k), last);
  const moment = n === last && k > last ? Infinity : scene.steps[n].step;
  const svg = drawn(at(scene, moment), layout);
  const scale = Math.min(1, ($("picture").clientWidth - 2) / layout.width);
  svg.style.width = `${Math.max(scale, 0.62) * layout.width}px`;
  svg.style.height = "auto";
  $("picture").replaceChildren(svg);
  $("place").max = last + 1;
  $("place").value = Math.min(k, last + 1);
  const result = graph[graph.length - 1].data;
  $("sentence").textContent = k > last ? `${text.trim()} = ${number(result)}, and all gradients`
    : scene.steps[n].text;
  $("count").textContent = k > last ? "the whole graph" : `step ${n} of ${last}`;
}

const steps = () => scene ? scene.steps.length : 0;
function go(k) {
  if (!scene) return;
  pause();
  show(Math.min(Math.max(0, k), steps()));
}

function pause() {
  clearInterval(timer);
  timer = null;
  $("play").textContent = "Play";
}

function play() {
  if (timer !== null || !scene) return pause();
  if (step >= steps()) show(0);
  $("play").textContent = "Pause";
  timer = setInterval(() => {
    show(step + 1);
    if (step >= steps()) pause();
  }, 1000);
}

// The numbers.

function writeNumbers() {
  const names = Object.keys(numbers), list = $("numbers");
  const rows = new Map([...list.children].map(row => [row.dataset.name, row]));
  list.replaceChildren(...names.map(name => rows.get(name) || numberRow(name)));
  for (const row of list.children) {
    const { name } = row.dataset, [tick, slider, field] = row.querySelectorAll("input");
    const i = graph.findIndex(({ label, op }) => op === "" && label === name);
    tick.checked = learns.has(name);
    if (document.activeElement !== field) field.value = String(numbers[name]);
    slider.value = numbers[name];
    slider.setAttribute("aria-valuetext", number(numbers[name]));
    row.querySelector(".grad").textContent = `grad ${number(grads[i])}`;
  }
  $("learn").textContent = learns.size ? `${[...learns].join(", ")} −= rate · grad`
    : "tick what learns";
  for (const id of ["learn", "run"]) $(id).disabled = !learns.size;
}

function numberRow(name) {
  const row = $("row").content.firstElementChild.cloneNode(true);
  row.dataset.name = name;
  row.querySelector(".name").textContent = name;
  const [tick, slider, field] = row.querySelectorAll("input");
  tick.setAttribute("aria-label", `${name} learns`);
  slider.setAttribute("aria-label", name);
  field.setAttribute("aria-label", `${name} as a number`);
  const size = Math.max(5, 2 * Math.abs(numbers[name]));
  [slider.min, slider.max, slider.step] = [-size, size, size / 200];
  tick.addEventListener("change", () => {
    learns[tick.checked ? "add" : "delete"](name);
    stop();
    follow();
  });
  const set = x => {
    if (!Number.isFinite(x)) return;
    numbers[name] = x;
    stop();
    follow();
  };
  slider.addEventListener("input", () => set(Number(slider.value)));
  field.addEventListener("input", () => set(read(field.value)));
  return row;
}

// Learning.

function learnOnce() {
  const rate = read($("rate").value);
  if (!(rate >= 0)) return say("A learning rate is a number that is not negative.");
  if (!scene) return false;
  const loss = graph[graph.length - 1].data;
  if (!losses.length) losses.push(loss);
  for (const name of learns) {
    const i = graph.findIndex(({ label, op }) => op === "" && label === name);
    numbers[name] -= rate * grads[i];
  }
  follow();
  const now = scene ? graph[graph.length - 1].data : NaN;
  losses.push(now);
  drawCurve();
  if (!Number.isFinite(now) || Math.abs(now) > 1e6 * Math.max(1, Math.abs(losses[0]))) {
    return say(`Diverged after ${losses.length - 1} steps: lower the rate.`);
  }
  if (Math.abs(now - loss) <= 1e-9 * Math.max(1e-3, Math.abs(now))) {
    return say(`Converged after ${losses.length - 1} steps, at ${number(now)}.`);
  }
  $("verdict").textContent = `${losses.length - 1} steps: from ${number(losses[0])} to ${number(now)}.`;
  return true;
}

function say(sentence) {
  stopRunning();
  $("verdict").textContent = sentence;
  return false;
}

function run() {
  if (running !== null) return stopRunning();
  newCurve();
  pause();
  $("run").textContent = "Stop";
  running = setInterval(() => {
    if (learnOnce() && losses.length > STEPS_OF_RUN) say(`Stopped after ${STEPS_OF_RUN} steps.`);
  }, 30);
}

function stopRunning() {
  clearInterval(running);
  running = null;
  $("run").textContent = "Run";
}

function newCurve() {
  if (losses.length > 1) ghosts = [...ghosts, { losses, rate: $("rate").value }].slice(-GHOSTS);
  losses = [];
}

function stop() {
  stopRunning();
  newCurve();
}

function drawCurve() {
  const plot = $("plot"), curves = [...ghosts.map(({ losses: past }) => past), losses];
  const all = curves.flat().filter(Number.isFinite);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const longest = Math.max(...curves.map(({ length }) => length));
  const x = n => 6 + 300 * n / Math.max(1, longest - 1);
  const y = loss => 104 - 92 * (loss - low) / (high - low || 1);
  const lines = curves.map((curve, n) => {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    const points = curve.map((loss, i) => Number.isFinite(loss) ? `${x(i)},${y(loss)}` : "");
    line.setAttribute("points", points.join(" "));
    line.setAttribute("class", n === curves.length - 1 ? "now" : "ghost");
    return line;
  });
  $("curves").replaceChildren(...lines);
  $("high").textContent = number(high);
  $("low").textContent = number(low);
  $("past").textContent = ghosts.length
    ? `earlier, with rate ${ghosts.map(({ rate }) => rate).join(", ")}` : "";
  plot.hidden = losses.length < 2;
}

// What people do.

function open(hash) {
  stop();
  ghosts = [];
  losses = [];
  $("plot").setAttribute("hidden", "");
  readAddress(hash);
  $("text").value = text;
  $("verdict").textContent = "";
  if (text) follow(false);
  $("welcome").hidden = Boolean(text);
  if (!text) $("shown").hidden = $("error").hidden = true;
}

$("text").addEventListener("input", () => {
  text = $("text").value;
  $("welcome").hidden = true;
  stop();
  follow(false);
});
$("begin").addEventListener("click", () => go(0));
$("back").addEventListener("click", () => go(Math.min(step, steps()) - 1));
$("play").addEventListener("click", play);
$("forward").addEventListener("click", () => go(step + 1));
$("end").addEventListener("click", () => go(steps()));
$("place").addEventListener("input", () => go(Number($("place").value)));
$("learn").addEventListener("click", learnOnce);
$("run").addEventListener("click", run);
addEventListener("keydown", event => {
  if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = { ArrowRight: step + 1, ArrowLeft: Math.min(step, steps()) - 1, Home: 0, End: steps() };
  if (!(event.key in keys)) return;
  event.preventDefault();
  go(keys[event.key]);
});
addEventListener("resize", place);
addEventListener("hashchange", () => open(location.hash));
for (const [name, expression, rest] of EXAMPLES) {
  const link = document.createElement("a");
  link.href = `#e=${encodeURIComponent(expression)}&${rest}`;
  link.textContent = name;
  const item = document.createElement("li"), code = document.createElement("code");
  code.textContent = expression;
  item.append(link, " ", code);
  $("examples").append(item);
}
open(location.hash || document.body.dataset.start);
