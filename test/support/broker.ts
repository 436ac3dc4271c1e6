import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import process from "node:process";

/** A broker that a test has for itself, and may treat badly. */
export interface TestBroker {
  readonly port: number;
  /** It is gone at once, as by a failure of its machine's. */
  kill(): Promise<void>;
  /** Another one, at the same port. */
  start(): Promise<void>;
  /** It holds its connections, and answers nothing. */
  pause(): void;
  resume(): void;
}

/** Whether all threads of a process stand still, where the system tells. */
function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return true;
  try {
    return readdirSync(tasks).every((task) => {
      const stat = readFileSync(`${tasks}/${task}/stat`, "utf8");
      return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
    });
  } catch {
    // One of them has ended meanwhile.
    return false;
  }
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts a broker on a port of its own.
 *
 * @param command Gives the program and its arguments.
 * @param ready What it says when it can be connected to.
 */
export async function startBroker(
  command: (port: number) => readonly string[],
  ready: string,
): Promise<TestBroker> {
  const port = await freePort();
  const [program, ...args] = command(port) as [string, ...string[]];
  let child: ChildProcess | undefined;
  const end = (): void => void child?.kill("SIGKILL");
  process.once("exit", end);
  const broker: TestBroker = {
    port,
    async kill() {
      const dying = child;
      child = undefined;
      if (dying === undefined) return;
      const ended = new Promise((resolve) => dying.once("exit", resolve));
      dying.kill("SIGKILL");
      await ended;
    },
    start: () =>
      new Promise((resolve, reject) => {
        const started = spawn(program, args);
        child = started;
        started.once("error", reject);
        started.once("exit", (code) => {
          reject(new Error(`${program} has ended with ${code}`));
        });
        for (const stream of [started.stdout, started.stderr]) {
          stream.on("data", (line: Uint8Array) => {
            if (String(line).includes(ready)) resolve();
          });
        }
      }),
    // Not by the child's own `kill`: Deno's does nothing the second time.
    pause() {
      const pid = child!.pid!;
      process.kill(pid, "SIGSTOP");
      // A signal takes its time: what is sent to it meanwhile would still be answered.
      while (!isStopped(pid));
    },
    resume: () => void process.kill(child!.pid!, "SIGCONT"),
  };
  await broker.start();
  return broker;
}
