// What visits of two reports in turn leave behind in the app's page: `node visits.mjs FOLDER APP ADDRESS TOKEN`, with the
// folder of the peers, that of the built app, and a server.
//
// Prints a JSON list of `{ visits, pages, heap, nodes, listeners }`: pages of 64 KiB of linear memory, bytes of JavaScript's
// heap after garbage is collected, elements and listeners.
import { browserOf, pageOf, watchMemory } from "./page.mjs";

const [folder, app, address, token] = process.argv.slice(2);
const REPORTS = ["POP Sessions", "Message Traffic"];
const LOOKS = [2, 50, 100, 150, 200];

const browser = await browserOf(folder);
const page = await pageOf(browser, app, token);
await watchMemory(page);
await page.goto(`${address}/reports/message-traffic?range=2026-03-02..2026-03-08`);
await page.waitForSelector("canvas[data-draws]");
const session = await page.context().newCDPSession(page);
await session.send("Performance.enable");

const seen = [];
for (let visits = 1; visits <= LOOKS.at(-1); visits++) {
  const title = REPORTS[(visits - 1) % REPORTS.length];
  await page.getByRole("link", { name: title, exact: true }).click();
  await page.waitForFunction(isShown, title);
  if (LOOKS.includes(visits)) seen.push({ visits, ...(await left()) });
}
await browser.close();
console.log(JSON.stringify(seen));

async function left() {
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const of = (name) => metrics.find((metric) => metric.name === name).value;
  const pages = await page.evaluate(() => window.linearPages());
  return { pages, heap: of("JSHeapUsedSize"), nodes: of("Nodes"), listeners: of("JSEventListeners") };
}

/** Whether the report of this title stands there with its numbers and its chart. */
function isShown(title) {
  const is = (selector) => document.querySelector(selector) !== null;
  return document.querySelector("h1")?.textContent === title && !is("[aria-busy=true]") && is("tfoot") && is("canvas[data-draws]");
}
