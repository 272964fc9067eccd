// The playground: an expression and its numbers are edited, and the graph follows. All that it shows
// depends on the address behind #, which is the expression, and on the step.

const MOST_BOXES = 40;
const EXAMPLES = [
  ["a line", "(w*x + b - y)**2", "w=0.5&x=2&b=0&y=4&:learn=w,b"],
  ["a neuron", "tanh(w*x + b)", "w=0.5&x=2&b=-0.25&:learn=w,b"],
  ["a value that is used twice", "x*x", "x=3&:learn=x"],
  ["a relu that blocks", "relu(w*x + b)*c", "w=1&x=-2&b=0.5&c=3&:learn=w,b"],
  ["a diamond, which needs the right order", "b = a*3; b*2 + b*5", "a=1&:learn=a"],
  ["the loss of three samples", "((w*1 + b - 2)**2 + (w*2 + b - 4)**2 + (w*3 + b - 6)**2)/3",
    "w=0.5&b=0&:learn=w,b"],
];

let text = "", numbers = {}, learning = new Set();  // what the address says
let first = {};  // the numbers before they were moved

// The address: #expression&name=number&…&:learn=name,name. No name begins with a colon.

const encoded = letters => encodeURIComponent(letters.toWellFormed?.() ?? letters);

function address() {
  const parts = [encoded(text)];
  for (const [name, x] of Object.entries(numbers)) parts.push(`${encoded(name)}=${String(x)}`);
  if (learning.size) parts.push(`:learn=${[...learning].map(encoded).join(",")}`);
  return `#${parts.join("&")}`;
}

// Soon, and not at each change: browsers allow a few in a second.
let soon = null;
function writeAddress() {
  soon ??= setTimeout(() => {
    soon = null;
    if (text.length <= grammar.LONGEST_EXPRESSION) history.replaceState(null, "", address());
  }, 300);
}

function readAddress(hash) {
  const found = Object.create(null), [expression, ...parts] = hash.replace(/^#/, "").split("&");
  let learns = "";
  for (const part of parts) {
    const [key, ...rest] = part.split("=");
    const [name, value] = [key, rest.join("=")].map(decoded);
    if (key === ":learn") learns = rest.join("=");
    else if (name && value.trim() && Number.isFinite(Number(value))) {
      found[name.normalize("NFKC")] = Number(value);
    }
  }
  text = decoded(expression);
  numbers = found;
  learning = new Set(learns.split(",").map(decoded).filter(Boolean));
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// The graph.

const source = {
  isComputing: true,
  isMovable: i => graph.nodes[i].op === "",
  change(changes) {
    for (const [i, x] of changes) {
      if (graph.nodes[i].op === "") numbers[graph.nodes[i].name] = x;
    }
    return readAgain(follow);
  },
  reset() {
    numbers = { ...first };
    readAgain(scene ? follow : present);
  },
  ticked() {
    learning = new Set([...graph.learns].map(i => graph.nodes[i].name));
    writeAddress();
  },
};

// False if the text is refused, or an operation by its numbers; then the graph has nan.
function readAgain(show) {
  writeAddress();
  let nodes;
  const refusals = [];
  try {
    const names = namesIn(text), known = Object.create(null);
    for (const name of names) known[name] = Object.hasOwn(numbers, name) ? numbers[name] : 1;
    numbers = known;
    ({ nodes } = parse(text, numbers, refusals));
  } catch (error) {
    if (!("place" in error)) throw error;
    refuse(error);
    return false;
  }
  const count = nodes.filter(({ op }) => op !== "const").length;
  if (count > MOST_BOXES) {
    refuse({ problem: `the playground draws up to ${MOST_BOXES} boxes, and this has ${count}: `
      + "use tinygrad-neuron draw", place: null });
    return false;
  }
  $("error").hidden = $("welcome").hidden = true;
  $("shown").hidden = $("bar").hidden = false;
  $("shown").classList.remove("stale");
  show(graphOf(nodes));
  learning = new Set([...graph.learns].map(i => graph.nodes[i].name));
  if (refusals.length) sayWhatIsWrong(refusals[0]);
  return !refusals.length;
}

// What parse() gives, with the names that a picture has.
function graphOf(nodes) {
  const output = nodes.length - 1, taken = new Set(nodes.map(({ label }) => label));
  let last = 0;
  const nameOf = ({ op, label, data }) => {
    if (label || op === "const") return label || number(data);
    do last += 1; while (taken.has(`v${last}`));
    return `v${last}`;
  };
  const made = nodes.map((node, i) => {
    const name = nameOf(node), leaf = { "": "input", const: "constant" }[node.op] || "";
    return { ...node, name, short: name, leaf, kind: i === output ? "output" : leaf || "inner",
      isNumber: node.op === "const" && !node.label, derivatives: derivativesOf(node) };
  });
  const learns = made.map((_, i) => i).filter(i => made[i].op === "" && learning.has(made[i].name));
  return { title: made[output].name, nodes: made, neurons: [], opened: [], learns: new Set(learns),
    reaches: graph?.reaches };
}

function derivativesOf({ op, operands }) {
  if (!op.startsWith("**") || operands.length > 1) return op in rules ? rules[op].derivatives : null;
  const n = op.slice(2);
  return [n === "2" ? "2 * a" : `${n} * a ** ${Number(n) - 1}`];
}

// Of a text that is refused: why, beside the graph that was there before.
function refuse(error) {
  pause();
  endCurve();
  sayWhatIsWrong(error);
  $("shown").hidden = $("bar").hidden = !scene;
  $("shown").classList.add("stale");
}

// The sentence, and the part of the text around the place, with a caret under it.
function sayWhatIsWrong({ problem, place }) {
  $("problem").textContent = problem;
  $("error").hidden = false;
  $("excerpt").hidden = place === null;
  if (place === null) return;
  const letters = [...text], from = Math.max(0, place - 30);
  const before = letters.slice(from, place).join(""), after = letters.slice(place, place + 30).join("");
  $("before").textContent = (from ? "…" : "") + before;
  $("after").textContent = after + (place + 30 < letters.length ? "…" : "") || " ";
}

function openAddress(hash) {
  pause();
  endCurve();
  [ghosts, losses, scene, graph] = [[], [], null, null];
  drawCurves();
  say("");
  readAddress(hash);
  $("text").value = text;
  if (text) readAgain(present);
  first = { ...numbers };
  $("welcome").hidden = Boolean(text);
  if (!text) $("shown").hidden = $("bar").hidden = $("error").hidden = true;
}

$("text").addEventListener("input", () => {
  text = $("text").value;
  $("welcome").hidden = true;
  pause();
  endCurve();
  ghosts = [];
  drawCurves();
  say("");
  if (!text.trim()) {
    [scene, graph] = [null, null];
    $("welcome").hidden = false;
    $("error").hidden = $("shown").hidden = $("bar").hidden = true;
  } else if (readAgain(present)) first = { ...numbers };
});
addEventListener("hashchange", () => openAddress(location.hash));
for (const [name, expression, rest] of EXAMPLES) {
  const link = document.createElement("a");
  link.href = `#${encoded(expression)}&${rest}`;
  link.textContent = name;
  const item = document.createElement("li"), code = document.createElement("code");
  code.textContent = expression;
  item.append(link, " ", code);
  $("examples").append(item);
}
openAddress(location.hash || document.body.dataset.start);
