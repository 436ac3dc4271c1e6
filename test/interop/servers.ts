/**
 * Servers as programs of their own: started until they say where they listen, and ended by SIGTERM.
 *
 * @module
 */

import { startProgram } from "../support/program.ts";
import type { Runtime } from "../support/runtime.ts";

/** A server that listens. */
export interface ServerProgram {
  readonly port: number;
  /** Sends SIGTERM, and resolves with the exit code. */
  stop(): Promise<number | null>;
}

/**
 * Starts a server, and waits for the line that tells its port.
 *
 * @param listening Its first group is the port.
 */
export async function startServer(
  command: readonly string[],
  listening: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProgram> {
  const program = startProgram(command, env);
  const [, port] = await program.line(listening);
  return { port: Number(port), stop: () => program.stop() };
}

/** Starts the echo server of the built package. */
export function startEcho(runtime: Runtime, ...args: readonly string[]): Promise<ServerProgram> {
  const command = [process.execPath, "scripts/echo.mjs", runtime, "0", ...args];
  return startServer(command, /^listening on (\d+)$/m);
}
