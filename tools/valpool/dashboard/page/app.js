"use strict";
// The dashboard: what comes from the server is drawn once a second.

const by = (id) => document.getElementById(id);
const make = (name, text, className) => {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};
const shorten = (text, most) => text.length <= most ? text : `${text.slice(0, most - 1)}…`;
function bytesText(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  for (; n >= 1000 && i < 4; ++i) n /= 1000;
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}
function rateText(n) {
  if (n === null || n === undefined) return "";
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)}M`;
  if (n >= 1e4) return `${(n / 1e3).toFixed(0)}k`;
  return n >= 10 || Number.isInteger(n) ? n.toFixed(0) : n.toFixed(1);
}
function timeText(s) {
  if (s === null || s === undefined) return "never";
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

const state = {pool: "", pipe: "", view: "waiting", isPaused: false, events: null, rates: new Map()};
const plots = {
  depth: new Plot(by("plot-depth"), [{name: "waiting", color: "--in"}], rateText),
  rate: new Plot(by("plot-rate"), [{name: "in", color: "--in"}, {name: "out", color: "--out"}], rateText),
  memory: new Plot(by("plot-memory"), [{name: "in use", color: "--in"}], bytesText),
};
const viewer = new PacketViewer(by("packets"), by("viewer-note"), by("search"));

// --- what is chosen: in the address, so that it can be passed on -----------------------------

function readAddress() {
  const chosen = new URLSearchParams(location.hash.slice(1));
  return {pool: chosen.get("pool") ?? "", pipe: chosen.get("pipe") ?? ""};
}
function writeAddress() {
  const chosen = new URLSearchParams({pool: state.pool});
  if (state.pipe) chosen.set("pipe", state.pipe);
  history.replaceState(null, "", `#${chosen}`);
}
function choosePool(name, pipe = "") {
  if (name === state.pool) return;
  Object.assign(state, {pool: name, pipe: "", wanted: pipe, rates: new Map()});
  plots.memory.set([]);
  choosePipe("");
  by("content").hidden = true;
  listen();
  if (name) loadHistory("", (h) => plots.memory.set(pointsOf(h, [h.used_bytes])));
}
async function choosePipe(name) {
  state.pipe = name;
  writeAddress();
  by("pipe").hidden = !name;
  if (!name) { viewer.stop(); return; }
  by("pipe-title").textContent = `Pipe ${name}`;
  plots.depth.set([]);
  plots.rate.set([]);
  viewer.show(state.pool, name, state.view);
  loadHistory(name, (h) => {
    if (state.pipe !== name) return;
    plots.depth.set(pointsOf(h, [h.pipe.depth_packets]));
    plots.rate.set(pointsOf(h, [h.pipe.in_per_s, h.pipe.out_per_s]));
  });
}
const now = () => performance.now() / 1000;
function pointsOf(h, lists) {
  return h.before_s.map((before, i) => ({t: now() - before, values: lists.map((list) => list[i])}));
}
async function loadHistory(pipe, use) {
  const pool = `api/v1/pools/${encodeURIComponent(state.pool)}`;
  try {
    const response = await fetch(pipe ? `${pool}/pipes/${encodeURIComponent(pipe)}/history` : `${pool}/history`);
    if (response.ok) use(await response.json());
  } catch { /* the state at the top says that there is no connection */ }
}

// --- what comes --------------------------------------------------------------------------------

function listen() {
  state.events?.close();
  state.events = null;
  if (!state.pool) return;
  const events = state.events = new EventSource(`api/v1/events?pool=${encodeURIComponent(state.pool)}`);
  events.onerror = () => setLive(false, "no connection");
  events.addEventListener("pool", (e) => { setLive(true, "live"); if (!state.isPaused) draw(JSON.parse(e.data)); });
  events.addEventListener("problem", (e) => {
    setLive(true, "live");
    by("content").hidden = true;
    showFindings([{text: JSON.parse(e.data).error.split("\n")[0], advice: "choose another pool"}]);
  });
}
function setLive(is, text) {
  if (by("live").textContent !== text) by("live").textContent = text;
  by("live").className = `live ${is ? "on" : "off"}`;
}
async function loadPools() {
  try {
    const response = await fetch("api/v1/pools"), seen = await response.json();
    if (!response.ok) { setLive(false, seen.error); return; }
    const names = seen.pools.map((p) => p.name), list = by("pool");
    if (!names.includes(state.pool) && state.pool) names.push(state.pool);
    if ([...list.options].map((o) => o.value).join("\n") !== names.join("\n"))
      list.replaceChildren(...names.map((n) => new Option(n, n)));
    const chosen = readAddress();
    if (!state.pool && chosen.pool) choosePool(chosen.pool, chosen.pipe);
    else if (!state.pool && names.length) choosePool(names[0]);
    if (!names.length) {
      setLive(true, "live");
      showFindings([], "There is no pool on this machine yet. One appears here as soon as a program starts an SHMMain; `valpool main NAME BYTES` makes one by hand.");
    }
    list.value = state.pool;
  } catch { setLive(false, "no connection"); }
}

// --- drawing -----------------------------------------------------------------------------------

function draw(pool) {
  by("content").hidden = false;
  showFindings(pool.findings);
  drawTiles(pool);
  drawGraph(by("graph"), pool, choosePipe);
  drawPipes(pool.pipes);
  drawProcesses(pool.processes);
  drawTaps(pool.taps, pool.processes);
  drawRoutes(pool.routes);
  drawMemory(pool.memory);
  plots.memory.add(now(), [pool.used_bytes]);
  const pipe = pool.pipes.find((p) => p.name === state.pipe);
  if (pipe) {
    plots.depth.add(now(), [pipe.depth_packets]);
    plots.rate.add(now(), [pipe.in_per_s, pipe.out_per_s]);
    viewer.refresh();
  }
  if (state.pipe || !pool.pipes.length) return;
  const first = pool.pipes.find((p) => p.name === state.wanted) ?? pool.pipes.find((p) => p.is_full) ?? pool.pipes[0];
  choosePipe(first.name);
}
/** What stands still, but perhaps is meant to. */
const mayBeMeant = new Set(["pipe_empty", "pipe_unread", "no_main", "left_over", "retired"]);
function showFindings(findings, otherwise = "Nothing stands still.") {
  const all = findings.map((f) => {
    const p = make("p", f.text, mayBeMeant.has(f.kind) ? "warn" : "bad");
    if (f.advice) p.append(make("small", f.advice));
    return p;
  });
  if (!all.length) all.push(make("p", otherwise, "good"));
  const text = all.map((p) => p.textContent).join("\n");
  if (by("why").dataset.text === text) return;  // or it would be read aloud each second
  by("why").dataset.text = text;
  by("why").replaceChildren(...all);
}
function drawTiles(p) {
  const sum = (key) => p.pipes.reduce((all, pipe) => all + (pipe[key] ?? 0), 0);
  const tile = (name, value, more) => {
    const div = make("div");
    div.append(make("div", name, "name"), make("div", value, "value"), make("div", more, "more"));
    return div;
  };
  by("tiles").replaceChildren(
    tile("Memory in use", `${Math.round(100 * p.used_bytes / Math.max(1, p.total_bytes))}%`, `${bytesText(p.used_bytes)} of ${bytesText(p.total_bytes)}`),
    tile("Packets a second", rateText(sum("in_per_s")), `${rateText(sum("out_per_s"))} taken out`),
    tile("Waiting", rateText(sum("depth_packets")), `in ${p.pipes.length} ${p.pipes.length === 1 ? "pipe" : "pipes"}`),
    tile("Processes", String(p.living_processes), p.dead_processes ? `${p.dead_processes} dead` : `${p.threads} ${p.threads === 1 ? "thread" : "threads"}`),
    tile("Main", p.has_main ? `pid ${p.main_pid}` : "nobody", p.is_left_over ? "left over" : p.is_kept ? "kept" : `age ${timeText(p.age_s)}`),
    tile("Repairs", String(p.recoveries), "after deaths"));
}
function drawPipes(pipes) {
  const body = by("pipes").tBodies[0], focused = document.activeElement?.dataset?.pipe;
  const known = new Map([...body.rows].map((row) => [row.dataset.pipe, row]));
  for (const p of pipes) {
    const rates = state.rates.get(p.name) ?? [];
    if (p.in_per_s !== null) rates.push(p.in_per_s);
    if (rates.length > 60) rates.shift();
    state.rates.set(p.name, rates);
  }
  body.replaceChildren(...pipes.map((p) => pipeRow(p, known.get(p.name))));
  if (focused) [...body.rows].find((row) => row.dataset.pipe === focused)?.focus();
}
function pipeRow(p, old) {
  const row = old ?? document.createElement("tr");
  if (!old) {
    row.dataset.pipe = p.name;
    row.tabIndex = 0;
    row.addEventListener("click", () => choosePipe(p.name));
    row.addEventListener("keydown", (e) => { if (e.key === "Enter") choosePipe(p.name); });
  }
  row.setAttribute("aria-selected", p.name === state.pipe);
  const depth = make("span", undefined, `depth${p.is_full ? " full" : ""}`), meter = make("span", undefined, "meter"), fill = make("i");
  fill.style.width = `${Math.min(100, 100 * (p.depth_packets + p.leased_packets) / p.capacity_packets)}%`;
  meter.append(fill);
  depth.append(meter, `${p.depth_packets} of ${p.capacity_packets}${p.is_full ? ", full" : ""}${p.leased_packets ? `, ${p.leased_packets} leased` : ""}`);
  const cell = (content, className) => { const td = make("td", undefined, className); td.append(content); return td; };
  const waiting = [p.waiting_readers.length ? `${p.waiting_readers.length} to read` : "", p.waiting_writers.length ? `${p.waiting_writers.length} to write` : ""].filter(Boolean).join(", ");
  row.replaceChildren(cell(p.name), cell(depth), cell(rateText(p.in_per_s), "n"), cell(rateText(p.out_per_s), "n"),
                      cell(sparkline(state.rates.get(p.name))), cell(waiting),
                      cell(p.since_last_dequeue_s === null ? "never" : `${timeText(p.since_last_dequeue_s)} ago`));
  return row;
}
const stateWords = {R: "runs", S: "sleeps", D: "waits for a disk", T: "stopped", t: "stopped by a debugger", Z: "dead", I: "idle"};
function stateText(p) {
  if (p.is_parent_of_holders) return p.is_alive ? "for children" : "children ended";
  return p.is_alive ? stateWords[p.state] ?? "?" : "dead";
}
function drawProcesses(processes) {
  by("processes").tBodies[0].replaceChildren(...processes.map((p) => {
    const row = document.createElement("tr");
    const isStopped = p.state === "T" || p.state === "t";
    const isBad = !p.is_parent_of_holders && (!p.is_alive || isStopped);
    const cells = [[`${p.pid} ${p.name}`], [stateText(p), isBad ? "state-bad" : ""],
                   [bytesText(p.held_bytes + p.raw_bytes), "n"],
                   [p.held_for_s === null ? "" : `${timeText(p.held_for_s)}${p.held_for_is_least ? " or longer" : ""}`], [p.held_boxes, "n"], [p.threads, "n"],
                   [p.since_last_packet_s === null ? "" : `${timeText(p.since_last_packet_s)} ago`], [p.open_pipes.join(", ")]];
    row.append(...cells.map(([text, className]) => make("td", text, className)));
    return row;
  }));
}
function drawTaps(taps, processes) {
  by("taps-section").hidden = !taps.length;
  const nameOf = (pid) => processes.find((p) => p.pid === pid)?.name ?? "";
  by("taps").tBodies[0].replaceChildren(...taps.map((t) => {
    const row = document.createElement("tr");
    const cells = [[t.pipe], [`${t.pid ?? "nobody"} ${nameOf(t.pid)}`], [t.depth_packets, "n"],
                   [t.is_connected ? "connected" : "waits for the pipe"]];
    row.append(...cells.map(([text, className]) => make("td", text, className)));
    return row;
  }));
}
function drawRoutes(routes) {
  by("routes-section").hidden = !routes.length;
  by("routes").tBodies[0].replaceChildren(...routes.map((r) => {
    const row = document.createElement("tr");
    const way = r.direction === "in" ? "\u2190" : "\u2192";
    const cells = [[`${r.pipe} ${way} ${r.destination}`], [r.connected ? r.transport : "down"], [r.packets, "n"],
                   [r.in_flight, "n"], [r.again, "n"], [r.refused, "n"], [r.dropped, "n"],
                   [r.round_trip_s ? `${Math.round(r.round_trip_s * 1e6)} \u00b5s` : "", "n"], [r.trouble ?? ""]];
    row.append(...cells.map(([text, className]) => make("td", text, className)));
    return row;
  }));
}
function drawMemory(classes) {
  const most = Math.max(1, ...classes.map((c) => c.pages_bytes));
  by("memory").replaceChildren(...classes.map((c) => {
    const row = make("div", undefined, "class"), track = make("div", undefined, "track");
    const all = make("i"), used = make("i");
    all.style.width = `${100 * c.pages_bytes / most}%`;
    used.style.width = `${100 * c.used_bytes / most}%`;
    track.append(all, used);
    row.append(make("span", c.block_bytes === null ? "larger" : bytesText(c.block_bytes)), track, make("span", `${bytesText(c.used_bytes)} of ${bytesText(c.pages_bytes)}`, "n"));
    return row;
  }));
}

// --- what can be done --------------------------------------------------------------------------

function pause(is) {
  state.isPaused = viewer.isPaused = is;
  by("pause").setAttribute("aria-pressed", is);
  by("pause").textContent = is ? "Go on" : "Pause";
  for (const plot of Object.values(plots)) plot.pause(is);
}
function setTheme(name) {
  document.documentElement.dataset.theme = name;
  by("theme").textContent = name === "dark" ? "Light" : "Dark";
  for (const plot of Object.values(plots)) plot.draw();
}
function showView(name) {
  state.view = name;
  by("show-waiting").setAttribute("aria-pressed", name === "waiting");
  by("show-passing").setAttribute("aria-pressed", name === "passing");
  if (state.pipe) viewer.show(state.pool, state.pipe, name);
}
by("pool").addEventListener("change", (e) => choosePool(e.target.value));
by("pause").addEventListener("click", () => pause(!state.isPaused));
by("theme").addEventListener("click", () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", next); } catch { /* then it is for this visit */ }
  setTheme(next);
});
by("show-waiting").addEventListener("click", () => showView("waiting"));
by("show-passing").addEventListener("click", () => showView("passing"));
document.addEventListener("keydown", (e) => {
  if (e.target.closest("input, select, button, summary, textarea")) return;
  if (e.key === " ") { e.preventDefault(); pause(!state.isPaused); }
  if (e.key === "/") { e.preventDefault(); by("search").focus(); }
});
window.addEventListener("hashchange", () => {
  const chosen = readAddress();
  if (chosen.pool && chosen.pool !== state.pool) choosePool(chosen.pool, chosen.pipe);
  else if (chosen.pipe && chosen.pipe !== state.pipe) choosePipe(chosen.pipe);
});

let theme = null;
try { theme = localStorage.getItem("theme"); } catch { /* no storage: as the system has it */ }
setTheme(theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
loadPools();
setInterval(loadPools, 3000);
