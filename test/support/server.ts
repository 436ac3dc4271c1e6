import { memoryPair, type MemoryTransport } from "../../adapters/memory/index.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { RuntimeServices } from "../../src/connection/runtime-services.ts";
import { type ServeOptions, Server } from "../../src/connection/server/serve.ts";
import type { ExtensionSession } from "../../src/extension/extension.ts";
import { FakeClock } from "./fake-clock.ts";
import { Peer, upgradeRequest } from "./peer.ts";

/** A server without a listener, and what its handlers saw. */
export interface TestServer {
  readonly server: Server<unknown>;
  readonly clock: FakeClock;
  /** "open", "message ...", "error CODE", "close STATUS ...", "refused CODE". */
  readonly lines: string[];
  /** Connects a client without a handshake. */
  connect(
    capacity?: number,
    extensions?: readonly ExtensionSession[],
  ): { readonly peer: Peer; readonly transport: MemoryTransport };
  /** Connects a client, and waits until it is open. */
  open(
    headers?: Record<string, string>,
    extensions?: readonly ExtensionSession[],
  ): Promise<{ peer: Peer; ws: Connection; transport: MemoryTransport }>;
}

/** The errors' codes where they have one, their texts where not. */
export function nameOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? String(error);
}

/** Makes a server whose handlers write down what they see, before they do what the test wants. */
export function testServer(
  handlers: ServerHandlers<unknown> = {},
  options: Partial<ServeOptions> = {},
  host?: RuntimeServices,
): TestServer {
  const clock = new FakeClock();
  const lines: string[] = [];
  let opened: ((ws: Connection) => void) | undefined;
  const server = new Server<unknown>(
    // Tests throw on purpose, and look at what came of it.
    { port: 0, clock, unhandledErrors: "ignore", ...options },
    {
      ...handlers,
      open(ws) {
        lines.push("open");
        opened?.(ws);
        return handlers.open?.(ws);
      },
      message(ws, data, isText) {
        lines.push(
          typeof data === "string" ? `message ${data}` : `message of ${data.length} bytes`,
        );
        return handlers.message?.(ws, data, isText);
      },
      error(ws, error) {
        lines.push(`error ${nameOf(error)}`);
        return handlers.error?.(ws, error);
      },
      close(ws, closure) {
        const { status, reason, clean, initiator } = closure;
        const words = [status, reason, clean ? "clean" : "unclean", initiator];
        lines.push(`close ${words.filter((word) => word !== "").join(" ")}`);
        return handlers.close?.(ws, closure);
      },
      refused(error, address, client) {
        lines.push(`refused ${error.code}`);
        return handlers.refused?.(error, address, client);
      },
    },
    host,
  );
  const connect = (
    capacity?: number,
    extensions?: readonly ExtensionSession[],
  ): { peer: Peer; transport: MemoryTransport } => {
    const [ours, theirs] = memoryPair(capacity === undefined ? {} : { capacity });
    server.accept(ours);
    return { peer: new Peer(theirs, extensions), transport: ours };
  };
  return {
    server,
    clock,
    lines,
    connect,
    async open(headers, extensions) {
      const { peer, transport } = connect(undefined, extensions);
      const ws = new Promise<Connection>((resolve) => {
        opened = resolve;
      });
      peer.send(upgradeRequest(headers));
      await peer.seen("open");
      return { peer, ws: await ws, transport };
    },
  };
}
