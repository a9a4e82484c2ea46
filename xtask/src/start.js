// Starts the app: asks for all that the page needs, at once. It stands behind the glue, so that both are one file and one
// request; xtask/src/app.rs puts in the names of the others.
{
  const code = fetch("/assets/CODE");
  // For style/first.js, which says what this cannot: that it did not come.
  window.mailtallyStarts = true;

  const { pathname, search } = location;
  const isTrend = pathname.startsWith("/reports/") && !/[?&](by|found)=/.test(search);
  // What a page needs beside the code that starts: a Trend needs nothing.
  const parts = pathname === "/" ? [OVERVIEW] : isTrend ? [] : [REST];
  for (const part of parts) {
    const as = part.endsWith(".css") ? "style" : "fetch";
    const link = { rel: "preload", href: `/assets/${part}`, as, crossOrigin: "" };
    document.head.append(Object.assign(document.createElement("link"), link));
  }

  // A page's first use of `Intl` takes some 20 ms, whenever it is: here it is while the code is on its way.
  new Intl.DateTimeFormat().format();
  new Intl.NumberFormat().format(0);

  try {
    // Then the page has been read, and its sheets: one of its scripts stands behind them (index.html).
    if (document.readyState === "loading") {
      await new Promise((done) => addEventListener("DOMContentLoaded", done));
    }
    await __wbg_init({ module_or_path: code });
  } catch (error) {
    // A blank page would explain nothing.
    mailtallyFailed(`Mailtally could not start in this browser: ${error}`);
    throw error;
  }
}
