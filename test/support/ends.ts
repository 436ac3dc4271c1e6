import type { ClientOptions } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers, ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { Closure } from "../../src/errors.ts";
import { OpPing, OpText } from "../../src/frame/opcode.ts";
import { adapter } from "./adapter.ts";
import { frame } from "./frames.ts";
import type { Peer } from "./peer.ts";
import { openPeer, type RawClient } from "./raw-client.ts";
import { nameOf } from "./server.ts";

/** A server, and what became of its first connection. */
export interface Served {
  readonly server: Server;
  readonly url: string;
  readonly opened: Promise<Connection>;
  /** Resolves when the handler `close` is called. */
  readonly ended: Promise<Closure>;
  /** "open", "message ...", "error CODE", "close STATUS", of all connections in the order of the calls. */
  readonly lines: string[];
}

/** Both ends of what one test does over sockets of the runtime at hand; all of it ends with {@link finish}. */
export class Ends {
  readonly #servers: Server[] = [];
  readonly #clients: Connection[] = [];
  readonly #raw: RawClient[] = [];

  /** Starts a server whose handlers write down what they are called with, before they do what the test wants. */
  async serve(handlers: ServerHandlers = {}, options: Partial<ServeOptions> = {}): Promise<Served> {
    const opened = newDeferred<Connection>();
    const ended = newDeferred<Closure>();
    const lines: string[] = [];
    const { message } = handlers;
    const server = await adapter.serve(
      { port: 0, hostname: "127.0.0.1", unhandledErrors: "ignore", ...options },
      {
        ...handlers,
        open(ws) {
          lines.push("open");
          opened.resolve(ws);
          return handlers.open?.(ws);
        },
        ...(message && {
          message(ws: Connection, data: string | Uint8Array, isText: boolean) {
            lines.push(`message ${typeof data === "string" ? data : `of ${data.length} bytes`}`);
            return message(ws, data, isText);
          },
        }),
        error(ws, error) {
          lines.push(`error ${nameOf(error)}`);
          return handlers.error?.(ws, error);
        },
        close(ws, closure) {
          lines.push(`close ${closure.status}`);
          ended.resolve(closure);
          return handlers.close?.(ws, closure);
        },
      },
    );
    this.#servers.push(server);
    const url = `ws://127.0.0.1:${server.port}/`;
    return { server, url, opened: opened.promise, ended: ended.promise, lines };
  }

  /** Opens a connection of the library's own. */
  async connect(
    url: string,
    options: ClientOptions = {},
    handlers: Handlers = {},
  ): Promise<Connection> {
    const ws = await adapter.connect(url, { unhandledErrors: "ignore", ...options }, handlers);
    this.#clients.push(ws);
    return ws;
  }

  /** Opens a connection that does nothing by itself but to answer pings and the close frame. */
  async open(server: Server): Promise<{ peer: Peer; client: RawClient }> {
    const opened = await openPeer(server.port);
    this.#raw.push(opened.client);
    return opened;
  }

  /** Drops all that is left. */
  async finish(): Promise<void> {
    for (const ws of this.#clients.splice(0)) ws.terminate();
    for (const client of this.#raw.splice(0)) client.destroy();
    await Promise.all(
      this.#servers.splice(0).map((server) => server.shutdown({ deadline: 0, drain: false })),
    );
  }
}

/**
 * Waits until a number has stood still for 20 turns of 5 ms: for what has no event, such as that the kernels' buffers are full
 * and nothing moves any more.
 */
export async function standsStill(read: () => number): Promise<void> {
  let last = -1;
  for (let same = 0; same < 20;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
  }
}

/** Never settles. */
export function never(): Promise<void> {
  return new Promise<void>(() => {});
}

/** Sends more than the kernel takes at once, whose buffers hold some 40 MiB. */
export async function sendTooMuch(ws: Connection): Promise<void> {
  const message = new Uint8Array(16 * 1024 ** 2);
  for (let i = 0; i < 3; i++) void ws.send(message);
  await ws.send(message);
}

/** Handlers of which one does what `work` does: whatever comes in, it is called for it. */
export function oneHandler(
  name: "open" | "message" | "ping" | "stream",
  work: (ws: Connection) => unknown,
): ServerHandlers {
  const others = name === "stream" ? {} : { message: () => {} };
  return { ...others, [name]: work };
}

/** What calls each of them. */
export const calls = {
  open: frame(OpText, "nothing", { masked: true }),
  message: frame(OpText, "work", { masked: true }),
  ping: frame(OpPing, "work", { masked: true }),
  stream: frame(OpText, "work", { masked: true }),
};

/** Their names. */
export const names = ["open", "message", "ping", "stream"] as const;
