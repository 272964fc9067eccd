"use strict";
// Draws a scene, which scene.py describes, as SVG. layout.js says where its boxes and arrows go.
//
//   const sizes = measured(scene, direction);  // { boxes, wires }, as layered() wants them
//   const svg = drawn(scene, layered(sizes.boxes, sizes.wires, direction));
//
// How to find the pieces, of a box with the id node-1 and of an arrow with the id arrow-1:
//   #node-1              <g class="node input">; the classes are its kind, its mark ("off",
//                        "broken") and "lit-forward" or "lit-back". data-kind is its kind
//   #node-1 .border      its rectangle; a parameter has two
//   #node-1 text         its lines; data-line is 0, 1 or 2
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

const { measured, drawn } = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif";
  const SIZES = [11, 15, 13];  // of a box's lines; a text alone and an arrow's have the first
  const PAD = 6, LINE = 1.2, AIR = 2, LEAST_WIDTH = 54, DOUBLE = 4;
  const BACKWARDS = { LR: "← ", TB: "↑ " };  // where gradients flow

  const LIGHT = `--paper: #ffffff; --ink: #1d2329; --soft: #59636c; --line: #5c666f;
    --back: #6d28d9; --positive: #1f5fa8; --negative: #a84a17; --broken: #c62828;
    --parameter: #ffeccc; --parameter-border: #8a5a00; --input: #e3effc; --input-border: #2567ad;
    --constant: #f1f1f1; --output: #e0f4d9; --output-border: #2b7a2f; --off: #e4e6e8;`;
  const DARK = `--paper: #15191d; --ink: #e8eaec; --soft: #a9b3bc; --line: #98a3ad;
    --back: #c4a7ff; --positive: #79b8ff; --negative: #f2a36b; --broken: #ff8a80;
    --parameter: #43320f; --parameter-border: #e0b060; --input: #17324d; --input-border: #7db4ee;
    --constant: #2a3036; --output: #1c3a1c; --output-border: #7fce83; --off: #31373d;`;
  const STYLE = `
    .computation-graph { ${LIGHT} }
    @media screen and (prefers-color-scheme: dark) { .computation-graph { ${DARK} } }
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
    .computation-graph .omitted .border { display: none; }
    .computation-graph .off { --fill: var(--off); }
    .computation-graph .off .border, .computation-graph .again .border { stroke-dasharray: 1 3; }
    .computation-graph .broken { --stroke: var(--broken); }
    .computation-graph .broken .border { stroke-width: 3; }
    .computation-graph .zero .line { stroke-dasharray: 1 4; }
    .computation-graph .omitted { --stroke: var(--soft); }
    .computation-graph .omitted .head { display: none; }
    .computation-graph .positive { --stroke: var(--positive); }
    .computation-graph .negative { --stroke: var(--negative); }
    .computation-graph .negative .line { stroke-dasharray: 5 2; }
    .computation-graph .lit-forward { --stroke: var(--ink); --width: 2.5; }
    .computation-graph .lit-back { --stroke: var(--back); --width: 2.5; }
    .computation-graph :is(.lit-forward, .lit-back) .border { stroke-width: 3; }
    .computation-graph :is(.lit-forward, .lit-back) .head { stroke: var(--stroke); }
    .computation-graph [data-style=soft], .computation-graph [data-style=old] { fill: var(--soft); }
    .computation-graph [data-style=old] { font-style: italic; }
    .computation-graph [data-style=bold] { font-weight: bold; }
    .computation-graph [data-style=back] { fill: var(--back); }
    .computation-graph .unseen { visibility: hidden; }`;

  // Sizes.

  const brush = document.createElement("canvas").getContext("2d");

  function widthOf(line, size) {
    return line.reduce((sum, { text, style }) => {
      const look = { old: "italic", bold: "bold" }[style] || "";
      brush.font = `${look} ${size}px ${FONT}`;
      return sum + brush.measureText(text).width;
    }, 0);
  }

  const sizeOf = (lines, i) => lines.length > 1 ? SIZES[Math.min(i, 2)] : SIZES[0];
  const frameOf = kind => kind === "parameter" ? DOUBLE : 0;

  function boxSize({ id, kind, lines }) {
    const frame = 2 * frameOf(kind);
    const width = Math.max(...lines.map((line, i) => widthOf(line, sizeOf(lines, i))));
    const height = lines.reduce((sum, _, i) => sum + LINE * sizeOf(lines, i) + AIR, PAD + frame);
    return { id, width: Math.max(LEAST_WIDTH, width + 2 * PAD) + frame, height };
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

  function group(parent, id, tooltip, classes, data) {
    const element = made(parent, "g", { id, class: classes.filter(Boolean).join(" "), ...data });
    if (tooltip) made(element, "title", {}, tooltip);
    return element;
  }

  function write(parent, line, attributes) {
    const text = made(parent, "text", attributes);
    for (const piece of line) {
      made(text, "tspan", { class: piece.shown ? "" : "unseen", "data-style": piece.style,
        "data-what": piece.what, "data-step": piece.step }, piece.text);
    }
  }

  function drawBox(parent, node, { x, y }) {
    const { width, height } = boxSize(node), frame = frameOf(node.kind);
    const g = group(parent, node.id, node.tooltip,
      ["node", node.kind, node.mark, node.lit && `lit-${node.lit}`], { "data-kind": node.kind });
    const [left, top] = [x - width / 2, y - height / 2];
    for (const inset of frame ? [0, frame] : [0]) {
      made(g, "rect", { class: "border", x: left + inset, y: top + inset,
        width: width - 2 * inset, height: height - 2 * inset, rx: node.kind === "input" ? 12 : 0 });
    }
    let below = top + frame + PAD / 2;
    node.lines.forEach((line, i) => {
      const size = sizeOf(node.lines, i);
      write(g, line, { x: left + frame + PAD, y: below + AIR / 2 + 0.96 * size, "data-line": i,
        style: `font-size: ${size}px` });
      below += LINE * size + AIR;
    });
  }

  function drawWire(parent, wire, { x, y, path, tip }, direction) {
    const upright = direction === "TB";
    const g = group(parent, wire.id, wire.tooltip,
      ["edge", wire.look, wire.lit && `lit-${wire.lit}`],
      { "data-tail": wire.tail, "data-head": wire.head });
    const style = wire.width === 1 ? {} : { style: `--width: ${wire.width}` };
    made(g, "path", { class: "line", d: path, ...style });
    made(g, "path", { class: "head", d: `M${tip}${upright ? "l-2.6,-7h5.2z" : "l-7,-2.6v5.2z"}` });
    const { line } = wireSize(wire, upright);
    const places = upright
      ? [{ x: x + line - 4, y: y + 4, "text-anchor": "end" }, { x: x + line + 4, y: y + 4 }]
      : [-4.5, 12.5].map(under => ({ x, y: y + line + under, "text-anchor": "middle" }));
    const arrow = { text: BACKWARDS[direction] };
    const below = wire.below.map((piece, i) => i ? piece : { ...piece, ...arrow });
    if (wire.above.length) write(g, wire.above, { class: "above", ...places[0] });
    if (below.length) write(g, below, { class: "below", ...places[1] });
  }

  // What a box says, for people who do not see the picture.
  function facts({ lines }) {
    const texts = lines.map(line => line.map(({ shown, text }) => shown ? text : "").join(""));
    return texts.filter(Boolean).join("; ");
  }

  function inLines(note, width) {
    const lines = [""];
    for (const word of note.split(" ")) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (widthOf([{ text: longer }], SIZES[0]) > width) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  }

  function drawn(scene, layout) {
    const width = Math.max(layout.width, scene.notes.length ? 300 : 0);
    const notes = scene.notes.flatMap(note => inLines(note, width - 8));
    const height = layout.height + 14 * notes.length + (notes.length ? 6 : 0);
    const svg = made(document.createDocumentFragment(), "svg", { class: "computation-graph",
      role: "img", width, height, viewBox: `0 0 ${width} ${height}` });
    made(svg, "title", {}, scene.title);
    made(svg, "desc", {}, scene.nodes.map(facts).join("\n"));
    made(svg, "style", {}, STYLE);
    scene.wires.forEach((wire, i) => drawWire(svg, wire, layout.wires[i], layout.direction));
    scene.nodes.forEach((node, i) => drawBox(svg, node, layout.boxes[i]));
    notes.forEach((text, i) => {
      const piece = { text, style: "soft", what: "word", step: 0, shown: true };
      write(svg, [piece], { class: "note", x: 4, y: layout.height + 14 * (i + 1) });
    });
    return svg;
  }

  return { measured, drawn };
})();
