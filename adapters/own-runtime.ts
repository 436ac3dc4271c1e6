/**
 * Checks that the entry of a runtime is used on that runtime.
 *
 * @module
 */

/** Runtimes whose entries need the global object of that name. Node's entry needs only `node:net`, which all three have. */
export type OwnRuntime = "Deno" | "Bun";

/**
 * Makes the error for a program that uses the entry of another runtime; gives undefined for the right entry.
 *
 * @param needed The name of the global object that the entry needs.
 */
export function otherRuntimeError(needed: OwnRuntime): TypeError | undefined {
  if (needed in globalThis) return undefined;
  const entry = `framewire/${needed.toLowerCase()}`;
  const { name, right } = presentRuntime();
  return new TypeError(
    `${entry} is for ${needed}, and this is ${name}: import ${right}, or framewire/auto, which takes the right one by itself`,
  );
}

/** Gives the name of this runtime, and the entry for it. */
function presentRuntime(): { readonly name: string; readonly right: string } {
  if ("Deno" in globalThis) return { name: "Deno", right: "framewire/deno" };
  if ("Bun" in globalThis) return { name: "Bun", right: "framewire/bun" };
  // Read from the global object: not every platform that loads this file has it.
  const { process } = globalThis as {
    readonly process?: { readonly versions?: { readonly node?: string } };
  };
  const version = process?.versions?.node;
  return version === undefined
    ? { name: "neither Node, Deno nor Bun", right: "framewire/streams" }
    : { name: `Node ${version}`, right: "framewire/node" };
}
