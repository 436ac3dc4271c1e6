import process from "node:process";
import { spawn } from "node:child_process";
import { root } from "../../scripts/built.mjs";
import { atExit } from "./at-exit.ts";

/** A program that was started for a test. */
export interface Program {
  /** Waits for a line of its output that matches, and gives the match. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits for its end, and gives its exit code and all that it printed. */
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
  /** Asks it to end, and waits for that. */
  stop(): Promise<number | null>;
}

/** Starts a program, in the project's folder unless told otherwise. */
export function startProgram(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd: string = root,
): Program {
  const [program, ...args] = command as [string, ...string[]];
  const child = spawn(program, args, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  // A run that is cut short leaves no program behind.
  const end = (): void => void child.kill("SIGTERM");
  const forget = atExit(end);
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Uint8Array) => {
      output += String(chunk);
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      forget();
      resolve({ code, output });
    });
  });
  return {
    ended,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output);
          if (match === null) return;
          listeners.delete(look);
          resolve(match);
        };
        listeners.add(look);
        look();
        void ended.then(({ code }) => {
          reject(
            new Error(`${program} ended with ${code} before it printed ${pattern}: ${output}`),
          );
        }, reject);
      }),
    stop: async () => {
      end();
      return (await ended).code;
    },
  };
}
