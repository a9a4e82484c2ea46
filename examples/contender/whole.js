// A whole report as a page of the benchmark: asked for, read, folded, drawn and listed, once and whenever it is asked again. It
// stands behind the glue, as what starts the product does (xtask/src/start.js, style/first.js).
{
  const rows = new URL(location.href).searchParams.get("n") ?? "100000";
  const place = (id) => document.getElementById(id);
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  let shown = [];

  async function go() {
    const begun = performance.now();
    const bytes = new Uint8Array(await (await fetch(`/data/answer-${rows}.json`)).arrayBuffer());
    const answer = Answered.read(bytes);
    const read = performance.now();
    const report = answer.fold("America/New_York");
    const folded = performance.now();
    shown.forEach((part) => part.free());
    shown = report.show(place("chart"), place("table"));
    const rendered = performance.now();
    await frame();
    await frame();
    const end = performance.now();
    const [groups, sum] = [report.rows(), report.sum(4)];
    report.free();
    answer.free();
    return {
      load: read - begun,
      bucket: folded - read,
      render: rendered - folded,
      paint: end - rendered,
      total: end - begun,
      end,
      groups,
      sum,
    };
  }

  localStorage.getItem("mailtally-theme");
  const code = fetch(new URL("./ours.wasm", import.meta.url));
  new Intl.DateTimeFormat().format();
  new Intl.NumberFormat().format(0);
  if (document.readyState === "loading") {
    await new Promise((done) => addEventListener("DOMContentLoaded", done));
  }
  await __wbg_init({ module_or_path: code });
  window.__first = await go();
  window.__go = go;
  window.__done = true;
}
