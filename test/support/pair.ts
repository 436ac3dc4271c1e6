import type { MemoryTransport } from "../../adapters/memory/index.ts";
import { type ClientOptions, connectOn } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers, ServerHandlers } from "../../src/connection/handlers.ts";
import { type ServeOptions, Server } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import { FakeClock } from "./fake-clock.ts";
import { memoryConnect } from "./memory-connect.ts";

/** Both ends of a connection in memory. */
export interface Pair {
  /** The server's end. */
  readonly ours: Connection;
  /** The client's end. */
  readonly theirs: Connection;
  readonly server: Server;
  /** The client's transport. */
  readonly transport: MemoryTransport;
  /** The server's transport. */
  readonly accepted: MemoryTransport;
  /** The server's time; the client has a clock of its own. */
  readonly clock: FakeClock;
}

/** What a pair is made with. */
export interface PairOptions {
  readonly handlers?: ServerHandlers;
  readonly options?: Partial<ServeOptions>;
  readonly clientHandlers?: Handlers;
  readonly clientOptions?: ClientOptions;
}

/** Opens a connection in memory. */
export async function openPair(made: PairOptions = {}): Promise<Pair> {
  const { handlers = {}, options = {}, clientHandlers, clientOptions } = made;
  const clock = new FakeClock();
  const opened = newDeferred<Connection>();
  const server = new Server(
    { port: 0, clock, unhandledErrors: "ignore", ...options },
    {
      ...handlers,
      open(ws) {
        opened.resolve(ws);
        return handlers.open?.(ws);
      },
    },
  );
  const transports: MemoryTransport[] = [];
  const accepted: MemoryTransport[] = [];
  const theirs = await connectOn(
    memoryConnect(server, transports, accepted),
    "ws://memory/",
    { clock: new FakeClock(), unhandledErrors: "ignore", ...clientOptions },
    clientHandlers,
  );
  return {
    ours: await opened.promise,
    theirs,
    server,
    transport: transports[0]!,
    accepted: accepted[0]!,
    clock,
  };
}
