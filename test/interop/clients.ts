/**
 * The clients that the echo server has to get on with: how each is installed, how it is run, and what it cannot do.
 *
 * @module
 */

import { execFile, spawnSync } from "node:child_process";
import { channel } from "node:diagnostics_channel";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as undici from "undici";
import { WebSocket as WsWebSocket } from "ws";
import { root, runtimeCommand } from "../../scripts/built.mjs";
import type { Action, Case, Result } from "./cases.ts";
import { type Implementation, runCases, type WebSocketLike } from "./clients/web.ts";

/** A peer that is not of this project. */
export interface Client {
  readonly name: string;
  /** How it gets onto a machine. */
  readonly installation: string;
  /** Why it has no test for some actions. */
  readonly cannot: Readonly<Partial<Record<Action, string>>>;
  /** Why it cannot run here; undefined where it can. */
  missing(): string | undefined;
  run(url: string, cases: readonly Case[]): Promise<readonly Result[]>;
}

const webCannot = {
  fragments: "The class of the WHATWG standard sends each message as it likes",
} as const;

const denoCommand = runtimeCommand("deno");
const bunCommand = runtimeCommand("bun");
// Not the first python3 of PATH: the library belongs to the system's.
const pythonProgram = "/usr/bin/python3";
const goProgram = "/usr/bin/go";
const gorillaSource = "/usr/share/gocode/src/github.com/gorilla/websocket";

export const clients: readonly Client[] = [
  {
    name: "npm ws",
    installation: "npm ci",
    cannot: {},
    missing: () => undefined,
    run: (url, cases) => inProcess(wsImplementation, url, cases),
  },
  {
    name: "undici WebSocket",
    installation: "npm ci",
    cannot: webCannot,
    missing: () => undefined,
    run: (url, cases) => inProcess(undiciImplementation, url, cases),
  },
  {
    name: "Deno WebSocket",
    installation: "npm ci",
    cannot: { ...webCannot, ping: "Deno offers no way to send a ping" },
    missing: () => missingFile(denoCommand[0]),
    run: (url, cases) => asProgram([...denoCommand, program("global.ts")], url, cases),
  },
  {
    name: "Bun WebSocket",
    installation: "npm ci",
    cannot: webCannot,
    missing: () => missingFile(bunCommand[0]),
    run: (url, cases) => asProgram([...bunCommand, program("global.ts")], url, cases),
  },
  {
    name: "Python websockets",
    installation: "apt-get install python3-websockets",
    cannot: {},
    missing: () => missingFile(pythonProgram) ?? failure(pythonProgram, "-c", "import websockets"),
    run: (url, cases) => asProgram([pythonProgram, program("client.py")], url, cases),
  },
  {
    name: "Go gorilla/websocket",
    installation: "apt-get install golang-go golang-github-gorilla-websocket-dev",
    cannot: {},
    missing: () => missingFile(goProgram) ?? missingFile(gorillaSource),
    run: async (url, cases) => asProgram([await builtGoClient()], url, cases),
  },
];

const wsImplementation: Implementation = {
  connect: (url, offered) => new WsWebSocket(url, offered) as unknown as WebSocketLike,
  ping: (ws, payload) =>
    new Promise((resolve) => {
      const socket = ws as unknown as WsWebSocket;
      socket.once("pong", resolve);
      socket.ping(payload);
    }),
  sendFragment: (ws, type, bytes, fin) => {
    (ws as unknown as WsWebSocket).send(bytes, { binary: type === "binary", fin });
  },
};

const undiciImplementation: Implementation = {
  connect: (url, offered) => new undici.WebSocket(url, offered) as unknown as WebSocketLike,
  // Its pongs are told to diagnostics only.
  ping: (ws, payload) =>
    new Promise((resolve) => {
      const pongs = channel("undici:websocket:pong");
      const onPong = (message: unknown): void => {
        const pong = message as { readonly payload: Uint8Array; readonly websocket: unknown };
        if (pong.websocket !== ws) return;
        pongs.unsubscribe(onPong);
        resolve(pong.payload);
      };
      pongs.subscribe(onPong);
      undici.ping(ws as unknown as undici.WebSocket, Buffer.from(payload));
    }),
};

async function inProcess(
  implementation: Implementation,
  url: string,
  cases: readonly Case[],
): Promise<Result[]> {
  const results: Result[] = [];
  for await (const result of runCases(implementation, url, cases)) results.push(result);
  return results;
}

const executeFile = promisify(execFile);

/** Runs a client that prints its results; a case without one gets what the program said instead. */
async function asProgram(
  command: readonly [program: string, ...args: string[]],
  url: string,
  cases: readonly Case[],
): Promise<Result[]> {
  const [file, ...args] = command;
  const { stdout, stderr } = await executeFile(file, [...args, url, JSON.stringify(cases)], {
    cwd: root,
    timeout: 50_000,
  }).catch((error: unknown) => {
    const { message, stdout, stderr } = error as Error & { stdout: string; stderr: string };
    return { stdout, stderr: `${message}\n${stderr}` };
  });
  const lines = stdout.split("\n").filter((line) => line !== "");
  const results = lines.map((line) => JSON.parse(line) as Result);
  const isTold = new Set(results.map((result) => result.case));
  const untold = cases.filter(({ name }) => !isTold.has(name));
  return [
    ...results,
    ...untold.map(({ name }) => ({ case: name, ok: false, detail: `No result: ${stderr}` })),
  ];
}

function program(name: string): string {
  return fileURLToPath(new URL(`clients/${name}`, import.meta.url));
}

function missingFile(path: string): string | undefined {
  return existsSync(path) ? undefined : `there is no ${path}`;
}

function failure(file: string, ...args: string[]): string | undefined {
  const { status, stderr } = spawnSync(file, args, { encoding: "utf8" });
  return status === 0 ? undefined : stderr.trim();
}

const buildFolder = mkdtempSync(join(tmpdir(), "framewire-interop-"));
let goClient: Promise<string> | undefined;

/** Removes what clients were built into. */
export function removeBuilds(): void {
  rmSync(buildFolder, { recursive: true, force: true });
}

/** Builds the Go client, once for all servers. */
function builtGoClient(): Promise<string> {
  goClient ??= buildGoClient(join(buildFolder, "client"));
  return goClient;
}

async function buildGoClient(output: string): Promise<string> {
  await executeFile(goProgram, ["build", "-o", output, program("client.go")], {
    env: {
      ...process.env,
      GO111MODULE: "off",
      GOPATH: "/usr/share/gocode",
      GOCACHE: join(tmpdir(), "framewire-go-cache"),
    },
  });
  return output;
}
