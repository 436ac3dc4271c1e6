/**
 * Servers as programs of their own: started until they say where they listen, and ended by SIGTERM.
 *
 * @module
 */

import { spawn } from "node:child_process";
import type { Runtime } from "../support/runtime.ts";

/** What the project's scripts know of the built package; they are plain JavaScript, without declarations. */
interface BuildScripts {
  /** The project's folder, where programs start. */
  readonly root: string;
  /** Builds the package where it is missing or older than its sources. */
  ensureBuilt(): void;
  /** The program and the first arguments that run a file on a runtime. */
  runtimeCommand(runtime: Runtime): [program: string, ...args: string[]];
}

const scripts = new URL("../../scripts/built.mjs", import.meta.url).href;

export const { root, ensureBuilt, runtimeCommand } = (await import(scripts)) as BuildScripts;

/** A server that listens. */
export interface ServerProgram {
  readonly port: number;
  /** Sends SIGTERM, where that has not been done, and resolves with the exit code. */
  stop(): Promise<number | null>;
}

/**
 * Starts a server, and waits for the line that tells its port.
 *
 * @param listening Its first group is the port.
 */
export function startServer(
  command: readonly [program: string, ...args: string[]],
  listening: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProgram> {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  // A run that is cut short leaves no server behind.
  const end = (): void => void child.kill("SIGTERM");
  process.once("exit", end);
  void exited.then(() => process.off("exit", end));

  return new Promise((resolve, reject) => {
    let output = "";
    let isListening = false;
    const onOutput = (chunk: string): void => {
      output += chunk;
      const port = listening.exec(output)?.[1];
      if (port === undefined || isListening) return;
      isListening = true;
      resolve({
        port: Number(port),
        stop() {
          end();
          return exited;
        },
      });
    };
    child.stdout.setEncoding("utf8").on("data", onOutput);
    child.stderr.setEncoding("utf8").on("data", onOutput);
    child.once("error", reject);
    void exited.then((code) => {
      reject(new Error(`${command.join(" ")} ended with exit code ${code}:\n${output}`));
    });
  });
}

/** Starts the echo server of the built package. */
export function startEcho(runtime: Runtime): Promise<ServerProgram> {
  return startServer(
    [process.execPath, "scripts/echo.mjs", runtime, "0"],
    /^listening on (\d+)\n/m,
  );
}
