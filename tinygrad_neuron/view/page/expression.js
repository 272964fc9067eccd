// An expression such as tanh(w*x + b): its values and its gradients. The grammar is the one of
// grammar.py, from which come all sentences; what an operation computes is in `rules`.
//
// parse(text, numbers)  the nodes in the order of computing, { op, operands, partials, data, label },
//                       where operands are places in this list and the last node is the whole;
//                       numbers has the number of each name. A mistake in the text is thrown as
//                       { problem, place }: the sentence, and how many letters come before it. So
//                       is an operation that is not defined for its numbers; with a third
//                       argument, a list, it is put there, and gives nan or inf.
// namesIn(text)         the names that need a number, in the order of the text

const numberOrSign = new RegExp(`(${grammar.NUMERAL})|(\\*\\*|[-+*/();])`, "y");
const nameAndBracket = /([\p{XID_Start}_](?:(?![·\u0387])\p{XID_Continue})*)( *\()?/uy;
const unseen = new RegExp(grammar.UNSEEN, "u");

function parse(text, numbers, refusals = null) {
  const nodes = [], leaves = new Map(), values = [], steps = new Map();
  const leaf = (op, data, label) => nodes.push({ op, operands: [], partials: [], data, label }) - 1;
  for (const operation of operationsOf(text)) {
    const { op, place, name, number } = operation;
    if (op === "" && !has(numbers, name)) {
      const known = has(grammar.CONSTANTS, name) ? grammar.CONSTANTS[name] : "NUMBER";
      throw mistake("value", place, { name: quote(name), number: known });
    }
    if (op === "") {
      if (!leaves.has(name)) leaves.set(name, leaf("", numbers[name], name));
      values.push(leaves.get(name));
    } else if (op === "=") {
      steps.set(name, values.pop());
      nodes[steps.get(name)].label ||= name;
    } else if (op === "again") {
      values.push(steps.get(name));
    } else if (op === "const") {
      values.push(leaf("const", number, ""));
    } else {
      const operands = values.splice(values.length - operation.operands);
      values.push(nodes.push(computed(operation, operands, nodes, refusals)) - 1);
    }
  }
  const ordered = topologicalOrder(nodes, values[0]);
  ordered[ordered.length - 1].label ||= text.split(";").at(-1).trim();
  return { nodes: ordered };
}

// As in the engine: depth first, operands before what is computed from them.
function topologicalOrder(nodes, output) {
  const order = [], place = new Map(), waiting = [[output, false]];
  while (waiting.length) {
    const [i, isExpanded] = waiting.pop();
    if (place.has(i)) continue;
    if (isExpanded) {
      place.set(i, order.push(nodes[i]) - 1);
      continue;
    }
    waiting.push([i, true]);
    waiting.push(...nodes[i].operands.map(operand => [operand, false]).reverse());
  }
  return order.map(node => ({ ...node, operands: node.operands.map(i => place.get(i)) }));
}

function namesIn(text) {
  return [...new Set(operationsOf(text).filter(({ op }) => op === "").map(({ name }) => name))];
}

// Computing.

function computed({ op, place, number, whole }, operands, nodes, refusals) {
  const x = operands.map(operand => nodes[operand].data);
  const isPlain = op === "**" && operands.length === 1;
  if (isPlain) x.push(number);  // a plain exponent, which is no operand
  const exponent = whole ? String(number + 0) : written(x[1]);  // + 0 makes 0 of -0
  const data = rules[op].value(...x);
  const refused = op === "**" && !isPlain && x[0] < 0 ? "negative base" : isRefused(op, x, data) && op;
  if (refused) {
    const shown = written(op === "/" ? x[1] : x[0]);
    const problem = grammar.REFUSALS[refused].replace("{x}", shown).replace("{n}", exponent);
    if (!refusals) throw { problem, place };
    refusals.push({ problem, place });
  }
  const partials = operands.map((_, position) => rules[op].partials[position](...x, data));
  return { op: isPlain ? `**${exponent}` : op, operands, partials, data, label: "" };
}

// Whether Python raises an error: + - * give inf and nan, as floats do, and all others do not.
function isRefused(op, x, data) {
  if (op === "/") return x[1] === 0;
  if ("+-*".includes(op)) return false;
  return Number.isNaN(data) ? !x.some(Number.isNaN) : !Number.isFinite(data) && x.every(Number.isFinite);
}

// A float as Python writes it.
function written(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  const size = Math.abs(x);
  if (size && (size < 1e-4 || size >= 1e16)) {
    return x.toExponential().replace(/e([+-])(\d)$/, (_, sign, digit) => `e${sign}0${digit}`);
  }
  const text = Object.is(x, -0) ? "-0" : String(x);
  return text.includes(".") ? text : `${text}.0`;
}

// The grammar, as in grammar.py, where each function and method has its comment.

function operationsOf(text) {
  const length = [...text].length;
  if (!text.replace(/ /g, "")) throw mistake("empty", 0);
  if (length > grammar.LONGEST_EXPRESSION) {
    const grouped = String(length).replace(/\B(?=(...)+$)/g, ",");
    throw mistake("long", grammar.LONGEST_EXPRESSION, { length: grouped });
  }
  return new Reader(text).read();
}

class Reader {
  constructor(text) {
    this.letters = [...text];
    this.tokens = tokensOf(text);
    this.done = [];
    this.waiting = [];
    this.start = 0;
    this.defining = null;
    this.steps = new Map();
  }

  read() {
    let behindOperand = false;
    this.tokens.forEach((token, i) => {
      if (i === this.start && this.isDefinition(i)) {
        this.defining = this.newName(token);
        return;
      }
      if (i === this.start + 1 && this.defining) return;
      if (token.kind === "letter") throw this.wrongLetter(i);
      behindOperand = behindOperand ? this.sign(i) : this.operand(i);
      const nested = this.waiting.filter(each => each.operands === 1 || each.op === "**");
      if (nested.length > grammar.MOST_NESTED) throw mistake("deep", token.place);
    });
    for (const { token, isUsed } of this.steps.values()) {
      if (!isUsed) throw mistake("unused", token.place, { name: quote(token.text) });
    }
    return this.done;
  }

  isDefinition(i) {
    const [name, equals, next] = this.tokens.slice(i, i + 3);
    return name.kind === "name" && !grammar.FUNCTIONS.includes(name.text)
      && equals?.kind === "letter" && equals.text === "=" && next.text !== "="
      && this.tokens.slice(i).some(token => token.text === ";");
  }

  newName(token) {
    const name = quote(token.text);
    if (this.steps.has(token.text)) throw mistake("twice", token.place, { name });
    if (this.done.some(operation => operation.name === token.text)) {
      throw mistake("late", token.place, { name });
    }
    return token;
  }

  operand(i) {
    const { kind, text, place } = this.tokens[i];
    if (kind === "number") {
      this.done.push(constant(text, place));
    } else if (kind === "name") {
      if (grammar.FUNCTIONS.includes(text)) {
        const after = this.tokens[i + 1];
        const x = after.kind === "number" || after.kind === "name" ? quote(after.text) : "x";
        throw mistake("argument", place, { function: text, x });
      }
      const known = this.steps.get(text);
      if (known) known.isUsed = true;
      this.done.push({ op: known ? "again" : "", place, operands: 0, name: text });
    } else if (kind === "call") {
      if (!grammar.FUNCTIONS.includes(text)) throw this.unknownFunction(i);
      this.waiting.push({ op: text, place, operands: 1 });
    } else if (text === "(" || has(grammar.SIGNS, text)) {
      this.waiting.push({ op: text === "(" ? text : grammar.SIGNS[text], place, operands: 1 });
    } else {
      throw this.missingValue(i);
    }
    return kind === "number" || kind === "name";
  }

  sign(i) {
    const { kind, text, place } = this.tokens[i], { done, waiting } = this;
    if ((kind !== "sign" && kind !== "end") || text === "(") {
      const left = asFactor(this.tokens[i - 1]), right = asFactor(this.tokens[i]);
      throw mistake("product", place, { left, right });
    }
    const least = precedence(text) || 1, last = () => waiting[waiting.length - 1];
    while (text !== "**" && waiting.length && precedence(last().op) >= least) {
      finish(waiting.pop(), done);
    }
    if ((kind === "end" || text === ";") && waiting.length) throw mistake("unclosed", last().place);
    if (text === ";") {
      if (!this.defining) throw mistake("nameless", place);
      const token = this.defining;
      done.push({ op: "=", place: token.place, operands: 1, name: token.text });
      this.steps.set(token.text, { token, isUsed: false });
      [this.start, this.defining] = [i + 1, null];
    } else if (text === ")") {
      if (!waiting.length) throw mistake("unopened", place);
      finish(waiting.pop(), done);
    } else if (kind === "sign") {
      waiting.push({ op: text, place, operands: 2 });
    }
    return text === ")";
  }

  unknownFunction(i) {
    const { text: name, place } = this.tokens[i];
    const equals = this.tokens.find(token => token.text === "=");
    if (equals) return this.definition(equals.place);
    const near = grammar.FUNCTIONS.find(known => isOneLetterApart(name, known));
    const cure = has(grammar.ALTERNATIVES, name) ? grammar.ALTERNATIVES[name]
      : near ? `${near}(x)` : `${quote(name)}*(…) for a product`;
    return mistake("function", place, { name: quote(name), cure });
  }

  wrongLetter(i) {
    const { text: letter, place } = this.tokens[i];
    const before = this.tokens[i - 1], after = this.tokens[i + 1];
    const opened = this.waiting.filter(({ op }) => precedence(op) === 0).pop();
    const around = this.letters.slice(Math.max(0, place - 1), place + 2).join("");
    if (/\d,\d/.test(around) && before.kind === "number") {
      return mistake("comma", place, { number: quote(`${before.text}.${after.text}`) });
    }
    if (",=".includes(letter) && opened && opened.op !== "(") {
      return mistake("argument", opened.place, { function: opened.op, x: "x" });
    }
    if (letter === "=" && i && !opened && after.text !== "=") return this.definition(place);
    if (has(grammar.INSTEAD, letter)) {
      return mistake("instead", place, { letter: spelled(letter), cure: grammar.INSTEAD[letter] });
    }
    return mistake("letter", place, { letter: spelled(letter) });
  }

  definition(place) {
    return mistake("equals", place, { head: quote(this.letters.slice(0, place + 1).join("").trim()) });
  }

  missingValue(i) {
    const { kind, text, place } = this.tokens[i], before = this.tokens[i - 1];
    if (i === 0) return mistake(text === ")" ? "unopened" : "before", place, { sign: text });
    if (text === ")" && before.kind === "call") {
      return mistake("argument", before.place, { function: before.text, x: "x" });
    }
    if (text === ")" && before.text === "(") return mistake("brackets", before.place);
    if (text === ")" || kind === "end") {
      return mistake("after", place, { sign: before.text + (before.kind === "call" ? "(" : "") });
    }
    return mistake("before", place, { sign: text });
  }
}

function precedence(op) {
  return has(grammar.PRECEDENCE, op) ? grammar.PRECEDENCE[op] : 0;
}

function finish(operation, done) {
  const last = done[done.length - 1], { op, place } = operation;
  if (op === "neg" && last.op === "const") last.number = -last.number;
  else if (op === "**" && last.op === "const") Object.assign(last, { op, place, operands: 1 });
  else if (op !== "(" && op !== "pos") done.push(operation);
}

function constant(text, place) {
  const digits = text.replace(/_/g, ""), number = Number(digits);
  if (number === Infinity) throw mistake("large", place, { number: quote(text) });
  const whole = /^\d+$/.test(digits) && number < grammar.LARGEST_WHOLE;
  return { op: "const", place, operands: 0, number, whole };
}

function isOneLetterApart(name, other) {
  const others = shorter(other);
  return shorter(name).some(text => others.includes(text));
}

function shorter(name) {
  const letters = [...name];
  return [name, ...letters.map((_, i) => [...letters.slice(0, i), ...letters.slice(i + 1)].join(""))];
}

function tokensOf(text) {
  const tokens = [];
  let place = 0;  // in letters, and index in the units of JavaScript, of which 𝐱 has two
  for (let index = 0; index < text.length;) {
    numberOrSign.lastIndex = nameAndBracket.lastIndex = index;
    const found = numberOrSign.exec(text), name = nameAndBracket.exec(text);
    const letter = String.fromCodePoint(text.codePointAt(index));
    if (found) {
      tokens.push({ kind: found[1] ? "number" : "sign", text: found[0], place });
    } else if (name) {
      tokens.push({ kind: name[2] ? "call" : "name", text: name[1].normalize("NFKC"), place });
    } else if (letter !== " ") {
      tokens.push({ kind: "letter", text: letter, place });
    }
    const [piece] = found || name || [letter];
    index += piece.length;
    place += [...piece].length;
  }
  return [...tokens, { kind: "end", text: "", place }];
}

function asFactor({ kind, text }) {
  const brackets = kind === "sign" || kind === "call" ? "(…)" : "";
  return (kind === "sign" ? "" : quote(text)) + brackets;
}

function quote(text) {
  const letters = [...text], most = grammar.LONGEST_QUOTE;
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}…`;
}

function spelled(letter) {
  const hex = letter.codePointAt(0).toString(16).toUpperCase();
  return unseen.test(letter) ? `U+${hex.padStart(4, "0")}` : `"${letter}"`;
}

function mistake(problem, place, words = {}) {
  const sentence = grammar.SENTENCES[problem].replace(/\{(\w+)\}/g, (_, word) => words[word]);
  return { problem: sentence, place };
}

function has(table, key) {
  return Object.prototype.hasOwnProperty.call(table, key);
}
