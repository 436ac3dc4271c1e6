/** Which runtime runs the tests. */
export type Runtime = "node" | "deno" | "bun";

export const runtime: Runtime =
  "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
