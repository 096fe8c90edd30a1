"use strict";
// Lines over the last ten minutes, on a canvas. A pointer, or the arrow keys, show the values.

const plotSeconds = 600;

class Plot {
  /** lines: [{name, color}], color being the name of a CSS variable. */
  constructor(canvas, lines, shown) {
    this.canvas = canvas;
    this.lines = lines;
    this.shown = shown;  // a number as text
    this.points = [];    // {t, values}
    this.cursor = null;  // a time
    this.isPaused = false;
    canvas.addEventListener("pointermove", (e) => this.point(e.offsetX));
    canvas.addEventListener("pointerleave", () => { this.cursor = null; this.draw(); });
    canvas.addEventListener("keydown", (e) => this.step(e));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }
  set(points) { this.points = points; this.draw(); }
  add(t, values) {
    const last = this.points.at(-1);
    if (last && t <= last.t) return;
    this.points.push({t, values});
    while (this.points.length && this.points[0].t < t - plotSeconds) this.points.shift();
    if (!this.isPaused) this.draw();
  }
  pause(is) {
    this.isPaused = is;
    this.frozen = is ? this.points.slice() : null;
    this.draw();
  }
  step(e) {
    const points = this.visible();
    if (!points.length || !["ArrowLeft", "ArrowRight", "Escape"].includes(e.key)) return;
    e.preventDefault();
    if (e.key === "Escape") this.cursor = null;
    else {
      const at = this.cursor === null ? points.length : this.nearest(points);
      const next = at + (e.key === "ArrowLeft" ? -1 : 1);
      this.cursor = points[Math.max(0, Math.min(points.length - 1, next))].t;
    }
    this.draw();
  }
  point(x) {
    const [from, to] = this.range(this.visible());
    this.cursor = from + (x - this.left) / Math.max(1, this.width) * (to - from);
    this.draw();
  }
  visible() { return this.frozen ?? this.points; }
  range(points) {
    const to = points.length ? points.at(-1).t : 0;
    // A new plot fills its width within a minute instead of ten.
    const from = points.length ? Math.max(to - plotSeconds, Math.min(points[0].t, to - 60)) : -60;
    return [from, to];
  }
  nearest(points) {
    let best = 0;
    points.forEach((p, i) => {
      if (Math.abs(p.t - this.cursor) < Math.abs(points[best].t - this.cursor)) best = i;
    });
    return best;
  }
  draw() {
    const box = this.canvas.getBoundingClientRect(), scale = devicePixelRatio || 1;
    if (!box.width) return;
    this.canvas.width = Math.round(box.width * scale);
    this.canvas.height = Math.round(box.height * scale);
    const g = this.canvas.getContext("2d"), css = getComputedStyle(document.documentElement);
    const color = (name) => css.getPropertyValue(name).trim();
    g.scale(scale, scale);
    g.font = "11px system-ui, sans-serif";
    const points = this.visible(), [from, to] = this.range(points);
    const top = Math.max(1, ...points.flatMap((p) => p.values.map((v) => v ?? 0))) * 1.1;
    this.left = Math.ceil(g.measureText(this.shown(top)).width) + 8;
    this.width = box.width - this.left - 4;
    const height = box.height - 26;
    const x = (t) => this.left + (t - from) / Math.max(1, to - from) * this.width;
    const y = (v) => 6 + height * (1 - v / top);
    g.fillStyle = color("--soft");
    g.strokeStyle = color("--line");
    for (const part of [0, 0.5, 1]) {
      g.beginPath(); g.moveTo(this.left, y(part * top)); g.lineTo(box.width - 4, y(part * top)); g.stroke();
      g.textAlign = "right"; g.textBaseline = "middle";
      g.fillText(this.shown(part * top), this.left - 5, y(part * top));
    }
    g.textBaseline = "top";
    g.textAlign = "left";
    g.fillText(`${Math.round((to - from) / 60)} min ago`, this.left, height + 11);
    g.textAlign = "right";
    g.fillText(this.isPaused ? "paused" : "now", box.width - 4, height + 11);
    this.lines.forEach((line, i) => this.drawLine(g, points, i, color(line.color), x, y));
    if (this.cursor !== null && points.length) this.drawCursor(g, points[this.nearest(points)], to, x, y, color, box.width);
    else this.canvas.setAttribute("aria-label", this.summary(points.at(-1)));
  }
  drawLine(g, points, i, color, x, y) {
    g.strokeStyle = color;
    g.lineWidth = 1.6;
    g.beginPath();
    let isDown = false;
    for (const p of points) {
      if (p.values[i] === null) { isDown = false; continue; }
      if (isDown) g.lineTo(x(p.t), y(p.values[i])); else g.moveTo(x(p.t), y(p.values[i]));
      isDown = true;
    }
    g.stroke();
  }
  drawCursor(g, p, to, x, y, color, width) {
    g.strokeStyle = color("--soft");
    g.lineWidth = 1;
    g.beginPath(); g.moveTo(x(p.t), 4); g.lineTo(x(p.t), y(0)); g.stroke();
    const text = `${this.summary(p)}, ${Math.round(to - p.t)} s ago`;
    const w = g.measureText(text).width + 12, left = Math.min(Math.max(x(p.t) - w / 2, 0), width - w);
    g.fillStyle = color("--card"); g.strokeStyle = color("--line");
    g.fillRect(left, 6, w, 19); g.strokeRect(left, 6, w, 19);
    g.fillStyle = color("--text"); g.textAlign = "left"; g.textBaseline = "middle";
    g.fillText(text, left + 6, 16);
    this.canvas.setAttribute("aria-label", text);
  }
  summary(p) {
    if (!p) return "nothing yet";
    return this.lines.map((line, i) => `${line.name} ${p.values[i] === null ? "?" : this.shown(p.values[i])}`).join(", ");
  }
}

/** A small line without axes, as SVG. */
function sparkline(numbers, width = 110, height = 22) {
  const most = Math.max(1e-9, ...numbers), step = width / Math.max(1, numbers.length - 1);
  const least = Math.min(0, ...numbers);
  const path = numbers.map((n, i) => `${i ? "L" : "M"}${(i * step).toFixed(1)} ${(height - 2 - (n - least) / (most - least || 1) * (height - 4)).toFixed(1)}`).join("");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(svg.namespaceURI, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
