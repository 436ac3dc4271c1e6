/**
 * The clients that the echo server has to get on with: how each is installed, how it is run, and what it cannot do.
 *
 * @module
 */

import { build } from "esbuild";
import { execFile } from "node:child_process";
import { channel } from "node:diagnostics_channel";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as undici from "undici";
import { WebSocket as WsWebSocket } from "ws";
import { root, runtimeCommand } from "../../scripts/built.mjs";
import { Firefox, firefoxAbsence } from "../browser/firefox.ts";
import {
  built,
  type Command,
  missingGo,
  missingJava,
  missingLibwebsockets,
  missingTomcat,
  removeBuilds,
} from "./builds.ts";
import type { Action, PlacedCase, Result } from "./cases.ts";
import { type Implementation, runCases, type WebSocketLike } from "./clients/web.ts";
import { installationOf, missingLibrary, type PythonLibrary, pythonProgram } from "./python.ts";

/** A peer that is not of this project. */
export interface Client {
  readonly name: string;
  /** How it gets onto a machine. */
  readonly installation: string;
  /** Why it has no test for some actions. */
  readonly cannot: Readonly<Partial<Record<Action, string>>>;
  /** Why it cannot run here; undefined where it can. */
  missing(): string | undefined;
  run(cases: readonly PlacedCase[]): Promise<readonly Result[]>;
}

const webCannot = {
  fragments: "The class of the WHATWG standard sends each message as it likes",
} as const;

const denoCommand = runtimeCommand("deno");
const bunCommand = runtimeCommand("bun");

export const clients: readonly Client[] = [
  {
    name: "npm ws",
    installation: "npm ci",
    cannot: {},
    missing: () => undefined,
    run: (cases) => inProcess(wsImplementation, cases),
  },
  {
    name: "undici WebSocket",
    installation: "npm ci",
    cannot: webCannot,
    missing: () => undefined,
    run: (cases) => inProcess(undiciImplementation, cases),
  },
  {
    name: "Deno WebSocket",
    installation: "npm ci",
    cannot: { ...webCannot, ping: "Deno offers no way to send a ping" },
    missing: () => missingFile(denoCommand[0]),
    run: (cases) => asProgram([...denoCommand, program("global.ts"), JSON.stringify(cases)], cases),
  },
  {
    name: "Bun WebSocket",
    installation: "npm ci",
    cannot: webCannot,
    missing: () => missingFile(bunCommand[0]),
    run: (cases) => asProgram([...bunCommand, program("global.ts"), JSON.stringify(cases)], cases),
  },
  {
    name: "Firefox",
    installation: "apt-get install firefox-esr",
    cannot: { ...webCannot, ping: "Browsers offer no way to send a ping" },
    missing: () => firefoxAbsence,
    run: inFirefox,
  },
  python("Python websockets", "websockets", {}),
  python("aiohttp", "aiohttp", { fragments: "aiohttp sends each message as one frame" }),
  python("Tornado", "tornado", { fragments: "Tornado sends each message as one frame" }),
  python("libsoup", "soup", {
    fragments: "libsoup sends each message as one frame",
    ping: "libsoup pings by its own clock, and tells nobody of pongs",
  }),
  python("Qt QWebSocket", "qt", {
    subprotocol: "QWebSocket offers none before Qt 6.4",
    extensions: "QWebSocket offers none, and tells of none",
  }),
  {
    name: "java.net.http",
    installation: "apt-get install openjdk-17-jdk-headless",
    cannot: { extensions: "java.net.http offers none, and tells of none" },
    missing: missingJava,
    run: async (cases) => {
      const command = await built("clients/HttpClientWebSocket.java");
      return asProgram([...command, ...cases.map(fieldsOf)], cases);
    },
  },
  {
    name: "Tomcat",
    installation: "apt-get install openjdk-17-jdk-headless libtomcat10-java",
    cannot: {},
    missing: missingTomcat,
    run: async (cases) => {
      const command = await built("clients/TomcatClient.java");
      return asProgram([...command, ...cases.map(fieldsOf)], cases);
    },
  },
  {
    name: "libwebsockets",
    installation: "apt-get install gcc libc6-dev libwebsockets-dev",
    cannot: { close: "libwebsockets does not tell what a close frame says that answers its own" },
    missing: missingLibwebsockets,
    run: async (cases) => {
      const command = await built("clients/libwebsockets_client.c");
      return asProgram([...command, ...cases.map(fieldsOf)], cases);
    },
  },
  {
    name: "Go gorilla/websocket",
    installation: "apt-get install golang-go golang-github-gorilla-websocket-dev",
    cannot: {},
    missing: missingGo,
    run: async (cases) =>
      asProgram([...(await built("clients/client.go")), JSON.stringify(cases)], cases),
  },
];

/** A client of a library for the system's Python. */
function python(name: string, library: PythonLibrary, cannot: Client["cannot"]): Client {
  return {
    name,
    installation: installationOf(library),
    cannot,
    missing: () => missingLibrary(library),
    run: (cases) => {
      const command = [pythonProgram, "-B", program(`${library}_client.py`)] as const;
      return asProgram([...command, JSON.stringify(cases)], cases);
    },
  };
}

/** A case for programs that read no JSON: its fields with U+001F between them, the empty ones too. */
function fieldsOf(one: PlacedCase): string {
  const fields = one as Readonly<Partial<Record<(typeof fieldNames)[number], unknown>>>;
  // What is a list comes with commas.
  return fieldNames.map((name) => String(fields[name] ?? "")).join("\x1f");
}

const fieldNames = [
  "name",
  "url",
  "action",
  "type",
  "text",
  "times",
  "size",
  "chunk",
  "payload",
  "offered",
  "agreed",
  "count",
  "status",
  "reason",
] as const;

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
  cases: readonly PlacedCase[],
): Promise<Result[]> {
  const results: Result[] = [];
  for await (const result of runCases(implementation, cases)) results.push(result);
  return results;
}

let firefox: Promise<Firefox> | undefined;

/** Runs the cases in a page, by the same program as for the other clients of the WHATWG standard. */
async function inFirefox(cases: readonly PlacedCase[]): Promise<readonly Result[]> {
  firefox ??= Firefox.start();
  const { outputFiles } = await build({
    entryPoints: [program("web.ts")],
    bundle: true,
    format: "iife",
    globalName: "web",
    write: false,
  });
  const answer = await (
    await firefox
  ).evaluate(`(async () => {
    ${outputFiles[0]!.text}
    const connect = (url, offered) => new WebSocket(url, offered);
    const results = [];
    for await (const result of web.runCases({ connect }, ${JSON.stringify(cases)})) {
      results.push(result);
    }
    return results;
  })()`);
  return answer as readonly Result[];
}

const executeFile = promisify(execFile);

/** How many milliseconds a client has for all of its cases. */
export const clientDeadline = 120_000;

/** Runs a client that prints its results; a case without one gets what the program said instead. */
async function asProgram(command: Command, cases: readonly PlacedCase[]): Promise<Result[]> {
  const [file, ...args] = command;
  const { stdout, stderr } = await executeFile(file, args, {
    cwd: root,
    timeout: clientDeadline,
    // Java reads its arguments as the locale says.
    env: { ...process.env, LC_ALL: "C.UTF-8" },
  }).catch((error: unknown) => {
    const { message, stdout, stderr } = error as Error & { stdout: string; stderr: string };
    // The message has all the cases in it.
    return { stdout, stderr: `${message.slice(0, 80)}\n${stderr}` };
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

/** Removes what clients were built into, and ends the one that runs on. */
export async function endClients(): Promise<void> {
  removeBuilds();
  await (await firefox)?.stop();
}
