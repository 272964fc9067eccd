// Plays a graph: draws what is in view, steps, follows the step, and shows a value's calculation.
//
//   present(graph)   a graph takes the place of the one before
//   follow(graph)    the same graph with other numbers: the step and the places stay

const $ = id => document.getElementById(id);
const READABLE = 25;  // boxes up to which text is never smaller than 12 pixels
const MOST_TRIED = 60, MOST_ARROWS_TRIED = 150;  // up to which several layouts are tried
const MARGIN = 24, LEAST_ZOOM = 0.005, SMALL = 0.8;
const MOST_PRINTED = 300;  // boxes
const AROUND = 60;  // pixels around the view in which it is drawn, too
const SLACK = 2;  // pixels by which a text may be too wide
const LEAST_FIT = 0.6;  // below which small boxes do not help

let graph = null, scene = null, layout = null, sizes = null, drawing = null;
let opened = new Set();  // the outputs of the neurons that are open
let heardSoon = null;
let step = 0, timer = null, zoom = 1, chosenZoom = null, selectedNode = null;
const frame = $("picture");

function present(next) {
  [graph, opened, chosenZoom, selectedNode] = [next, new Set(next.opened), null, null];
  step = Infinity;
  $("shown").classList.toggle("moves", source.isComputing);
  arrange();
}

function follow(next) {
  graph = next;
  if (next.nodes !== scene.nodes) scene = sceneOf(graph, opened, scene.detail);
  else scene.update();
  if (outgrown()) {
    layout = layered(sizes.boxes, sizes.wires, layout.direction, scene.compact);
    draw();
  } else show(step);
}

// Layout.

// What is above the picture and the sentence below it stay in view, too.
function roomFor() {
  const above = frame.getBoundingClientRect().top + scrollY;
  const below = $("zoom").offsetHeight + $("saying").offsetHeight + $("bar").offsetHeight + 40;
  const height = inNotebook ? 560 : Math.max(160, innerHeight - above - below);
  return { width: frame.clientWidth - 4, height };
}

// From the best to look at to the smallest: with numbers on the arrows, without, with small boxes.
function arrange() {
  if (!scene) step = Infinity;
  const room = roomFor();
  frame.style.maxHeight = `${room.height + 4}px`;
  const directions = room.width < 640 ? ["TB", "LR"] : ["LR", "TB"];
  const full = sceneOf(graph, opened, "numbers");
  const isLarge = full.boxes.length > MOST_TRIED || full.arrows.length > MOST_ARROWS_TRIED;
  let best = null, first = null;
  for (const detail of isLarge ? ["numbers"] : ["numbers", "boxes", "compact"]) {
    const tried = detail === "numbers" ? full : sceneOf(graph, opened, detail);
    for (const direction of isLarge ? directions.slice(0, 1) : directions) {
      const found = laidOut(tried, direction);
      const fit = Math.min(room.width / found.layout.width, room.height / found.layout.height);
      first ??= { ...found, scene: tried, fit };
      if (!best || fit > best.fit) best = { ...found, scene: tried, fit };
      if (fit >= 1) break;
    }
    if (best.fit >= 1) break;
  }
  ({ scene, layout, sizes } = best.fit < LEAST_FIT ? first : best);
  zoom = chosenZoom ?? zoomOfLayout();
  draw();
  showOutput();
}

// A graph that is too large to be seen whole shows its output, or before step 1 its first leaf.
function showOutput() {
  if (step > 0 && step < scene.end) return;
  const { left, right, top, bottom } = extentOfBox(step ? scene.boxes.length - 1 : 0);
  frame.scrollTo({ left: zoom * (left + right) / 2 - frame.clientWidth / (step ? 1.3 : 4),
    top: zoom * (top + bottom) / 2 - frame.clientHeight / 2, behavior: "instant" });
}

const roomsOf = (of, direction) => measured({ nodes: of.boxes.map((_, n) => of.nodeAt(n)),
  wires: of.arrows.map((arrow, n) => of.numbered ? of.wireAt(n) : of.bareWire(n)) }, direction);

function laidOut(of, direction) {
  const size = roomsOf(of, direction);
  return { sizes: size, layout: layered(size.boxes, size.wires, direction, of.compact) };
}

// Whether a text has become too wide for its room. If so, the rooms grow, and the rest stays.
function outgrown() {
  if (scene.boxes.length > MOST_TRIED) return false;
  const now = roomsOf(scene, layout.direction);
  const isWider = kind => now[kind].some(({ width }, n) => width > sizes[kind][n].width + SLACK);
  if (!isWider("boxes") && !isWider("wires")) return false;
  for (const kind of ["boxes", "wires"]) {
    sizes[kind] = sizes[kind].map((size, n) =>
      size.width < now[kind][n].width ? now[kind][n] : size);
  }
  return true;
}

// Drawing.

function draw() {
  const svg = canvas(layout), group = name => {
    const g = document.createElementNS("http://www.w3.org/2000/svg", "g");
    g.setAttribute("id", name);
    svg.append(g);
    return g;
  };
  drawing = { svg, wires: group("wires"), boxes: group("boxes"), drawnBoxes: new Map(),
    drawnWires: new Map(), extents: layout.wires.map(extentOf) };
  drawing.wires.setAttribute("aria-hidden", "true");
  svg.setAttribute("role", "presentation");
  drawing.boxes.setAttribute("role", "list");
  drawing.boxes.setAttribute("aria-label", `Values of the graph of ${graph.title}`);
  frame.replaceChildren(svg);
  setZoom(zoom);
  table.roll(scene.end - 1);
  valueList.roll(scene.boxes.length);
  rollLeaves();
  step = Math.min(step, scene.end);
  comeIntoView();
  show(step);
}

function extentOf({ path, x, y }) {
  const numbers = (path.match(/-?[\d.]+/g) || []).map(Number);
  const [xs, ys] = [numbers.filter((_, i) => i % 2 === 0), numbers.filter((_, i) => i % 2)];
  return { left: Math.min(x, ...xs) - 60, right: Math.max(x, ...xs) + 60,
    top: Math.min(y, ...ys) - 20, bottom: Math.max(y, ...ys) + 20 };
}

const extentOfBox = n => {
  const { x, y } = layout.boxes[n], { width, height } = sizes.boxes[n];
  return { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
};

function setZoom(factor) {
  zoom = Math.min(3, Math.max(LEAST_ZOOM, factor));
  drawing.svg.setAttribute("width", layout.width * zoom);
  drawing.svg.setAttribute("height", layout.height * zoom);
}

// What is in view, and a little around it, is drawn; the rest is not.
function paint(everything = false) {
  const { left: x, top: y } = drawing.svg.getBoundingClientRect(), outer = frame.getBoundingClientRect();
  const around = everything ? Infinity : AROUND;
  const view = { left: (outer.left - x - around) / zoom, right: (outer.right - x + around) / zoom,
    top: (outer.top - y - around) / zoom, bottom: (outer.bottom - y + around) / zoom };
  const isSeen = ({ left, right, top, bottom }) => left < view.right && right > view.left
    && top < view.bottom && bottom > view.top;
  const refresh = (kept, group, count, extent, make, again) => {
    let before = null;
    for (let n = 0; n < count; n++) {
      const one = kept.get(n);
      if (isSeen(extent(n)) || one?.element.contains(document.activeElement)) {
        if (one) one.again(again(n));
        else kept.set(n, make(n));
        const { element } = kept.get(n);
        if (!one) group.insertBefore(element, before ? before.nextSibling : group.firstChild);
        before = element;
      } else if (one) {
        one.element.remove();
        kept.delete(n);
      }
    }
  };
  refresh(drawing.drawnWires, drawing.wires, scene.arrows.length, n => drawing.extents[n],
    n => drawWire(drawing.wires, scene.wireAt(n, step), { ...layout.wires[n],
      line: sizes.wires[n].line }, layout.direction), n => scene.wireAt(n, step));
  refresh(drawing.drawnBoxes, drawing.boxes, scene.boxes.length, extentOfBox, boxNumber,
    n => scene.nodeAt(n, step));
  for (const [n, { element }] of drawing.drawnBoxes) {
    element.classList.toggle("selected", scene.boxes[n] === selectedNode);
  }
  heardSoon ??= setTimeout(() => {  // nobody hears each frame of a drag
    heardSoon = null;
    for (const [n, { border }] of scene ? drawing.drawnBoxes : []) {
      border.setAttribute("aria-label", scene.heard(scene.boxes[n], step));
    }
  }, 100);
}

function boxNumber(n) {
  const made = drawBox(drawing.boxes, scene.nodeAt(n, step),
    { ...layout.boxes[n], width: sizes.boxes[n].width, height: sizes.boxes[n].height });
  made.element.setAttribute("role", "listitem");
  for (const text of made.element.querySelectorAll("text")) text.ariaHidden = "true";
  const border = made.element.querySelector(".border");
  border.setAttribute("role", "button");
  border.setAttribute("tabindex", "0");
  border.setAttribute("aria-label", scene.heard(scene.boxes[n], step));
  return { ...made, border };
}

// Steps.

function show(k) {
  const before = step;
  step = Math.min(scene.end, Math.max(0, k));
  if (step !== before) {
    comeIntoView();
    table.bringIntoView(step - 1);
  }
  paint();
  const told = scene.told(step);
  for (const part of ["phase", "words", "note"]) write($(part), told[part]);
  $("place").max = scene.end;
  $("place").value = step;
  $("place").setAttribute("aria-valuetext", told.words);
  // aria-disabled and not disabled, or a button would lose the focus at the last step.
  for (const id of ["begin", "back"]) $(id).ariaDisabled = step === 0;
  for (const id of ["forward", "end"]) $(id).ariaDisabled = step === scene.end;
  $("predict").ariaDisabled = step >= scene.end - 1;
  write($("legend"), scene.numbered ? "" : scene.compact
    ? "Click an arrow for its numbers. Where it is dotted, nothing flows back."
    : "Wide arrows carry a large gradient: blue is positive, dashed orange negative, dotted grey 0.");
  $("prediction").hidden = true;
  table.refill();
  valueList.refill();
  writeCalculation();
  writeLeaves();
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// The boxes that the step is about are in view; if they are too far apart, the picture shrinks.
function comeIntoView() {
  const about = scene.boxesOf(step).map(extentOfBox);
  if (step > scene.start && step < scene.end) {
    const n = scene.arrows.indexOf(scene.arrowOf(step)), { start } = layout.wires[n];
    if (start) about[0] = { left: start.x - 40, right: start.x + 40, top: start.y - 10,
      bottom: start.y + 10 };  // where the tail's name is repeated
  }
  if (about.length) bringIntoView(about);
  else if (zoom !== (chosenZoom ?? zoomOfLayout())) setZoom(chosenZoom ?? zoomOfLayout());
}

function bringIntoView(about) {
  const wanted = chosenZoom ?? zoomOfLayout();
  const all = { left: Math.min(...about.map(({ left }) => left)),
    right: Math.max(...about.map(({ right }) => right)),
    top: Math.min(...about.map(({ top }) => top)),
    bottom: Math.max(...about.map(({ bottom }) => bottom)) };
  const room = roomFor(), fits = Math.min((room.width - 2 * MARGIN) / (all.right - all.left),
    (room.height - 2 * MARGIN) / (all.bottom - all.top));
  if (zoom !== Math.min(wanted, fits)) setZoom(Math.min(wanted, fits));
  const offset = [drawing.svg, frame].map(each => each.getBoundingClientRect());
  const beyond = (start, end, size) => start < MARGIN ? start - MARGIN
    : end > size - MARGIN ? end - size + MARGIN : 0;
  const [dx, dy] = [offset[0].left - offset[1].left, offset[0].top - offset[1].top];
  const left = beyond(all.left * zoom + dx, all.right * zoom + dx, frame.clientWidth);
  const top = beyond(all.top * zoom + dy, all.bottom * zoom + dy, frame.clientHeight);
  if (left || top) frame.scrollBy({ left, top, behavior: "instant" });
}

function zoomOfLayout() {
  const room = roomFor(), least = scene.boxes.length <= READABLE ? 1 : SMALL;
  const fit = Math.min(room.width / layout.width, room.height / layout.height);
  return fit < least ? 1 : Math.min(1.25, fit);
}

function go(k) {
  if (!scene) return;
  pause();
  stopRunning();
  show(k);
  const sizes = [...scene.boxesOf(step)].map(n => drawing.drawnBoxes.get(n)?.border);
  const isSeen = ({ top, bottom }) => top >= 0 && bottom <= $("bar").getBoundingClientRect().top;
  if (!inNotebook && !sizes.every(border => border && isSeen(border.getBoundingClientRect()))) {
    $("watch").scrollIntoView({ block: "start", behavior: "instant" });
  }
}

function pause() {
  clearTimeout(timer);
  timer = null;
  $("play").textContent = "Play";
  $("saying").setAttribute("aria-live", "polite");
}

function play() {
  if (timer !== null || !scene) return pause();
  stopRunning();
  if (step === scene.end) show(0);
  $("play").textContent = "Pause";
  const pace = () => Number($("speed").value);
  if (pace() > 1) $("saying").setAttribute("aria-live", "off");  // faster than can be read out
  const tick = () => {
    show(step + 1);
    if (step === scene.end) return pause();
    timer = setTimeout(tick, 1000 / pace());
  };
  timer = setTimeout(tick, Math.min(300, 1000 / pace()));
}

// A long list, of which only the rows in view exist.
//   list.roll(count)     so many rows; new ones come into view
//   list.refill()        other texts in the same rows
//   list.bringIntoView(n)
function longList(list, height, make, fill) {
  const all = list.querySelector(".all"), rows = new Map();
  let count = 0;
  const refill = () => rows.forEach((row, n) => fill(n, row));
  const roll = (now = count) => {
    if (!scene) return;
    if (now !== count) all.style.height = `${now * height}px`;
    count = now;
    const first = Math.floor(list.scrollTop / height) - 4;
    const last = Math.ceil((list.scrollTop + list.clientHeight) / height) + 4;
    for (const [n, row] of rows) {
      const isFar = n < first || n > last;
      if (n >= count || (isFar && !row.contains(document.activeElement))) {
        row.remove();
        rows.delete(n);
      }
    }
    for (let n = Math.max(0, first); n <= Math.min(last, count - 1); n++) {
      if (rows.has(n)) continue;
      const row = make(n), after = [...rows.keys()].filter(other => other > n);
      row.style.top = `${n * height}px`;
      [row.ariaPosInSet, row.ariaSetSize] = [n + 1, count];
      row.setAttribute("role", "listitem");
      all.insertBefore(row, after.length ? rows.get(Math.min(...after)) : null);
      rows.set(n, row);
    }
    refill();
  };
  const bringIntoView = n => {
    const above = n * height - list.scrollTop;
    if (n >= 0 && (above < 0 || above > list.clientHeight - height)) {
      list.scrollTop = (n - 1) * height;
    }
  };
  list.addEventListener("scroll", () => roll());
  new ResizeObserver(() => roll()).observe(list);
  return { roll, refill, bringIntoView };
}

const table = longList($("list"), 32, n => {
  const row = document.createElement("button");
  row.onclick = () => go(n + 1);
  return row;
}, (n, row) => {  // what is still to come has no numbers
  write(row, `${n + 1}   ${n < step ? scene.told(n + 1).words : scene.brief(n + 1)}`);
  if (n + 1 === step) row.setAttribute("aria-current", "step");
  else row.removeAttribute("aria-current");
});

const valueList = longList($("values-list"), 32, n => {
  const row = document.createElement("button");
  row.onclick = () => {
    bringIntoView([extentOfBox(n)]);
    select(scene.boxes[n]);
  };
  return row;
}, (n, row) => write(row, scene.heard(scene.boxes[n], step)));

// The calculation of a value.

function select(i) {
  selectedNode = selectedNode === i ? null : i;
  paint();
  writeCalculation();
  if (selectedNode !== null && !inNotebook) {
    $("calculation").scrollIntoView({ block: "nearest", behavior: "instant" });
  }
}

function dismiss() {
  const box = drawing.drawnBoxes.get(scene.boxes.indexOf(selectedNode));
  select(selectedNode);
  box?.border.focus({ preventScroll: true });
}

function lineOf({ step: when, text }, tag = "li") {
  const line = document.createElement(tag), button = document.createElement("button");
  button.textContent = text;
  button.className = "line";
  button.onclick = () => go(when);
  line.append(button);
  return line;
}

function writeCalculation() {
  const i = selectedNode, isShown = i !== null && scene.boxes.includes(i);
  $("calculation").hidden = !isShown;
  if (!isShown) return;
  const { title, forward, lines, total } = scene.calculation(i);
  const focused = [...$("calculation").querySelectorAll("button")].indexOf(document.activeElement);
  $("what").textContent = title;
  $("how").replaceChildren(lineOf(forward, "p"));
  $("came").replaceChildren(...lines.map(line => lineOf(line)));
  $("total").textContent = total;
  const neuron = graph.neurons.find(({ output }) => output === i);
  $("close-neuron").hidden = !neuron || !opened.has(i);
  if (focused >= 0) $("calculation").querySelectorAll("button")[focused]?.focus();
}

function openNeuron(i, isOpen) {
  pause();
  opened[isOpen ? "add" : "delete"](i);
  [step, chosenZoom] = [Infinity, null];
  arrange();
  const n = scene.boxes.indexOf(i), { left, top } = extentOfBox(n);
  frame.scrollTo({ left: left * zoom - frame.clientWidth / 2,
    top: top * zoom - frame.clientHeight / 2, behavior: "instant" });
  paint();
  drawing.drawnBoxes.get(n)?.element.querySelector(".border").focus({ preventScroll: true });
}

function press(element) {
  const box = element.closest(".node"), wire = element.closest(".edge");
  if (box) {
    const i = Number(box.id.slice("node-".length));
    if (scene.closed.has(i)) {
      openNeuron(i, true);
      selectedNode = null;
    }
    select(i);
  } else if (wire) {
    go(scene.arrows[Number(wire.id.slice("arrow-".length))].back);
  }
}

// Predictions.

function ask() {
  if (!scene) return;
  pause();
  stopRunning();
  if (step >= scene.end - 1) return;
  const change = scene.arrowOf(step + 1), from = change ? `, from ${number(change.before)}` : "";
  $("question").textContent = `${scene.brief(step + 1)}${from}: what is it?`;
  $("guess").value = "";
  $("prediction").hidden = false;
  $("guess").focus();
  $("prediction").scrollIntoView({ block: "nearest", behavior: "instant" });
}

function reveal(event) {
  event.preventDefault();
  const right = scene.answer(step + 1), guess = read($("guess").value);
  show(step + 1);
  const close = Math.abs(guess - right) <= 0.01 * Math.abs(right) || number(guess) === number(right);
  const verdict = Number.isNaN(guess) ? `It is ${number(right)}.`
    : close ? `Right: ${number(right)}.` : `Not ${number(guess)}: it is ${number(right)}.`;
  $("note").textContent = `${verdict} ${$("note").textContent}`;
  $("predict").focus();
}

// What people do.

frame.addEventListener("scroll", () => scene && paint());
frame.addEventListener("pointerover", ({ target }) => {  // exact numbers, when somebody points there
  const one = target.closest(".node, .edge");
  if (!one) return;
  const kind = one.matches(".node") ? "node-" : "arrow-", n = Number(one.id.slice(kind.length));
  const title = one.querySelector("title") || document.createElementNS(one.namespaceURI, "title");
  write(title, kind === "node-" ? scene.exactly(n) : scene.exactlyOfArrow(n));
  one.prepend(title);
});
frame.addEventListener("click", ({ target }) => {
  if (!dragged && scene) press(target);
  dragged = false;
});
frame.addEventListener("keydown", event => {
  if (event.key !== "Enter" && event.key !== " " || event.target === frame) return;
  event.preventDefault();
  event.stopPropagation();
  press(event.target);
});

// With a mouse, a leaf is dragged in the picture.
let dragged = false;
frame.addEventListener("pointerdown", down => {
  dragged = false;
  const box = down.target.closest(".leaf");
  if (down.pointerType === "touch" || down.button || !box || !canChange()) return;
  const i = Number(box.id.slice("node-".length)), { data } = graph.nodes[i];
  if (!source.isMovable(i)) return;
  const start = Number.isFinite(data) ? data : 0, unit = reach(i) / 150;
  const onMove = event => {
    const distance = event.clientX - down.clientX;
    dragged ||= Math.abs(distance) > 3;
    if (dragged) move(i, start + distance * unit);
  };
  const onEnd = () => {
    removeEventListener("pointermove", onMove);
    removeEventListener("pointerup", onEnd);
    removeEventListener("pointercancel", onEnd);
  };
  down.preventDefault();
  addEventListener("pointermove", onMove);
  addEventListener("pointerup", onEnd);
  addEventListener("pointercancel", onEnd);
});

$("begin").onclick = () => go(0);
$("back").onclick = () => go(step - 1);
$("forward").onclick = () => go(step + 1);
$("end").onclick = () => go(Infinity);
$("play").onclick = play;
$("place").oninput = () => go($("place").valueAsNumber);
$("predict").onclick = ask;
$("prediction").onsubmit = reveal;
for (const [id, factor] of [["larger", 1.25], ["smaller", 0.8]]) {
  $(id).onclick = () => {
    if (!scene) return;
    setZoom(chosenZoom = zoom * factor);
    paint();
  };
}
$("dismiss").onclick = dismiss;
$("close-neuron").onclick = () => openNeuron(selectedNode, false);

addEventListener("keydown", event => {
  const { target, key } = event;
  if (key === "Escape") {
    $("prediction").hidden = true;
    if (scene && selectedNode !== null) dismiss();
  }
  const typing = target.matches("input[type=text], input[type=number], select");
  if (!scene || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const actions = { p: ask, P: ask };
  if (!target.matches("input")) {
    Object.assign(actions, { ArrowRight: () => go(step + 1), ArrowLeft: () => go(step - 1),
      Home: () => go(0), End: () => go(Infinity) });
  }
  if (!target.matches("button, summary, input")) actions[" "] = play;
  if (actions[key]) {
    event.preventDefault();
    actions[key]();
  }
});

let lastWidth = innerWidth, resized = null;
addEventListener("resize", () => {
  if (inNotebook && innerWidth === lastWidth) return;
  lastWidth = innerWidth;
  clearTimeout(resized);
  resized = setTimeout(() => scene && arrange(), 100);
});
addEventListener("beforeprint", () => {
  if (!scene || scene.boxes.length > MOST_PRINTED) return;
  paint(true);
  frame.style.maxHeight = "none";
  drawing.svg.setAttribute("width", layout.width);
  drawing.svg.removeAttribute("height");
});
addEventListener("afterprint", () => scene && arrange());
