import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { atExit } from "./at-exit.ts";

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

/** A process and its children, where the system tells: some brokers have one for each connection. */
function familyOf(pid: number): number[] {
  const family = [pid];
  for (const name of existsSync("/proc") ? readdirSync("/proc") : []) {
    if (/^\d+$/.test(name) && parentOf(name) === pid) family.push(Number(name));
  }
  return family;
}

function parentOf(name: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}

/** Whether a process has ended, if only its parent has not been told. */
function isGone(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  try {
    const stat = readFileSync(file, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return true;
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

/** Sends a signal to a process, which may have ended. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has.
  }
}

/** Stops a process. A signal takes its time: what is sent to it meanwhile would still be answered. */
function stop(pid: number): void {
  signal(pid, "SIGSTOP");
  while (!isStopped(pid) && !isGone(pid));
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
  let forget = (): void => {};
  const broker: TestBroker = {
    port,
    async kill() {
      const dying = child;
      child = undefined;
      forget();
      if (dying === undefined) return;
      const ended = new Promise((resolve) => dying.once("exit", resolve));
      // It first, so that it does nothing about the others.
      const family = dying.pid === undefined ? [] : familyOf(dying.pid);
      dying.kill("SIGKILL");
      for (const pid of family.slice(1)) signal(pid, "SIGKILL");
      await ended;
      while (!family.every(isGone)) await new Promise((resolve) => setImmediate(resolve));
    },
    start: () =>
      new Promise((resolve, reject) => {
        const started = spawn(program, args);
        child = started;
        forget = atExit(end);
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
      stop(pid);
      for (const other of familyOf(pid).slice(1)) stop(other);
    },
    resume() {
      for (const pid of familyOf(child!.pid!)) signal(pid, "SIGCONT");
    },
  };
  await broker.start();
  return broker;
}
