"use strict";
// JSON whose integers are kept whole: JSON.parse makes them doubles, which have 53 bits.

/** An integer too large for a number. */
class Digits {
  constructor(text) { this.text = text; }
  toString() { return this.text; }
}

function parseWhole(text) {
  let at = 0;
  const space = /[ \t\n\r]*/y, scalar = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null|"(?:[^"\\]|\\.)*"/y;
  const skip = () => { space.lastIndex = at; space.exec(text); at = space.lastIndex; };
  const expect = (c) => { skip(); if (text[at] !== c) throw new SyntaxError(`no '${c}' at ${at}`); ++at; };
  const comes = (c) => { skip(); if (text[at] !== c) return false; ++at; return true; };
  const list = (end, item) => {
    if (comes(end)) return;
    do item(); while (comes(","));
    expect(end);
  };
  const value = () => {
    if (comes("[")) { const a = []; list("]", () => a.push(value())); return a; }
    if (comes("{")) {
      const m = new Map();
      list("}", () => { skip(); const key = word(); expect(":"); m.set(key, value()); });
      return m;
    }
    return word();
  };
  const word = () => {
    scalar.lastIndex = at;
    const found = scalar.exec(text);
    if (!found) throw new SyntaxError(`no JSON at ${at}`);
    at = scalar.lastIndex;
    return /^-?\d{16,}$/.test(found[0]) ? new Digits(found[0]) : JSON.parse(found[0]);
  };
  const result = value();
  skip();
  if (at !== text.length) throw new SyntaxError(`more than JSON at ${at}`);
  return result;
}
