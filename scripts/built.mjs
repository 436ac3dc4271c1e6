/**
 * Builds the package when `dist/` is missing or older than its sources; `node scripts/built.mjs` does just that.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Time of the newest change below a folder, or to a file. */
function newest(path) {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isCurrent() {
  const output = join(root, "dist/auto/none.mjs");
  if (!existsSync(output)) return false;
  const sources = ["src", "adapters", "build.config.ts", "package.json"];
  return statSync(output).mtimeMs > Math.max(...sources.map((path) => newest(join(root, path))));
}

/** Makes sure that `dist/` is there and current. What the build says goes to standard error. */
export function ensureBuilt() {
  if (isCurrent()) return;
  console.error("building framewire ...");
  const unbuild = join(root, "node_modules/unbuild/dist/cli.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [unbuild], {
    cwd: root,
    encoding: "utf8",
  });
  if (status === 0) return;
  console.error(stdout, stderr);
  throw new Error(`The build failed with exit code ${status}`);
}

/**
 * The program and the first arguments that run a file on a runtime, from the project's own dependencies, or where
 * FRAMEWIRE_NODE, FRAMEWIRE_DENO or FRAMEWIRE_BUN says (scripts/versions.mjs).
 */
export function runtimeCommand(runtime) {
  const { FRAMEWIRE_NODE, FRAMEWIRE_DENO, FRAMEWIRE_BUN } = process.env;
  switch (runtime) {
    case "node":
      return [FRAMEWIRE_NODE ?? process.execPath];
    case "deno":
      return [FRAMEWIRE_DENO ?? join(root, "node_modules/.bin/deno"), "run", "--no-prompt", "-A"];
    case "bun":
      return [FRAMEWIRE_BUN ?? join(root, "node_modules/.bin/bun"), "run"];
    default:
      throw new Error(`Runtime must be node, deno or bun: ${runtime}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureBuilt();
