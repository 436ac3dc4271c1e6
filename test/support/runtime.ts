import process from "node:process";

/** Which runtime runs the tests. */
export type Runtime = "node" | "deno" | "bun";

export const runtime: Runtime =
  "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";

/** Whether sockets have paths of files here: Windows has named pipes in their place. */
export const hasUnixSockets: boolean = process.platform !== "win32";

const { gc, Bun } = globalThis as {
  readonly gc?: () => void;
  readonly Bun?: { gc(isSynchronous: boolean): void };
};

/** Collects garbage where the runtime was told to allow it, as `npm test` tells all three. */
export function collectGarbage(): void {
  if (Bun === undefined) gc?.();
  else Bun.gc(true);
}
