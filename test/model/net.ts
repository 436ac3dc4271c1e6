import { setImmediate } from "node:timers";
import { memoryNetwork, type MemoryTransport } from "../../adapters/memory/index.ts";
import { silent } from "../../adapters/silent.ts";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import type { ClientOptions } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers, ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import type { Context, Engine } from "../../src/flate/engine.ts";
import type { Transport } from "../../src/transport.ts";
import type { Who } from "./actions.ts";
import type { Setup } from "./setup.ts";

/** What connections go over, and how it is broken. */
export interface Net {
  serve(options: Partial<ServeOptions>, handlers: ServerHandlers): Promise<Server>;
  connect(options: ClientOptions, handlers: Handlers): Promise<Connection>;
  /** Opens a way to the server for somebody who speaks its protocol himself. */
  connectRaw?(): Promise<Transport>;
  /** Counts what goes on in it, where that can be seen. */
  readonly activity: number;
  /** Lets the event loop turn once. */
  turn(): Promise<void>;
  /** Turns in which nothing happens, after which nothing will. */
  readonly patience: number;
  /** Turns in which what has to hold may still come true. */
  readonly grace: number;
  /** Breaks the connection for both; ends the stream of one; lets one hear nothing any more. */
  reset(): void;
  fin(who: Who): void;
  vanish(who: Who): void;
  /** Gives back what it holds of the runtime. */
  close(): void;
}

/** Makes a net for a scenario. */
export type NetFor = (setup: Setup) => Net | Promise<Net>;

function onceTurned(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The network in memory: the same course for the same scenario. */
export function memoryNet({ network: options, sliceSize }: Setup): Net {
  let slices = 0;
  const engine = watched(zlibEngine({ sliceSize }), () => slices++);
  const host = { engine, afterTurn: (task: () => void) => void setImmediate(task) };
  const network = memoryNetwork({ host, ...options });
  const ends = (): readonly (readonly [MemoryTransport, MemoryTransport])[] => network.pairs;
  const endOf = (who: Who): MemoryTransport | undefined => ends()[0]?.[who === "client" ? 0 : 1];
  return {
    serve: (serveOptions, handlers) => network.serve({ port: 80, ...serveOptions }, handlers),
    connect: (clientOptions, handlers) => network.connect("ws://memory/", clientOptions, handlers),
    connectRaw: () =>
      network.connectTransport({ hostname: "memory", port: 80 }, (transport) => transport),
    get activity() {
      return ends().reduce((sum, [end]) => sum + end.operations, slices);
    },
    turn: onceTurned,
    patience: 10,
    grace: 0,
    reset: () => endOf("client")?.reset(new Error("The network is gone")),
    fin: (who) => endOf(who)?.end(),
    vanish(who) {
      const end = endOf(who);
      if (end !== undefined) end.handler = silent;
    },
    close() {},
  };
}

/** An engine whose work in slices can be seen: nothing else tells that something is under way. */
function watched(engine: Engine, onSlice: () => void): Engine {
  const watch = <Kind extends Context>(context: Kind): Kind => {
    const whenReady = context.whenReady.bind(context);
    context.whenReady = (task) => {
      onSlice();
      whenReady(task);
    };
    return context;
  };
  return {
    newDeflater: (settings) => watch(engine.newDeflater(settings)),
    newInflater: (settings) => watch(engine.newInflater(settings)),
  };
}
