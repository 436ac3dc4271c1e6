/**
 * Whether an entry of one runtime is used on that runtime.
 *
 * @module
 */

/** Runtimes whose entries need the global object of that name. Node's entry needs `node:net` alone, which all three have. */
export type OwnRuntime = "Deno" | "Bun";

/**
 * Makes the error for a program that uses an entry on another runtime; undefined where it is the right one.
 *
 * @param needed Names the global object that the entry needs.
 */
export function otherRuntimeError(needed: OwnRuntime): TypeError | undefined {
  if (needed in globalThis) return undefined;
  const entry = `framewire/${needed.toLowerCase()}`;
  const { name, right } = presentRuntime();
  return new TypeError(
    `${entry} is for ${needed}, and this is ${name}: import ${right}, or framewire/auto, which takes the right one by itself`,
  );
}

/** Tells which runtime this is, and which entry is for it. */
function presentRuntime(): { readonly name: string; readonly right: string } {
  if ("Deno" in globalThis) return { name: "Deno", right: "framewire/deno" };
  if ("Bun" in globalThis) return { name: "Bun", right: "framewire/bun" };
  // Taken from the global object: not every platform that this is loaded on has it.
  const { process } = globalThis as {
    readonly process?: { readonly versions?: { readonly node?: string } };
  };
  const version = process?.versions?.node;
  return version === undefined
    ? { name: "neither Node, Deno nor Bun", right: "framewire/streams" }
    : { name: `Node ${version}`, right: "framewire/node" };
}
