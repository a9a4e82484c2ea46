// How long the app's longest script is at a hundred thousand rows, by what a person does: `node frames.mjs FOLDER APP
// ADDRESS TOKEN`, with the folder of the peers, that of the built app, and a server. A script is what runs between two moments
// at which the browser may paint; its length is the CPU time of the page's main thread as Chromium's own trace has it, so that
// other programs do not count.
//
// Prints a JSON list of `[what, milliseconds of each load]`.
import { browserOf, pageOf } from "./page.mjs";

const [folder, app, address, token] = process.argv.slice(2);
// Longer than anything that a click sets off, in milliseconds.
const QUIET = 400;
const LOADS = 5;
const USERS = "/reports/message-traffic?subject=example.com&range=2026-03-02..2026-03-08";
// Of what runs in a task, the rest is style, layout and paint; what a script makes the browser lay out at once is in it.
const SCRIPTS = ["FunctionCall", "EvaluateScript"];
const CATEGORIES = "toplevel,devtools.timeline,disabled-by-default-devtools.timeline,v8";

const browser = await browserOf(folder);
const tracer = await browser.newBrowserCDPSession();

/** The events of all processes while `act` runs. */
async function traced(act) {
  const events = [];
  const collect = (data) => events.push(...data.value);
  tracer.on("Tracing.dataCollected", collect);
  await tracer.send("Tracing.start", { transferMode: "ReportEvents", categories: CATEGORIES });
  await act();
  const complete = new Promise((done) => tracer.once("Tracing.tracingComplete", done));
  await tracer.send("Tracing.end");
  await complete;
  tracer.off("Tracing.dataCollected", collect);
  return events;
}

/** CPU milliseconds of the longest script of any page's main thread. */
function longest(events) {
  const named = (name) => events.filter((event) => event.ph === "M" && event.name === name);
  const mains = named("thread_name").filter((event) => event.args.name === "CrRendererMain");
  const of = (event) => `${event.pid}/${event.tid}`;
  let most = 0;
  for (const main of mains) {
    const own = events.filter((event) => event.ph === "X" && of(event) === of(main)).sort((a, b) => a.ts - b.ts);
    let [until, scripts, task] = [0, 0, 0];
    for (const event of own) {
      const end = event.ts + event.dur;
      // A task ends where the browser may paint; its scripts are one.
      if (event.ts >= task && event.name.endsWith("RunTask")) [task, scripts] = [end, 0];
      if (event.ts < until || !SCRIPTS.includes(event.name)) continue;
      [until, scripts] = [end, scripts + (event.tdur ?? event.dur)];
      most = Math.max(most, scripts / 1000);
    }
  }
  return most;
}

const seen = new Map();
for (let load = 0; load < LOADS; load++) {
  const page = await pageOf(browser, app, token);
  const settled = () => page.waitForTimeout(QUIET);
  const rows = (count) =>
    page.waitForFunction((count) => document.querySelector("table")?.getAttribute("aria-rowcount") === count, count);
  const measure = async (what, act) => {
    const events = await traced(async () => {
      await act();
      await settled();
    });
    seen.set(what, [...(seen.get(what) ?? []), longest(events)]);
  };
  const choose = (label) => page.getByRole("button", { name: label, exact: true }).click();
  const many = String(100_002);
  const users = async () => {
    await choose("Users");
    await rows(many);
    await page.waitForSelector("canvas[data-draws]");
  };
  const trend = async () => {
    await choose("Trend");
    await page.waitForFunction(() => document.querySelectorAll("tbody th[scope=row]").length === 7);
  };
  const sort = (nth) => page.locator("thead button.sort").nth(nth).click();
  const chart = (kind) => async () => {
    await page.getByRole("button", { name: /Chart: / }).click();
    await choose(kind);
  };

  await page.goto(`${address}${USERS}`);
  await page.waitForSelector("canvas[data-draws]");
  await settled();
  await measure("Trend to Users, asked for", users);
  await measure("Users to Trend", trend);
  await measure("Trend to Users, known", users);
  await measure("sort by a number", () => sort(1));
  await measure("sort the other way", () => sort(1));
  await measure("sort by another number", () => sort(2));
  await measure("sort by name", () => sort(0));
  await measure("scroll to the middle", () => page.evaluate(() => (document.querySelector(".table-scroll").scrollTop = 1_600_000)));
  await measure("scroll on", () => page.evaluate(() => (document.querySelector(".table-scroll").scrollTop += 600)));
  await measure("bars to shares", chart("Share"));
  await measure("shares to bars", chart("Bar"));
  for (const typed of ["u", "u0", "u05", "u053", "u0531"]) {
    await measure(`filter: ${typed}`, () => page.getByRole("searchbox").pressSequentially(typed.at(-1)));
  }
  await measure("filter: clear", () => page.getByRole("searchbox").fill(""));
  await page.context().close();
}
await browser.close();
console.log(JSON.stringify([...seen]));
