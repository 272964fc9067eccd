// How numbers are written and read in a page: as `number` in notation.py writes them.

function number(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "−inf";
  const size = Math.abs(x), sign = x < 0 ? "−" : "";
  if (size === 0) return "0";
  if (size >= 1000 && size < 999999.5) return sign + wholeNumber(size);
  const [digits, power] = (isHalfway(size) ? size.toExponential(4).replace("5e", "e")
    : size.toExponential(3)).split("e");
  const exponent = Number(power);
  const short = text => text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  return sign + (exponent < -4 || exponent >= 4
    ? `${short(digits)}e${exponent < 0 ? "−" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`
    : short(Number(`${digits}e${exponent}`).toFixed(3 - exponent)));
}

// Halfway between an even last digit and the next, Python takes the even one.
function isHalfway(size) {
  return /[02468]5e/.test(size.toExponential(4)) && /^\d\.\d{4}0*e/.test(size.toExponential(30));
}

// Halfway between two whole numbers Python takes the even one.
const wholeNumber = size => size % 1 === 0.5 ? 2 * Math.round(size / 2) : Math.round(size);

const factor = x => number(x).startsWith("−") ? `(${number(x)})` : number(x);
const read = text => Number(text.trim().replace(/^[−–]/, "-").replace(",", ".") || NaN);
