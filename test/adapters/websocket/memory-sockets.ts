import type { MemoryTransport } from "../../../adapters/memory/index.ts";
import type { WebSocketClass } from "../../../adapters/websocket/types.ts";
import { webSocketOn } from "../../../adapters/websocket/web-socket.ts";
import { connectOn } from "../../../src/connection/client/connect.ts";
import type { Connection } from "../../../src/connection/connection.ts";
import type { ServerHandlers } from "../../../src/connection/handlers.ts";
import { type ServeOptions, Server } from "../../../src/connection/server/serve.ts";
import { type Deferred, newDeferred } from "../../../src/deferred.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { memoryConnect } from "../../support/memory-connect.ts";

/** A class of WebSockets that connect in memory, and the server that they find. */
export interface MemorySockets {
  readonly WebSocket: WebSocketClass;
  /** The clients' time. */
  readonly clock: FakeClock;
  /** The clients' ends, in the order of their connections. */
  readonly transports: readonly MemoryTransport[];
  /** The server's end of the first connection. */
  readonly accepted: Promise<Connection>;
}

/** Makes a server in memory, and a class for clients of it. */
export function memorySockets(
  handlers: ServerHandlers = {},
  options: Partial<ServeOptions> = {},
): MemorySockets {
  const clock = new FakeClock();
  const transports: MemoryTransport[] = [];
  const accepted: Deferred<Connection> = newDeferred<Connection>();
  const server = new Server(
    { port: 0, clock: new FakeClock(), unhandledErrors: "ignore", ...options },
    {
      ...handlers,
      open(ws) {
        accepted.resolve(ws);
        return handlers.open?.(ws);
      },
    },
  );
  const connect = memoryConnect(server, transports);
  const WebSocket = webSocketOn((url, given, told) =>
    // Without an engine there is no compression.
    connectOn(connect, url, { ...given, compression: false, clock }, told),
  );
  return { WebSocket, clock, transports, accepted: accepted.promise };
}
