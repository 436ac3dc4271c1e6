/**
 * Large copies, by how far behind its source a target lies, counted within a page: what `copy` of src/bytes.ts and the start of
 * a frame in src/endpoint/write-buffer.ts see to. The last column is a copy by pieces of 2 KiB, which is what `copy` does there.
 *
 * `node bench/micro/distance.mjs`, and with Deno (`deno run -A`) and Bun. It takes both arrays to begin at the same place of a
 * page, as large ones do.
 */

const page = 4096;
const piece = 2048;
const room = 2 ** 21;
const source = new Uint8Array(room).fill(1);
const target = new Uint8Array(room);
const distances = [-14, 0, 1, 10, 14, 31, 32, 64];
const times = 200;
const rounds = 9;

/** Nanoseconds that `work` takes, the least of some rounds. */
function timeOf(work) {
  let least = Infinity;
  for (let round = 0; round < rounds; round++) {
    const from = performance.now();
    for (let i = 0; i < times; i++) work();
    least = Math.min(least, ((performance.now() - from) * 1e6) / times);
  }
  return Math.round(least);
}

const table = [];
for (const size of [1024, 2048, 3000, 4096, 16 * 1024, 64 * 1024, 256 * 1024, 512 * 1024]) {
  const row = { size };
  const whole = source.subarray(4 * page, 4 * page + size);
  for (const distance of distances) {
    row[distance] = timeOf(() => target.set(whole, 4 * page + distance));
  }
  row["10, by pieces"] = timeOf(() => {
    for (let at = 0; at < size; at += piece) {
      target.set(whole.subarray(at, at + piece), 4 * page + 10 + at);
    }
  });
  table.push(row);
}
console.log("ns a copy, by bytes behind the source");
console.table(table);
