// Writes the benchmark's rows as answers of the server: `node answers.mjs FOLDER ROWS…`, in the folder of the peers.
// Slots are distances, as on the wire; which domain and user a row is of is not in the answer to a Trend.
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { pathToFileURL } from "node:url";

const [folder, ...sizes] = process.argv.slice(2);
const { gen, T0, DAYS } = await import(pathToFileURL(path.join(folder, "src/gen.mjs")));
// Measures of the report that the contender folds, and the benchmark's counters that stand for them.
const MEASURES = {
  "message.incoming": "connections",
  "message.outgoing": "blocked",
  "message.incoming_spam": "bad_commands",
  "message.outgoing_spam": "terminations",
  "message.bounces": "bytes_in",
  "message.spam_blocked": "bytes_out",
};
const SLOT_SECS = 900;

for (const size of sizes.map(Number)) {
  const data = gen(size);
  // A day of 25 hours is among them.
  const until = T0 + DAYS * 86_400 + 3_600;
  let before = 0;
  const slot = Array.from(data.ts, (time) => {
    const distance = Math.floor(time / SLOT_SECS) - before;
    before += distance;
    return distance;
  });
  const values = Object.fromEntries(Object.entries(MEASURES).map(([id, counter]) => [id, Array.from(data[counter])]));
  const answer = JSON.stringify({
    report: "message-traffic",
    subject: "(server)",
    by: "time",
    from: T0,
    until,
    slot_seconds: SLOT_SECS,
    read_until: until,
    coverage: { postfix: [[T0, until, 0]] },
    basis: {},
    subjects: [],
    slot,
    subject_index: [],
    values,
    totals: {},
  });
  const file = path.join(folder, `data/answer-${size}.json`);
  const packed = zlib.brotliCompressSync(answer, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } });
  fs.writeFileSync(file, answer);
  fs.writeFileSync(`${file}.br`, packed);
  console.log(`${size} rows: ${answer.length} bytes, ${packed.length} with brotli`);
}
