// What the measurements of the app's own pages share: a browser, the app from its folder, and how large its memory is.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

/** Chromium as the harness in this folder starts it. */
export async function browserOf(folder) {
  const { chromium } = await import(pathToFileURL(path.join(folder, "node_modules/playwright-core/index.mjs")));
  const { ARGS } = await import(pathToFileURL(path.join(folder, "args.mjs")));
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGS });
}

/** A new page whose files are those of the app's folder; what it asks for is answered by a server that knows the token. */
export async function pageOf(browser, app, token) {
  const viewport = { width: 1280, height: 900 };
  const context = await browser.newContext({ viewport, extraHTTPHeaders: { authorization: `Bearer ${token}` } });
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(String(error)));
  await page.route(/^(?!.*\/api\/)/, (route) => fromFolder(route, app));
  page.setDefaultTimeout(20_000);
  return page;
}

/** Answers for the server with a file of the app. */
async function fromFolder(route, app) {
  const asset = path.join(app, new URL(route.request().url()).pathname);
  const types = { ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".svg": "image/svg+xml" };
  const type = types[path.extname(asset)];
  const body = fs.readFileSync(type ? asset : path.join(app, "index.html"));
  await route.fulfill({ status: 200, contentType: type ?? "text/html", body });
}

/** From the next document on, `linearPages` says how many pages of 64 KiB WebAssembly's memory has; it never shrinks. */
export async function watchMemory(page) {
  await page.addInitScript(() => {
    for (const name of ["instantiateStreaming", "instantiate"]) {
      const begin = WebAssembly[name];
      WebAssembly[name] = async (...what) => {
        const begun = await begin.apply(WebAssembly, what);
        const { memory } = (begun.instance ?? begun).exports;
        window.linearPages ??= () => memory.buffer.byteLength / 65_536;
        return begun;
      };
    }
  });
}
