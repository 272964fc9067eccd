"use strict";
// Where the boxes and the arrows of a picture go. Boxes stand in ranks, and each arrow's numbers
// stand in a rank between them, so the line runs straight through its numbers.
//
// layered(boxes, wires, direction) returns { direction, width, height, boxes, wires }.
//   boxes      [{ id, width, height }], operands before what uses them
//   wires      [{ tail, head, width, height, line }]; tail and head are ids, and width and height
//              are the room of the numbers, or 0. The line passes `line` off the room's centre.
//   direction  "LR" from left to right, or "TB" from top to bottom
//   compact    whether boxes stand nearer to each other
// In the result a box is { x, y }, its centre. A wire is { x, y, path, tip, start }: the centre of
// its numbers, the line as SVG path data, and the tip [x, y] of its arrow head. The line ends inside
// the head, because a wide line would show beside the tip. In a large graph a long line is cut: it
// begins near its head, at `start`, where the name of its tail can stand; else that is null.
//
// In names, "along" means in the direction of the arrows, and "across" at a right angle to it. The
// steps are those of Sugiyama's method: layers, the order within each layer, and then the places.

const { layered } = (() => {
  const MARGIN = 4;  // around the whole picture
  const HEAD = 10;  // the straight piece in front of a box, for the arrow head
  const LEAST_GAP = 8, BARE_GAP = 30, COMPACT_GAP = 14, COMPACT_APART = 4;  // between ranks, with numbers between boxes and without
  const APART = { box: 13, numbers: 5, bend: 7, name: 4 };  // across, on each side
  const SWEEPS = 24, ROUNDS = 600;
  const CAREFUL = 400, BROAD = 60;  // nodes, and in a layer, up to which all means are tried
  const HASTY_SWEEPS = 8, MOST_BENDS = 1500, LONGEST = 4, NAME = [60, 14];

  const most = (all, of) => all.reduce((found, each) => Math.max(found, of(each)), -Infinity);
  const least = (all, of) => -most(all, each => -of(each));

  function layered(boxes, wires, direction, compact = false) {
    const numbered = wires.some(wire => wire.width || wire.height);
    const graph = inLayers(boxes, wires, numbered ? 2 : 1, direction === "LR");
    order(graph);
    spreadPorts(graph);
    placeAcross(graph, compact ? { ...APART, box: COMPACT_APART } : APART);
    placeAlong(graph, numbered ? LEAST_GAP : compact ? COMPACT_GAP : BARE_GAP);
    return result(graph, direction === "LR");
  }

  // Ranks, the first one 0. Every box is as near to its users as it can be.

  function ranksOf(boxes, wires) {
    const rank = new Map(boxes.map(({ id }) => [id, 0]));
    const into = new Map(boxes.map(({ id }) => [id, []]));
    const from = new Map(boxes.map(({ id }) => [id, []]));
    for (const wire of wires) {
      into.get(wire.head).push(wire.tail);
      from.get(wire.tail).push(wire.head);
    }
    const latest = id => Math.min(...from.get(id).map(head => rank.get(head) - 1));
    const settle = () => {  // in most graphs one round is enough, because users come last
      for (let moved = true; moved;) {
        moved = false;
        for (const { id } of [...boxes].reverse()) {
          const most = from.get(id).length ? latest(id) : 0;
          if (rank.get(id) > most) { rank.set(id, most); moved = true; }
        }
      }
    };
    settle();
    // A box with more shared operands than users moves towards them, and its own leaves follow.
    for (const { id } of boxes) {
      const isShared = tail => into.get(tail).length || from.get(tail).length > 1;
      const shared = into.get(id).filter(isShared);
      const earliest = Math.max(...shared.map(tail => rank.get(tail) + 1));
      if (shared.length > from.get(id).length && earliest < rank.get(id)) {
        rank.set(id, earliest);
        for (const tail of into.get(id)) if (!isShared(tail)) rank.set(tail, earliest - 1);
      }
    }
    for (const { id } of [...boxes].reverse()) {  // shared leaves follow, too
      if (!into.get(id).length && from.get(id).length) rank.set(id, latest(id));
    }
    const first = least([...rank.values()], at => at);
    return new Map([...rank].map(([id, at]) => [id, at - first]));
  }

  // Nodes are boxes, numbers, and bends where a line passes a rank. `low` and `high` are their room
  // across on both sides of the line, and `half` is half their room along.

  function inLayers(boxes, wires, step, across) {
    const rank = ranksOf(boxes, wires), nodes = new Map(), links = [];
    const node = (kind, layer, width, height, line = 0) => {
      const [along, room] = across ? [width, height] : [height, width];
      const [low, high] = [room / 2 + line, room / 2 - line];
      return { kind, layer, half: along / 2, low, high, before: [], after: [], at: 0 };
    };
    for (const box of boxes) {
      nodes.set(box.id, node("box", step * rank.get(box.id), box.width, box.height));
    }
    const link = (from, to, wire) => {
      const made = { from, to, wire, out: 0, into: 0, rigid: false };
      from.after.push(made);
      to.before.push(made);
      links.push(made);
    };
    const span = ({ tail, head }) => rank.get(head) - rank.get(tail);
    const isLarge = wires.reduce((sum, wire) => sum + span(wire), 0) > MOST_BENDS;
    const chains = wires.map((wire, w) => {
      const head = nodes.get(wire.head), isCut = isLarge && span(wire) > LONGEST;
      const tail = isCut ? node("name", head.layer - step, ...NAME) : nodes.get(wire.tail);
      const chain = [tail];
      for (let layer = tail.layer + 1; layer < head.layer; layer++) {
        const numbers = layer === head.layer - 1 && (wire.width || wire.height);
        chain.push(numbers ? node("numbers", layer, wire.width, wire.height, wire.line)
          : node("bend", layer, 0, 0));
      }
      chain.push(head);
      chain.slice(1).forEach((to, i) => link(chain[i], to, w));
      return chain;
    });
    // Depth first from the output, operands in order: without shared values nothing crosses.
    const last = most([...nodes.values()], ({ layer }) => layer);
    const layers = Array.from({ length: last + 1 }, () => []);
    const waiting = [...nodes.values()].filter(at => !at.after.length), seen = new Set();
    while (waiting.length) {
      const at = waiting.pop();
      if (seen.has(at)) continue;
      seen.add(at);
      layers[at.layer].push(at);
      for (const { from } of [...at.before].reverse()) waiting.push(from);
    }
    return { nodes, links, layers, chains, isLarge: seen.size > CAREFUL || most(layers, layer => layer.length) > BROAD };
  }

  // The order in each layer: medians of the neighbours, and swaps of two that stand side by side.

  const median = places => (places[(places.length - 1) >> 1] + places[places.length >> 1]) / 2;

  function neighbours(node, side) {  // their places
    const end = side === "before" ? "from" : "to", links = node[side];
    if (links.length === 1) return [links[0][end].place];
    return links.map(link => link[end].place).sort((a, b) => a - b);
  }

  const number = layer => layer.forEach((node, i) => { node.place = i; });

  function crossingsOf(one, other) {  // of two lists of places, if one stands before the other
    let count = 0;
    for (const a of one) for (const b of other) if (a > b) count++;
    return count;
  }

  // A tree of sums (Fenwick's): of the ends so far, how many stand after the new one.
  function crossingsAfter(layer) {
    const ends = layer.flatMap(node => neighbours(node, "after"));
    const tree = new Uint32Array(ends.reduce((most, end) => Math.max(most, end), 0) + 2);
    let count = 0;
    ends.forEach((end, i) => {
      count += i;
      for (let at = end + 1; at > 0; at -= at & -at) count -= tree[at];
      for (let at = end + 1; at < tree.length; at += at & -at) tree[at] += 1;
    });
    return count;
  }

  // Links that cross, and a little for the operands of a box that stand in another order.
  function costOf({ layers, nodes }) {
    let cost = layers.reduce((sum, layer) => sum + crossingsAfter(layer), 0);
    for (const { before } of nodes.values()) {
      const places = before.map(link => link.from.place);
      places.forEach((place, i) => { cost += 0.001 * crossingsOf(places.slice(0, i), [place]); });
    }
    return cost;
  }

  // With `loose`, at first also those change places for which it makes no difference.
  function transpose(layers, loose) {
    let look = layers.map(() => true);  // whether a layer or one beside it has changed
    for (let round = 0; round < 10 && look.includes(true); round++) {
      const next = layers.map(() => false);
      layers.forEach((layer, l) => {
        if (!look[l]) return;
        const sides = layer.map(node => [neighbours(node, "before"), neighbours(node, "after")]);
        for (let i = 1; i < layer.length; i++) {
          const [one, other] = [sides[i - 1], sides[i]];
          const gain = crossingsOf(one[0], other[0]) + crossingsOf(one[1], other[1])
            - crossingsOf(other[0], one[0]) - crossingsOf(other[1], one[1]);
          if (gain < (loose && round === 0 ? 0 : 1)) continue;
          for (const list of [layer, sides]) [list[i - 1], list[i]] = [list[i], list[i - 1]];
          for (const near of [l - 1, l, l + 1]) next[near] = true;
        }
        number(layer);
      });
      look = next.slice(0, layers.length);
    }
  }

  // Operands in the order of the formula, where that crosses nothing more: their lines change
  // places, and so do leaves that have no other user.
  function sortOperands({ nodes, layers, chains }) {
    const movable = ({ wire }) => {
      const [tail, ...rest] = chains[wire].slice(0, -1);
      return (tail.before.length || tail.after.length > 1 ? rest : [tail, ...rest]).reverse();
    };
    const swap = (one, other) => {
      for (let i = 0; i < Math.min(one.length, other.length); i++) {
        const [a, b] = [one[i], other[i]], layer = layers[a.layer];
        [a.place, b.place] = [b.place, a.place];
        [layer[a.place], layer[b.place]] = [a, b];
      }
    };
    for (const { before, layer } of nodes.values()) {
      for (let pass = 1; pass < before.length; pass++) {
        const links = [...before].sort((a, b) => a.from.place - b.from.place);
        for (let i = 1; i < links.length; i++) {
          const [one, other] = [links[i - 1], links[i]];
          if (one.wire < other.wire) continue;
          const pair = [movable(one), movable(other)];
          const near = layers.slice(Math.max(0, layer - 1 - pair[0].length), layer);
          const crossings = () => near.reduce((sum, each) => sum + crossingsAfter(each), 0);
          const now = crossings();
          swap(...pair);
          if (crossings() > now) swap(...pair);
          else [links[i - 1], links[i]] = [other, one];
        }
      }
    }
  }

  function order(graph) {
    const { layers, isLarge } = graph, sweeps = isLarge ? HASTY_SWEEPS : SWEEPS;
    let best = [], least = Infinity, idle = 0;
    const restore = () => best.forEach((layer, i) => number(layers[i] = [...layer]));
    const consider = () => {
      const cost = costOf(graph);
      idle = cost < least ? 0 : idle + 1;
      if (cost < least) [best, least] = [layers.map(layer => [...layer]), cost];
    };
    const sweep = (side, loose) => {  // with `loose`, those with the same median change places
      for (const layer of side === "after" ? [...layers].reverse() : layers) {
        for (const node of layer) {
          const places = neighbours(node, side);
          node.wish = places.length ? median(places) : node.place;
        }
        layer.sort((a, b) => a.wish - b.wish || (loose ? b.place - a.place : a.place - b.place));
        number(layer);
      }
      if (!isLarge) transpose(layers, loose);
      consider();
    };
    layers.forEach(number);
    consider();
    for (let i = 0; i < sweeps && idle < 8 && least >= 1; i++) {
      sweep(i % 2 ? "after" : "before", i % 4 > 1);
    }
    for (const mirrored of isLarge ? [] : [false, true]) {
      restore();
      if (mirrored) layers.forEach(layer => number(layer.reverse()));
      sortOperands(graph);
      consider();
    }
    restore();
  }

  // Across. Where lines enter and leave a box, in the order of their other ends.

  function spreadPorts({ nodes }) {
    for (const box of nodes.values()) {
      for (const [side, end, port] of [["before", "from", "into"], ["after", "to", "out"]]) {
        const links = [...box[side]].sort((a, b) => a[end].place - b[end].place);
        const gap = Math.min(box.low / 2, (2 * box.low - 16) / (links.length - 1 || 1));
        links.forEach((link, i) => { link[port] = gap * (i - (links.length - 1) / 2); });
      }
    }
  }

  // Links that are exactly straight: first inside long lines, then at the end of a line where
  // nothing else begins or ends. No two of them cross, or else they could not all be straight.
  function straighten({ links, layers }) {
    const importance = ({ from, to }) => {
      if (from.kind !== "box" && to.kind !== "box") return 2;
      return from.after.length === 1 && to.before.length === 1 ? 1 : 0;  // a box may have more
    };
    const straight = layers.map(() => []);
    for (const wanted of [2, 1]) {
      for (const link of links.filter(each => importance(each) === wanted)) {
        const rivals = straight[link.from.layer];
        link.rigid = rivals.every(({ from, to }) =>
          (from.place - link.from.place) * (to.place - link.to.place) > 0);
        if (link.rigid) rivals.push(link);
      }
    }
  }

  // What hangs together rigidly is a block. The blocks go where the squares of all bends have the
  // smallest sum, and nodes of a layer keep their distance. `force` is what a distance takes
  // (a Lagrange multiplier); it grows while two blocks are too near.
  function placeAcross(graph, apart) {
    straighten(graph);
    const blocks = [];
    for (const first of graph.layers.flat()) {
      if (first.block) continue;
      const block = { at: 0, was: Infinity, pull: 0, weight: 1e-6, ties: [], above: new Map() };
      blocks.push(block);
      const joined = [first];
      Object.assign(first, { block, offset: 0 });
      const join = (node, offset) => {
        if (node.block) return;
        Object.assign(node, { block, offset });
        joined.push(node);
      };
      for (const { before, after, offset } of joined) {  // which grows meanwhile
        for (const { rigid, to, out, into } of after) if (rigid) join(to, offset + out - into);
        for (const { rigid, from, out, into } of before) if (rigid) join(from, offset + into - out);
      }
    }
    for (const { from, to, out, into } of graph.links) {
      if (from.block === to.block) continue;
      const weight = from.kind !== "box" && to.kind !== "box" ? 4 : 1;
      const shift = from.offset + out - to.offset - into;
      from.block.ties.push({ block: to.block, shift: -shift, weight });
      to.block.ties.push({ block: from.block, shift, weight });
      from.block.weight += weight;
      to.block.weight += weight;
    }
    const distances = [];
    for (const layer of graph.layers) {
      for (let i = 1; i < layer.length; i++) {
        const [a, b] = [layer[i - 1], layer[i]], { above } = b.block;
        const least = a.high + b.low + Math.max(apart[a.kind], apart[b.kind]) + a.offset - b.offset;
        if (!above.has(a.block)) {  // two blocks may meet in several layers
          above.set(a.block, { low: a.block, high: b.block, least, force: 0 });
          distances.push(above.get(a.block));
        }
        above.get(a.block).least = Math.max(least, above.get(a.block).least);
      }
    }
    const moveApart = () => {
      for (let moved = true; moved;) {
        moved = false;
        for (const { low, high, least } of distances) {
          if (high.at < low.at + least - 1e-6) { high.at = low.at + least; moved = true; }
        }
      }
    };
    moveApart();
    let wrong = blocks.length > 1 ? Infinity : 0;  // the largest move, or lack of distance
    for (let round = 0; round < ROUNDS && wrong > 0.02; round++) {
      wrong = 0;
      for (const block of blocks) {
        const before = block.was;
        block.was = block.at;
        wrong = Math.max(wrong, Math.abs(block.at - before));
        let sum = block.pull;
        for (const tie of block.ties) sum += tie.weight * (tie.block.at + tie.shift);
        block.at = sum / block.weight;
      }
      for (const distance of distances) {
        const { low, high, least } = distance, give = 1 / low.weight + 1 / high.weight;
        const lack = least - high.at + low.at;
        wrong = Math.max(wrong, lack);
        const force = Math.max(0, distance.force + lack / give);
        const more = force - distance.force;
        distance.force = force;
        low.pull -= more;
        high.pull += more;
        low.at -= more / low.weight;
        high.at += more / high.weight;
      }
    }
    moveApart();
    for (const node of graph.layers.flat()) node.at = node.block.at + node.offset;
  }

  // Along. A line bends between two layers, and it has more room if nothing stands in its way
  // where it leaves one layer and enters the next.

  function placeAlong({ layers, links }, narrowest) {
    const half = layers.map(layer => most(layer, node => node.half));
    const need = layers.map(() => narrowest);
    for (const link of links) {
      const { from, to } = link;
      link.leaves = from.at + link.out;
      link.arrives = to.at + link.into;
      const reach = (node, layer) => {  // from the layer's middle to where the line may bend
        const low = Math.min(link.leaves, link.arrives) - 4;
        const high = Math.max(link.leaves, link.arrives) + 4;
        const inWay = layer.filter(n => n.at + n.high > low && n.at - n.low < high && n !== node);
        return Math.max(node.half, ...inWay.map(n => n.half + 4));
      };
      link.start = reach(from, layers[from.layer]);
      link.end = Math.max(reach(to, layers[to.layer]), to.kind === "box" ? to.half + HEAD : 0);
      const bend = Math.abs(link.arrives - link.leaves);
      const slack = half[from.layer] - link.start + half[to.layer] - link.end;
      const gap = (bend < 1 ? narrowest : Math.min(narrowest + 6 + bend / 4, 56 + bend / 20)) - slack;
      need[to.layer] = Math.max(need[to.layer], gap);
    }
    let end = 0;
    layers.forEach((layer, i) => {
      const middle = end + (i ? need[i] : 0) + half[i];
      for (const node of layer) node.middle = middle;
      end = middle + half[i];
    });
  }

  function result({ nodes, links, layers, chains }, across) {
    const all = layers.flat();
    const top = least(all, node => node.at - node.low) - MARGIN;
    const point = (along, at) => {
      const [a, b] = [along + MARGIN, at - top].map(x => Math.round(10 * x) / 10);
      return across ? [a, b] : [b, a];
    };
    const centre = ({ middle, at, low, high }) => {
      const [x, y] = point(middle, at + (high - low) / 2);
      return { x, y };
    };
    const lines = chains.map(() => []), tips = [];
    for (const { wire, from, to, leaves, arrives, start, end } of links) {
      const a = from.middle + start, b = to.middle - end, mid = (a + b) / 2;
      if (!lines[wire].length) lines[wire].push(`M${point(from.middle + from.half, leaves)}`);
      if (Math.abs(leaves - arrives) > 0.1) {
        const curve = [point(mid, leaves), point(mid, arrives), point(b, arrives)];
        lines[wire].push(`L${point(a, leaves)}C${curve.join(" ")}`);
      }
      if (to.kind === "box") {
        tips[wire] = point(to.middle - to.half, arrives);
        lines[wire].push(`L${point(to.middle - to.half - HEAD / 2, arrives)}`);
      }
    }
    const length = most(all, node => node.middle + node.half) + 2 * MARGIN;
    const breadth = most(all, node => node.at + node.high) - top + MARGIN;
    return {
      direction: across ? "LR" : "TB",
      width: Math.ceil(across ? length : breadth),
      height: Math.ceil(across ? breadth : length),
      boxes: [...nodes.values()].map(centre),
      wires: chains.map((chain, i) => ({
        ...centre(chain.at(-2)), path: lines[i].join(""), tip: tips[i],
        start: chain[0].kind === "name" ? centre(chain[0]) : null,
      })),
    };
  }

  return { layered };
})();
