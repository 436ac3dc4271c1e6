import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { AdapterOptions, AdapterInstance } from "crossws";
import { crossws } from "../../adapters/crossws/adapter.ts";
import { WebSocket } from "../../adapters/ws/index.ts";
import { runtime } from "./runtime.ts";

/** An adapter for `node:http`, as both have it. */
export interface HookShape extends AdapterInstance {
  handleUpgrade(...upgrade: never[]): Promise<void>;
  closeAll(code?: number, reason?: string, force?: boolean): void;
}

/** Makes one. */
export type MakeHookShape = (options?: AdapterOptions) => HookShape;

/** The implementations that the contract is asked of: on Node `crossws` itself, and on each runtime `framewire/crossws`. */
export const hookShapes: readonly (readonly [name: string, make: MakeHookShape])[] = [
  ...(runtime === "node"
    ? [["crossws", (await import("crossws/adapters/node")).default as MakeHookShape] as const]
    : []),
  ["framewire/crossws", (options) => crossws(options)],
];

const toDo = new Set<() => void>();

/** Ends what the test has left; for `afterEach`. */
export function cleanUpHooks(): void {
  for (const task of toDo) task();
  toDo.clear();
}

/** A server of `node:http` whose upgrades an adapter takes. */
export async function hookServer(
  make: MakeHookShape,
  options: AdapterOptions,
): Promise<{ ws: HookShape; url: string; port: number }> {
  const ws = make(options);
  const http = createServer();
  const sockets = new Set<Socket>();
  http.on("connection", (socket: Socket) => sockets.add(socket));
  http.on("upgrade", ws.handleUpgrade as never);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  toDo.add(() => {
    http.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = http.address() as AddressInfo;
  return { ws, port, url: `ws://127.0.0.1:${port}` };
}

/** A client, and what it has been told. */
export class HookClient {
  readonly socket: WebSocket;
  readonly #lines: string[] = [];
  readonly #waiting: ((line: string) => void)[] = [];

  constructor(url: string, protocols: string[] = [], headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, protocols, { headers });
    toDo.add(() => {
      this.socket.terminate();
    });
    this.socket.on("error", () => {});
    this.socket.on("unexpected-response", (_, response) => {
      let body = "";
      response.on("data", (chunk) => (body += String(chunk)));
      response.on("end", () => {
        const { "x-why": why = "" } = response.headers;
        this.#tell(`refused ${response.statusCode} ${String(why)} ${body}`.trim());
      });
    });
    this.socket.on("open", () => {
      this.#tell(`open ${this.socket.protocol}`.trim());
    });
    this.socket.on("message", (data, isBinary) => {
      this.#tell(`${isBinary ? "binary" : "text"} ${String(data)}`);
    });
    this.socket.on("ping", (data) => {
      this.#tell(`ping ${String(data)}`);
    });
    this.socket.on("pong", (data) => {
      this.#tell(`pong ${String(data)}`);
    });
    this.socket.on("close", (code, reason) => {
      this.#tell(`close ${code} ${String(reason)}`.trim());
    });
  }

  /** Gives the next thing that it is told. */
  next(): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #tell(line: string): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#lines.push(line);
    else waiting(line);
  }
}

/** What hooks have seen, to be waited for. */
export class Journal {
  readonly #lines: string[] = [];
  readonly #waiting: ((line: string) => void)[] = [];

  /** Notes a line. */
  add(line: string): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#lines.push(line);
    else waiting(line);
  }

  /** Gives the next line. */
  next(): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
