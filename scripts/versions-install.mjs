/**
 * Gets a version of a runtime from npm: the program alone, out of the package that holds it for this platform.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "./built.mjs";

const cache = join(root, "node_modules/.cache/framewire-versions");
const { platform, arch } = process;
const end = platform === "win32" ? ".exe" : "";

/** The package of each runtime for this platform, and where in it the program is. */
const packages = {
  node: [`node-${platform === "win32" ? "win" : platform}-${arch}`, `bin/node${end}`],
  deno: [`@deno/${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`, `deno${end}`],
  bun: [
    `@oven/bun-${platform === "win32" ? "windows" : platform}-${arch === "arm64" ? "aarch64" : arch}`,
    `bin/bun${end}`,
  ],
};

/** Runs a program that must succeed, and gives its output. */
function output(program, args, cwd) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    shell: platform === "win32",
  });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed: ${stderr}`);
  return stdout.trim();
}

/** Gives the newest version that a range holds; one that is named in full needs no question. */
function resolve(name, range) {
  if (/^\d+\.\d+\.\d+$/.test(range)) return range;
  const text = output("npm", ["view", `${name}@${range}`, "version", "--json"], root);
  if (text === "") throw new Error(`npm has no ${name}@${range}`);
  const found = JSON.parse(text);
  // In the order of their publishing where there are several.
  const order = new Intl.Collator("en", { numeric: true });
  return [found].flat().sort(order.compare).at(-1);
}

/**
 * Installs what "node@22", "deno@2.8.0" and the like stand for.
 *
 * @returns The runtime's name, the version in full, and the path of the program.
 */
export function install(spec) {
  const [runtime, range] = spec.split("@");
  if (packages[runtime] === undefined || !range) {
    throw new Error(`A version is node@..., deno@... or bun@...: ${spec}`);
  }
  const [name, path] = packages[runtime];
  const version = resolve(name, range);
  const folder = join(cache, `${runtime}-${version}`);
  const program = join(folder, "package", path);
  if (!existsSync(program)) {
    // Beside its place at first: what was broken off must not be taken for the program the next time.
    const beside = `${folder}.part`;
    rmSync(beside, { recursive: true, force: true });
    mkdirSync(beside, { recursive: true });
    output("npm", ["pack", "--silent", `${name}@${version}`], beside);
    const archive = readdirSync(beside).find((file) => file.endsWith(".tgz"));
    output("tar", ["-xzf", archive], beside);
    rmSync(join(beside, archive));
    rmSync(folder, { recursive: true, force: true });
    renameSync(beside, folder);
  }
  return { runtime, version, program };
}
