/**
 * The versions of the runtimes that framewire supports, and the check for older ones.
 *
 * @module
 */

/** The oldest versions on which the tests have passed: `engines` in package.json, docs/runtimes.md. */
export const oldestVersions = { node: "20.19.0", deno: "2.9.4", bun: "1.4.5" } as const;

/** Older versions are refused: Bun 1.1 has no `close` for its sockets, and its `terminate` throws. */
const refusedBelow: Readonly<Record<string, string>> = { bun: "1.2.0" };

const titles = { node: "Node", deno: "Deno", bun: "Bun" } as const;

/** The type of `process.versions`. Deno and Bun name a version of Node, too. */
export type Versions = Readonly<Record<string, string | undefined>>;

/**
 * Makes the check. It warns only once, however often it is called.
 *
 * @param warn Called with the warning.
 */
export function versionCheck(versions: Versions, warn: (sentence: string) => void): () => void {
  const runtime = (["bun", "deno", "node"] as const).find((name) => versions[name] !== undefined);
  // Another platform, for which no versions are known.
  if (runtime === undefined) return () => {};
  const version = versions[runtime]!;
  const needed = `framewire needs ${titles[runtime]} ${oldestVersions[runtime]} or later, and this is ${version}`;
  const isRefused = isBelow(version, refusedBelow[runtime] ?? "0");
  let isDone = !isBelow(version, oldestVersions[runtime]);
  return () => {
    if (isRefused) throw new TypeError(needed);
    if (isDone) return;
    isDone = true;
    warn(`${needed}: not everything works as it is documented (docs/runtimes.md)`);
  };
}

/** Compares major, minor and patch; a part behind a hyphen does not count. */
function isBelow(version: string, other: string): boolean {
  const numbers = parts(version);
  const others = parts(other);
  const at = numbers.findIndex((number, index) => number !== others[index]);
  return at >= 0 && numbers[at]! < others[at]!;
}

function parts(version: string): number[] {
  return [0, 1, 2].map((index) => Number.parseInt(version.split(".")[index] ?? "0", 10));
}

/** Reads the versions from the global object: not every platform that loads this file has modules of Node. */
function ownVersions(): Versions {
  return (
    (globalThis as { readonly process?: { readonly versions?: Versions } }).process?.versions ?? {}
  );
}

/**
 * Warns at the first use if the runtime is too old.
 *
 * @throws {TypeError} The runtime is so old that framewire cannot work on it.
 */
export const checkRuntime: () => void = /* @__PURE__ */ versionCheck(ownVersions(), (sentence) => {
  console.warn(sentence);
});
