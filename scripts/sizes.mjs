/**
 * What the package weighs in a bundle: each entry whole, and what a few programs take of it.
 *
 * `npm run sizes` shows it beside the budgets; with `--write` it sets them anew.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { ensureBuilt, root } from "./built.mjs";

const budgetFile = join(root, "test/package/sizes.json");

/** How far a budget may lie above what was measured, as a factor. */
const headroom = 1.05;

const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const entries = Object.keys(exports)
  .filter((key) => key !== "./package.json")
  .map((key) => key.replace(/^\./, "framewire"))
  .map((entry) => [entry, `export * from "${entry}";`]);

/** Programs that take a part of an entry, by what they are. */
const programs = {
  "header codec": `export { decodeHeader, encodeHeader } from "framewire/frame";`,
  "server core, without its socket": `
    export { Endpoint } from "framewire/endpoint";
    export { HeadParser } from "framewire/http";
    export { checkRequest, checkUpgrade, writeUpgrade } from "framewire/handshake";`,
  "reconnecting()": `export { reconnecting } from "framewire";`,
  "serveOn()": `export { serveOn } from "framewire";`,
  "redisBackplane()": `export { redisBackplane } from "framewire/redis";`,
  "serve() on Node": `export { serve } from "framewire/node";`,
};

/** The bundles that have a budget: their names, and their sources. */
export const bundles = Object.fromEntries([...entries, ...Object.entries(programs)]);

/**
 * Bundles a source against the built package.
 *
 * @param {string} source
 * @param {boolean} minify
 * @returns {Promise<Uint8Array>}
 */
export async function bundle(source, minify = true) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root },
    bundle: true,
    minify,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    // Of framewire/auto the module that Node gets.
    conditions: ["node"],
    external: ["node:*", "cloudflare:*"],
    // The chunks that entries share are imported for their side effects, too, and have none.
    logOverride: { "ignored-bare-import": "silent" },
    write: false,
  });
  return outputFiles[0].contents;
}

/**
 * Bytes of a source's bundle, minified and compressed as most servers do.
 *
 * @param {string} source
 * @returns {Promise<number>}
 */
export async function gzipSize(source) {
  return gzipSync(await bundle(source), { level: 9 }).length;
}

/**
 * Reads what each bundle may weigh, in bytes.
 *
 * @returns {Record<string, number>}
 */
export function readBudgets() {
  return JSON.parse(readFileSync(budgetFile, "utf8"));
}

async function main() {
  ensureBuilt();
  const isWriting = process.argv.includes("--write");
  const budgets = isWriting ? {} : readBudgets();
  for (const [name, source] of Object.entries(bundles)) {
    const size = await gzipSize(source);
    if (isWriting) budgets[name] = Math.ceil((size * headroom) / 10) * 10;
    console.log(
      `${name.padEnd(32)} ${String(size).padStart(6)} of ${budgets[name] ?? "no budget"}`,
    );
  }
  if (isWriting) writeFileSync(budgetFile, `${JSON.stringify(budgets, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
