"use strict";
// Draws boxes and arrows, of the shapes that scene.py describes, as SVG. layout.js says where they go.
//
//   measured({ nodes, wires }, direction)      their sizes, { boxes, wires }, as layered() wants them
//   canvas(layout)                             an empty picture
//   drawBox(parent, node, place)               { element, again }; again(node) writes what changed
//   drawWire(parent, wire, place, direction)   the same of an arrow
//
// How to find the pieces, of a box with the id node-1 and of an arrow with the id arrow-1:
//   #node-1              <g class="node input">; the classes are its kind, its mark ("off",
//                        "broken") and "lit-forward" or "lit-back". data-kind is its kind
//   #node-1 .border      its rectangle; a parameter has two
//   #node-1 text         its lines
//   #arrow-1             <g class="edge plain">; the classes are its look and "lit-forward" or
//                        "lit-back". data-tail and data-head are the ids of its boxes
//   #arrow-1 .line       its line from the one border to the other
//   #arrow-1 .head       its head
//   #arrow-1 .above      the text above the line, or left of it from top to bottom
//   #arrow-1 .below      the text below the line, or right of it
//   tspan                a piece of a text, with data-style, data-what ("word", "data" or "grad")
//                        and data-step. A piece that is not shown has the class "unseen"
// To light up a box or an arrow, add its class. To write another number, set a tspan's textContent;
// the room stays as large as the scene's text needed.
//
// The colours are CSS variables. A page sets others in a rule for `svg.computation-graph`.

const { measured, canvas, drawBox, drawWire } = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif";
  const SIZES = [12, 15, 13];  // of a box's lines; a text alone and an arrow's have the first
  const COMPACT = [12, 12, 12];
  const PAD = 6, LINE = 1.2, AIR = 2, LEAST_WIDTH = 54, DOUBLE = 4;
  const STEADY = "−8.888";  // the least room of a number, so that boxes stay where they are
  const BACKWARDS = { LR: "← ", TB: "↑ " };  // where gradients flow

  const COLOURS = `--paper: light-dark(#ffffff, #15191d); --ink: light-dark(#1d2329, #e8eaec);
    --soft: light-dark(#59636c, #a9b3bc); --line: light-dark(#5c666f, #98a3ad);
    --back: light-dark(#6d28d9, #c4a7ff); --broken: light-dark(#c62828, #ff8a80);
    --positive: light-dark(#1f5fa8, #79b8ff); --negative: light-dark(#a84a17, #f2a36b);
    --parameter: light-dark(#ffeccc, #43320f); --parameter-border: light-dark(#8a5a00, #e0b060);
    --input: light-dark(#e3effc, #17324d); --input-border: light-dark(#2567ad, #7db4ee);
    --constant: light-dark(#f1f1f1, #2a3036); --off: light-dark(#e4e6e8, #31373d);
    --output: light-dark(#e0f4d9, #1c3a1c); --output-border: light-dark(#2b7a2f, #7fce83);`;
  const STYLE = `
    .computation-graph { ${COLOURS} }
    .computation-graph text {
      font-family: ${FONT}; font-size: ${SIZES[0]}px; fill: var(--ink); white-space: pre;
    }
    .computation-graph .border {
      fill: var(--fill, var(--paper)); stroke: var(--stroke, var(--line));
    }
    .computation-graph .line {
      fill: none; stroke: var(--stroke, var(--line)); stroke-width: var(--width, 1);
    }
    .computation-graph .head { fill: var(--stroke, var(--line)); }
    .computation-graph .parameter { --fill: var(--parameter); --stroke: var(--parameter-border); }
    .computation-graph .input { --fill: var(--input); --stroke: var(--input-border); }
    .computation-graph .constant { --fill: var(--constant); }
    .computation-graph .constant .border { stroke-dasharray: 5 2; }
    .computation-graph .output { --fill: var(--output); --stroke: var(--output-border); }
    .computation-graph .output .border { stroke-width: 2.5; }
    .computation-graph .off { --fill: var(--off); }
    .computation-graph .off .border, .computation-graph .again .border { stroke-dasharray: 1 3; }
    .computation-graph .broken { --stroke: var(--broken); }
    .computation-graph .broken .border { stroke-width: 3; }
    .computation-graph .zero .line { stroke-dasharray: 1 4; }
    .computation-graph .positive { --stroke: var(--positive); }
    .computation-graph .negative { --stroke: var(--negative); }
    .computation-graph .negative .line { stroke-dasharray: 5 2; }
    .computation-graph :is(.lit-forward, .lit-gives) { --stroke: var(--ink); --width: 2.5; }
    .computation-graph .lit-back { --stroke: var(--back); --width: 2.5; }
    .computation-graph :is(.lit-forward, .lit-gives) .border { stroke-width: 2.5; }
    .computation-graph .lit-back .border { stroke-width: 4; }
    .computation-graph :is(.lit-forward, .lit-back) .head { stroke: var(--stroke); }
    .computation-graph .closed .border { stroke-width: 2; rx: 3px; }
    .computation-graph .again { fill: var(--soft); }
    .computation-graph [data-style=soft] { fill: var(--soft); }
    .computation-graph [data-style=bold] { font-weight: bold; }
    .computation-graph [data-style=back] { fill: var(--back); }
    .computation-graph .unseen { visibility: hidden; }`;

  // Sizes.

  const brush = document.createElement("canvas").getContext("2d");

  const known = new Map();  // widths of texts

  function widthOfText(text, look) {
    const key = look + text;
    if (!known.has(key)) {
      brush.font = look;
      known.set(key, brush.measureText(text).width);
    }
    return known.get(key);
  }

  // A number is measured letter by letter, because there are too many to keep. `room` has other
  // texts that come to stand in its place.
  function widthOf(line, size) {
    return line.reduce((sum, { text, style, what, room = [] }) => {
      const look = `${style === "bold" ? "bold " : ""}${size}px ${FONT}`;
      if (what === "word") return sum + widthOfText(text, look);
      const widths = [text, ...room].map(each =>
        [...each].reduce((width, letter) => width + widthOfText(letter, look), 0));
      return sum + Math.max(widthOfText(STEADY, look), ...widths);
    }, 0);
  }

  const sizesOf = compact => compact ? COMPACT : SIZES;
  const sizeOf = (lines, i, compact) => sizesOf(compact)[lines.length > 1 ? Math.min(i, 2) : 0];
  const frameOf = kind => kind === "parameter" ? DOUBLE : 0;

  function boxSize({ id, kind, lines, compact }) {
    const frame = 2 * frameOf(kind), pad = compact ? PAD - 3 : PAD;
    const width = Math.max(...lines.map((line, i) => widthOf(line, sizeOf(lines, i, compact))));
    const height = lines.reduce((sum, _, i) => sum + LINE * sizeOf(lines, i, compact) + AIR,
      PAD + frame);
    return { id, width: Math.max(compact ? 0 : LEAST_WIDTH, width + 2 * pad) + frame, height };
  }

  // From top to bottom the texts stand left and right of the line, which is then off the centre.
  function wireSize({ tail, head, above, below }, upright) {
    const wide = [above, below].map(line => line.length ? widthOf(line, SIZES[0]) + 8 : 0);
    const tall = [above, below].map(line => line.length ? LINE * SIZES[0] + AIR : 0);
    const [beside, other] = upright ? [wide, tall] : [tall, wide];
    const room = beside[0] + beside[1], most = Math.max(...other);
    const [width, height] = upright ? [room, most] : [most, room];
    return { tail, head, width, height, line: (beside[0] - beside[1]) / 2 };
  }

  function measured(scene, direction) {
    return {
      boxes: scene.nodes.map(boxSize),
      wires: scene.wires.map(wire => wireSize(wire, direction === "TB")),
    };
  }

  // Drawing.

  function made(parent, name, attributes = {}, text = "") {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    parent.append(element);
    return element;
  }

  function set(element, key, value) {
    if (element.getAttribute(key) !== value) element.setAttribute(key, value);
  }

  function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function setPieces(text, line) {
    while (text.children.length > line.length) text.lastChild.remove();
    line.forEach((piece, i) => {
      const span = text.children[i] || made(text, "tspan");
      set(span, "class", piece.shown ? "" : "unseen");
      set(span, "data-style", piece.style);
      set(span, "data-what", piece.what);
      set(span, "data-step", String(piece.step));
      setText(span, piece.text);
    });
  }

  const classes = names => names.filter(Boolean).join(" ");

  // A box at its place; `again` writes what has changed since.
  function drawBox(parent, node, { x, y, width, height }) {
    const frame = frameOf(node.kind), pad = node.compact ? PAD - 3 : PAD;
    const g = made(parent, "g", { id: node.id, "data-kind": node.kind });
    const [left, top] = [x - width / 2, y - height / 2];
    for (const inset of frame ? [0, frame] : [0]) {
      made(g, "rect", { class: "border", x: left + inset, y: top + inset,
        width: width - 2 * inset, height: height - 2 * inset, rx: node.kind === "input" ? 12 : 0 });
    }
    let below = top + frame + PAD / 2;
    const texts = node.lines.map((_, i) => {
      const size = sizeOf(node.lines, i, node.compact), base = below + AIR / 2 + 0.96 * size;
      below += LINE * size + AIR;
      return made(g, "text", { x: left + frame + pad, y: base,
        style: `font-size: ${size}px` });
    });
    const again = now => {
      set(g, "class", classes(["node", now.kind, now.mark, now.lit && `lit-${now.lit}`,
        ...now.classes || []]));
      now.lines.forEach((line, i) => setPieces(texts[i], line));
    };
    again(node);
    return { element: g, again };
  }

  function drawWire(parent, wire, { x, y, path, tip, start }, direction) {
    const upright = direction === "TB", { line } = wireSize(wire, upright);
    const g = made(parent, "g", { id: wire.id, "data-tail": wire.tail, "data-head": wire.head });
    const stroke = made(g, "path", { class: "line", d: path });
    made(g, "path", { class: "head", d: `M${tip}${upright ? "l-2.6,-7h5.2z" : "l-7,-2.6v5.2z"}` });
    if (start) {
      made(g, "text", { class: "again", x: start.x, y: start.y + 4, "text-anchor": "middle" },
        wire.again);
    }
    const places = upright
      ? [{ x: x + line - 4, y: y + 4, "text-anchor": "end" }, { x: x + line + 4, y: y + 4 }]
      : [-4.5, 12.5].map(under => ({ x, y: y + line + under, "text-anchor": "middle" }));
    const texts = ["above", "below"].map((side, i) =>
      wire[side].length ? made(g, "text", { class: side, ...places[i] }) : null);
    const arrow = { text: BACKWARDS[direction] };
    const again = now => {
      set(g, "class", classes(["edge", now.look, now.lit && `lit-${now.lit}`]));
      set(stroke, "style", now.width === 1 ? "" : `--width: ${now.width}`);
      const below = now.below.map((piece, i) => i ? piece : { ...piece, ...arrow });
      [now.above, below].forEach((pieces, i) => texts[i] && setPieces(texts[i], pieces));
    };
    again(wire);
    return { element: g, again };
  }

  // An empty picture of a layout.
  function canvas({ width, height }) {
    const svg = document.createElementNS(SVG, "svg");
    const attributes = { class: "computation-graph", width, height,
      viewBox: `0 0 ${width} ${height}` };
    for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
    made(svg, "style", {}, STYLE);
    return svg;
  }

  return { measured, canvas, drawBox, drawWire };
})();
