/**
 * Plays the table of TLS cases on the runtime that runs it, which need not have vitest:
 * `bun test/support/tls/program.mjs dist/bun.mjs`. Prints a line of JSON for each row that came out otherwise, and one with
 * the counts: `letIn` of those that had to be refused, and were not.
 */

import process from "node:process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { play, rows } from "./table.mjs";

const adapter = await import(pathToFileURL(resolve(process.argv[2])).href);
const counts = { passed: 0, failed: 0, skipped: 0, letIn: 0 };
/** Tells whether somebody is let in. */
const isOpen = ({ outcome }) => String(outcome).startsWith("open");
const wanted = process.argv[3];
for (const row of rows.filter(({ way }) => wanted === undefined || way === wanted)) {
  const { way, name, expected } = row;
  const seen = await play(adapter, row).catch((error) => ({ threw: String(error) }));
  if (seen === undefined) counts.skipped++;
  else if (isDeepStrictEqual(seen, expected)) counts.passed++;
  else {
    counts.failed++;
    if (isOpen(seen) && !isOpen(expected)) counts.letIn++;
    console.log(JSON.stringify({ way, name, expected, seen }));
  }
}
console.log(JSON.stringify(counts));
process.exit(counts.failed === 0 ? 0 : 1);
