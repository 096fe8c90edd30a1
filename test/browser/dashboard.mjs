// The dashboard in a real browser: what an operator sees.
//   node dashboard.mjs TOOL CHROMIUM [FOLDER for screenshots]
import assert from "node:assert/strict";
import {spawn} from "node:child_process";
import {once} from "node:events";
import {createInterface} from "node:readline";
import {chromium} from "playwright-core";

const [tool, browserPath, folder] = process.argv.slice(2);
const pool = `browser test ${process.pid}`;
const running = [];
function start(...args) {
  const child = spawn(tool, args, {stdio: ["pipe", "pipe", "ignore"]});
  running.push(child);
  return child;
}
async function firstLine(child) {
  for await (const line of createInterface({input: child.stdout})) return line;
}
async function put(pipe, ...packets) {
  const child = start("put", pool, pipe, "-");
  child.stdin.end(packets.map((p) => JSON.stringify(p)).join("\n") + "\n");
  await once(child, "exit");
}

start("main", pool, "8000000");
await new Promise((done) => setTimeout(done, 500));
for (const [pipe, capacity] of [["orders", "4"], ["results", "16"]])
  await once(start("pipe", "make", pool, pipe, capacity), "exit");
const packet = {price: 2.5, name: "Größe", deep: {inside: {answer: 42}}, samples: [1, 4, 2, 8, 5, 7]};
await put("orders", ...[1, 2, 3, 4].map((i) => ({i, ...packet})));
const consumer = start("get", pool, "results", "--follow");
await put("results", {first: true});
const url = await firstLine(start("dashboard", "--port", "0"));

const browser = await chromium.launch({executablePath: browserPath, args: ["--no-sandbox"]});
const complaints = [];
async function open(width, height, colorScheme) {
  const page = await (await browser.newContext({viewport: {width, height}, colorScheme})).newPage();
  page.on("console", (m) => { if (["error", "warning"].includes(m.type())) complaints.push(m.text()); });
  page.on("pageerror", (e) => complaints.push(e.message));
  await page.goto(`${url}#${new URLSearchParams({pool})}`);
  await page.waitForSelector("#pipes tbody tr");
  return page;
}
const check = async (what, is) => { assert.ok(await is, what); console.log(`ok  ${what}`); };
const text = (page, selector) => page.textContent(selector);

/** The lowest contrast of text with what is behind it, by the rule of WCAG. */
const lowestContrast = (page) => page.evaluate(() => {
  const rgb = (c) => { const m = c.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0]; return m.length === 3 ? [...m, 1] : m; };
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 0.99) return c; } return [255, 255, 255, 1]; };
  let lowest = {ratio: 99, text: ""};
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, words = walk.currentNode.textContent.trim();
    if (!words || !e.checkVisibility() || e.closest("svg, .unseen, .skip, script, option")) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color).slice(0, 3)), light(behind(e).slice(0, 3))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < lowest.ratio) lowest = {ratio, text: words.slice(0, 40)};
  }
  return lowest;
});

try {
  for (const [name, width, height, scheme] of [["desktop", 1280, 900, "light"], ["phone", 390, 844, "dark"]]) {
    const page = await open(width, height, scheme);
    await page.waitForFunction(() => document.querySelector("#why").textContent.includes("full"));
    await check(`${name}: a full pipe is seen full, and why in words`, text(page, "#why").then((t) => t.includes("orders is full (4 of 4)")));
    await check(`${name}: its depth says so`, text(page, '#pipes tr[data-pipe="orders"]').then((t) => t.includes("4 of 4, full")));
    await page.fill("#search", "answer");
    await page.waitForSelector("#packets mark");
    await check(`${name}: a packet's field is found`, text(page, "#viewer-note").then((t) => t === "4 of 4 contain it"));
    await page.fill("#search", "no such words");
    await check(`${name}: what is in no packet is not`, text(page, "#viewer-note").then((t) => t === "0 of 4 contain it"));
    await page.fill("#search", "");
    await check(`${name}: no sideways scroll`, page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    const contrast = await lowestContrast(page);
    await check(`${name}: contrast ${contrast.ratio.toFixed(1)} of "${contrast.text}"`, contrast.ratio >= 4.5);
    if (folder) { await page.waitForTimeout(3000); await page.screenshot({path: `${folder}/dashboard-${name}.png`, fullPage: name === "phone"}); }
    await page.context().close();
  }
  const page = await open(1280, 900, "light");
  await page.click('#pipes tr[data-pipe="results"]');
  await page.click("#show-passing");
  await page.waitForFunction(() => document.querySelector("#viewer-note").textContent.includes("nothing has passed"));
  await put("results", {passes: "by"});
  await page.waitForFunction(() => document.querySelector("#packets").textContent.includes("by"));
  await check("what passes is seen", true);
  await check("the consumer is seen", text(page, "#processes").then((t) => t.includes(String(consumer.pid))));
  consumer.kill("SIGKILL");
  await page.waitForFunction((pid) => !document.querySelector("#processes").textContent.includes(pid) ||
    document.querySelector("#processes").textContent.includes("dead"), String(consumer.pid), {timeout: 20000});
  await check("a killed consumer is seen to go", true);
  await page.keyboard.press("Escape");
  await page.locator("h1").click();
  await page.keyboard.press(" ");
  await check("the space bar pauses", page.getAttribute("#pause", "aria-pressed").then((t) => t === "true"));
  await page.locator("#plot-depth").focus();
  await page.keyboard.press("ArrowLeft");
  await check("the arrow keys show a plot's values", page.getAttribute("#plot-depth", "aria-label").then((t) => t.includes("s ago")));
  assert.deepEqual(complaints, []);
  console.log("ok  the browser has nothing to complain about");
} finally {
  await browser.close();
  for (const child of running.reverse()) child.kill("SIGTERM");
}
