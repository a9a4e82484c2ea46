// What a report's page costs by its rows: `node growth.mjs FOLDER ADDRESS SIZE…`, with the folder of the peers and its server.
// Each page is loaded anew, asked once more, and then says how large it is.
//
// Prints a JSON list of `{ rows, first, again, pages, others }`: milliseconds of each load from the question to the second frame,
// the first time and later; then, of the last load, pages of 64 KiB of linear memory and bytes of all else that the browser
// counts as the page's memory.
import { browserOf, watchMemory } from "./page.mjs";

const [folder, address, ...sizes] = process.argv.slice(2);
const LOADS = 5;

const browser = await browserOf(folder);
const measured = [];
for (const rows of sizes.map(Number)) {
  const [first, again] = [[], []];
  for (let load = 1; load <= LOADS; load++) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 1100 }, timezoneId: "America/New_York" });
    const page = await context.newPage();
    page.on("pageerror", (error) => console.error(String(error)));
    await watchMemory(page);
    await page.goto(`${address}/ours/whole.html?n=${rows}`);
    await page.waitForFunction(() => window.__done);
    first.push(await page.evaluate(() => window.__first.total));
    again.push(await page.evaluate(async () => (await window.__go()).total));
    // The browser takes ten seconds to say it.
    if (load === LOADS) measured.push({ rows, first, again, ...(await page.evaluate(memory)) });
    await context.close();
  }
}
await browser.close();
console.log(JSON.stringify(measured));

async function memory() {
  gc();
  const { bytes } = await performance.measureUserAgentSpecificMemory();
  return { pages: window.linearPages(), others: bytes };
}
