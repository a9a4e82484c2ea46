// The app as a contender of the browser benchmark: its entry points, in the words of the harness.
import init, { Columns, Counters, Named, show_chart, show_table } from "./ours.js";

const COUNTERS = ["connections", "blocked", "bad_commands", "terminations", "bytes_in", "bytes_out"];

/** Lists one after the other, as one array crosses into WebAssembly. */
function joined(Type, lists) {
  if (lists.length === 1 && lists[0] instanceof Type) return lists[0];
  const all = new Type(lists.reduce((length, list) => length + list.length, 0));
  lists.reduce((at, list) => (all.set(list, at), at + list.length), 0);
  return all;
}

/** Waits until `is` holds: parts of the app are made when they are mounted, and filled by effects right after. */
async function until(is) {
  for (let turns = 0; !is(); turns++) {
    await (turns < 50 ? undefined : new Promise((done) => requestAnimationFrame(done)));
  }
}

const sheet = document.createElement("link");
sheet.rel = "stylesheet";
sheet.href = new URL("./ours.css", import.meta.url).href;
document.head.append(sheet);
// The app's sheet gives the body a column for the menu first: parts of the app stand in the other one.
document.body.style.display = "block";

window.contender = {
  name: "ours",

  async init() {
    await init({ module_or_path: new URL("./ours.wasm", import.meta.url) });
  },

  parse: { cols: ({ bytes }) => Columns.read(bytes) },
  nrows: (columns) => columns.rows(),
  free: (handle) => handle.free(),

  fromColumns: (o) =>
    new Counters(
      o.ts,
      new Uint32Array(o.domain),
      new Uint32Array(o.user),
      joined(Int32Array, COUNTERS.map((name) => o[name])),
      "America/New_York",
    ),
  bucket(counters, by) {
    const all = counters.fold(by);
    const rows = all.length / (COUNTERS.length + 1);
    const list = (nth) => all.subarray(nth * rows, (nth + 1) * rows);
    return { keys: list(0), sums: COUNTERS.map((_, nth) => list(nth + 1)) };
  },

  sortLoad: (o) => new Named(o.name.join("\n"), joined(Int32Array, COUNTERS.map((name) => o[name])), COUNTERS.length),
  sort(named, column, descending) {
    const order = named.order(column === "name" ? undefined : COUNTERS.indexOf(column), Boolean(descending));
    return (place) => order[place];
  },

  // The user's number is the row's name; the rest are its cells.
  csvLoad(o) {
    const cells = ["ts", "domain", ...COUNTERS];
    return new Named(Array.from(o.user).join("\n"), joined(Int32Array, cells.map((name) => o[name])), cells.length);
  },
  csv: (named) => named.csv(),

  tableLoad: (o) => contender.sortLoad(o),
  async table(place, named) {
    const mounted = show_table(place, named);
    await until(() => place.querySelector("tbody tr"));
    return { destroy: () => mounted.free() };
  },

  async drawChart(place, { kind, x, ys }) {
    const kinds = { line: "line", area: "stacked-area", bar: "stacked-column" };
    const mounted = show_chart(place, kinds[kind], x, joined(Float64Array, ys), ys.length);
    await until(() => place.querySelector("canvas")?.getAttribute("data-draws") > 0);
    return { destroy: () => mounted.free() };
  },
};
