"use strict";
// The pipes between their producers and consumers, as far as these are known: who was last, who waits, who has leased.

const svgName = "http://www.w3.org/2000/svg";
const nodeWidth = 150, nodeHeight = 40, columnWidth = 205, rowHeight = 54;
const mostPipesInGraph = 40;

function edgesOf(pipes) {
  const edges = new Map();
  const add = (from, to, waits) => {
    const key = `${from}\n${to}`;
    edges.set(key, {from, to, waits: waits || (edges.get(key)?.waits ?? false)});
  };
  for (const p of pipes) {
    const pipe = `pipe ${p.name}`;
    if (p.last_writer_pid) add(`pid ${p.last_writer_pid}`, pipe, false);
    for (const pid of p.waiting_writers) if (pid) add(`pid ${pid}`, pipe, true);
    if (p.last_reader_pid) add(pipe, `pid ${p.last_reader_pid}`, false);
    for (const pid of p.waiting_readers) if (pid) add(pipe, `pid ${pid}`, true);
    for (const pid of p.lease_holders) if (pid) add(pipe, `pid ${pid}`, false);
  }
  return [...edges.values()];
}

/** Each node's column: one more than that of those before it. Circles end after a few rounds. */
function columnsOf(names, edges) {
  const column = new Map(names.map((n) => [n, 0]));
  for (let round = 0; round < 8; ++round)
    for (const e of edges)
      if (column.get(e.to) <= column.get(e.from) && column.get(e.from) < 7) column.set(e.to, column.get(e.from) + 1);
  // A pipe that nobody has written to stands where pipes stand.
  for (const n of names) if (n.startsWith("pipe ") && column.get(n) === 0) column.set(n, 1);
  return column;
}

function drawGraph(into, pool, select) {
  const pipes = pool.pipes.slice(0, mostPipesInGraph), edges = edgesOf(pipes);
  const names = [...new Set([...edges.flatMap((e) => [e.from, e.to]), ...pipes.map((p) => `pipe ${p.name}`)])];
  const column = columnsOf(names, edges), rows = new Map(), at = new Map();
  for (const n of names) {
    const c = column.get(n), row = rows.get(c) ?? 0;
    rows.set(c, row + 1);
    at.set(n, {x: c * columnWidth + 4, y: row * rowHeight + 6});
  }
  const columns = Math.max(0, ...column.values()) + 1;
  const width = columns * columnWidth - (columnWidth - nodeWidth) + 8, height = Math.max(1, ...rows.values()) * rowHeight;
  const svg = element("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": "Producers, pipes and consumers"});
  const marker = element("marker", {id: "arrow", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto"});
  marker.append(element("path", {d: "M0 0L8 4L0 8z"}));
  svg.append(marker);
  for (const e of edges) svg.append(line(at.get(e.from), at.get(e.to), e.waits));
  const processes = new Map(pool.processes.filter((p) => !p.is_parent_of_holders).map((p) => [`pid ${p.pid}`, p]));
  const byName = new Map(pipes.map((p) => [`pipe ${p.name}`, p]));
  for (const n of names) svg.append(byName.has(n) ? pipeNode(byName.get(n), at.get(n), select) : processNode(n, processes.get(n), at.get(n)));
  svg.style.maxWidth = `${width}px`;
  into.replaceChildren(svg);

  function element(name, attributes, text) {
    const e = document.createElementNS(svgName, name);
    for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
    if (text !== undefined) e.textContent = text;
    return e;
  }
  function line(from, to, waits) {
    const x1 = from.x + nodeWidth, y1 = from.y + nodeHeight / 2, x2 = to.x, y2 = to.y + nodeHeight / 2;
    const bend = x2 > x1 ? Math.max(24, (x2 - x1) / 2) : 60;
    return element("path", {d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, "marker-end": "url(#arrow)", class: waits ? "waits" : ""});
  }
  function node(kind, place, title, sub) {
    const g = element("g", {class: `node ${kind}`, transform: `translate(${place.x} ${place.y})`});
    g.append(element("title", {}, `${title}: ${sub}`), element("rect", {width: nodeWidth, height: nodeHeight, rx: 8}),
             element("text", {x: 10, y: 17}, shorten(title, 20)), element("text", {x: 10, y: 32, class: "sub"}, shorten(sub, 23)));
    return g;
  }
  function pipeNode(p, place, choose) {
    const g = node(`pipe${p.is_full ? " full" : ""}`, place, p.name,
                   `${p.depth_packets} of ${p.capacity_packets}${p.in_per_s === null ? "" : `, ${rateText(p.out_per_s)}/s`}`);
    g.addEventListener("click", () => choose(p.name));
    return g;
  }
  function processNode(n, p, place) {
    const isStopped = p && (p.state === "T" || p.state === "t");
    if (!p || !p.is_alive) return node("", place, p?.name ? p.name : n, p?.name ? `${n}, gone` : "gone");
    return node(isStopped ? "stopped" : "", place, p.name || n, isStopped ? `${n}, stopped` : n);
  }
}
