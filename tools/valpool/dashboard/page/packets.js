"use strict";
// Packets as trees.

const mostChildren = 100;

function isNumbers(value) {
  return Array.isArray(value) && value.length > 3 && value.every((v) => typeof v === "number");
}
function contains(value, words) {
  if (Array.isArray(value)) return value.some((v) => contains(v, words));
  if (value instanceof Map) return [...value].some(([k, v]) => k.toLowerCase().includes(words) || contains(v, words));
  return String(value).toLowerCase().includes(words);
}
function summaryOf(value) {
  if (Array.isArray(value)) return value.length === 1 ? "1 element" : `${value.length} elements`;
  const shown = [...value].slice(0, 4).map(([k, v]) => isInside(v) ? k : `${k}: ${shortened(scalarText(v))}`);
  return `{${shown.join(", ")}${value.size > 4 ? ", …" : ""}}`;
}
function isInside(value) { return value !== null && typeof value === "object" && !(value instanceof Digits); }
function shortened(text) { return text.length <= 16 ? text : `${text.slice(0, 15)}…`; }
function scalarText(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
/** The text, with what was searched for marked. */
function marked(text, words) {
  const span = document.createElement("span");
  const at = words ? text.toLowerCase().indexOf(words) : -1;
  if (at < 0) { span.textContent = text; return span; }
  const mark = document.createElement("mark");
  mark.textContent = text.slice(at, at + words.length);
  span.append(text.slice(0, at), mark, text.slice(at + words.length));
  return span;
}
function nameOf(name, words) {
  const span = marked(name, words);
  span.className = "name";
  return span;
}
function treeOf(name, value, words, isOpen) {
  if (!isInside(value)) {
    const leaf = document.createElement("div");
    leaf.className = "leaf";
    const text = marked(scalarText(value), words);
    text.className = typeof value === "string" ? "text" : "number";
    if (name !== null) leaf.append(nameOf(name, words), ": ");
    leaf.append(text);
    return leaf;
  }
  const details = document.createElement("details"), summary = document.createElement("summary");
  if (name !== null) summary.append(nameOf(name, words), ": ");
  const about = document.createElement("span");
  about.className = "soft";
  about.textContent = summaryOf(value);
  summary.append(about);
  if (isNumbers(value)) summary.append(sparkline(value.length > 400 ? value.filter((_, i) => i % Math.ceil(value.length / 400) === 0) : value));
  details.append(summary);
  const children = document.createElement("div");
  let isFilled = false;
  const fill = () => {
    if (isFilled || !details.open) return;
    isFilled = true;
    addChildren(children, value instanceof Map ? [...value] : value.map((v, i) => [`[${i}]`, v]), words, 0);
  };
  details.append(children);
  details.addEventListener("toggle", fill);
  details.open = isOpen || (words !== "" && contains(value, words));
  fill();
  return details;
}
function addChildren(into, all, words, from) {
  for (const [name, value] of all.slice(from, from + mostChildren)) into.append(treeOf(name, value, words, false));
  if (all.length <= from + mostChildren) return;
  const more = document.createElement("button");
  more.type = "button";
  more.textContent = `${all.length - from - mostChildren} more`;
  more.addEventListener("click", () => { more.remove(); addChildren(into, all, words, from + mostChildren); });
  into.append(more);
}

/** Shows what waits in a pipe, or what passes it. */
class PacketViewer {
  constructor(list, note, search) {
    this.list = list;
    this.note = note;
    this.search = search;
    this.packets = [];  // {key, value}
    this.drawn = "";
    this.isPaused = false;
    search.addEventListener("input", () => this.draw());
  }
  async show(pool, pipe, kind) {
    this.stop();
    this.pool = pool; this.pipe = pipe; this.kind = kind;
    this.packets = []; this.missed = 0; this.number = 0;
    this.draw();
    if (kind === "passing") this.listen(); else await this.refresh();
  }
  stop() { this.events?.close(); this.events = null; }
  path() { return `api/v1/pools/${encodeURIComponent(this.pool)}/pipes/${encodeURIComponent(this.pipe)}`; }
  listen() {
    const events = this.events = new EventSource(`${this.path()}/passing`);
    events.addEventListener("packet", (e) => {
      this.packets.unshift({key: ++this.number, value: parseWhole(e.data)});
      this.packets.length = Math.min(this.packets.length, 50);
      this.later();
    });
    events.addEventListener("missed", (e) => { this.missed = Number(e.data); this.later(); });
    events.addEventListener("problem", (e) => { this.note.textContent = JSON.parse(e.data).error; events.close(); });
  }
  /** Many packets come at once: drawn at most a few times a second. */
  later() { this.timer ??= setTimeout(() => { this.timer = null; this.draw(); }, 250); }
  async refresh() {
    if (this.kind !== "waiting" || !this.pipe || this.isPaused) return;
    const path = this.path();
    try {
      const response = await fetch(`${path}/packets?n=20`);
      const text = await response.text();
      if (path !== this.path() || this.kind !== "waiting") return;
      if (text === this.last) return;
      this.last = text;
      const seen = parseWhole(text);
      if (!response.ok) { this.note.textContent = seen.get("error"); return; }
      this.waiting = seen;
      this.packets = seen.get("packets").map((value, i) => ({key: i, value}));
      this.draw();
    } catch { this.note.textContent = "no answer"; }
  }
  draw() {
    if (this.isPaused) return;
    const words = this.search.value.trim().toLowerCase();
    const found = this.packets.filter((p) => !words || contains(p.value, words));
    const open = [...this.list.children].map((c) => c.querySelector("details")?.open);
    this.list.replaceChildren(...found.map((p, i) => {
      const div = document.createElement("div");
      div.append(treeOf(null, p.value, words, this.kind === "waiting" ? open[i] ?? i === 0 : i === 0));
      return div;
    }));
    this.note.textContent = this.noteText(found.length, words);
  }
  noteText(found, words) {
    if (words) return `${found} of ${this.packets.length} contain it`;
    if (this.kind === "passing")
      return this.packets.length ? `the last ${this.packets.length}${this.missed ? `; ${this.missed} not shown` : ""}` : "nothing has passed yet";
    const waiting = this.waiting?.get("waiting") ?? 0;
    return waiting === 0 ? "no packet waits" : `${found} of ${waiting} that wait`;
  }
}
