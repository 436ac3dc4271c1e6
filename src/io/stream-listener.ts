/**
 * A listening socket that gives each connection as a stream.
 *
 * @module
 */

import {
  boolean,
  checkOptions,
  deadlines,
  either,
  milliseconds,
  number,
  object,
  type OptionTable,
  text,
} from "../check-options.ts";
import { type Deferred, newDeferred } from "../deferred.ts";
import type { Listen, Listener, ListenOptions, TcpOptions } from "../transport.ts";
import { TransportStream, type TransportStreamOptions } from "./transport-stream.ts";

/** Options of {@link listenStreams}. */
export interface StreamListenOptions extends ListenOptions, TransportStreamOptions {
  /**
   * Connections that may wait for `accept`; further ones are dropped. The system has accepted them before; the length of its own
   * queue is the runtime's default. Default: 511.
   */
  readonly backlog?: number | undefined;
}

const defaultBacklog = 511;

/** The types and ranges of the options of TCP. */
export const tcpTable: OptionTable<TcpOptions> = {
  noDelay: boolean,
  keepAlive: /* @__PURE__ */ either(boolean, milliseconds),
};

/** The types and ranges of the options of listening. */
export const listenTable: OptionTable<ListenOptions> =
  /* @__PURE__ */ ((): OptionTable<ListenOptions> => ({
    ...tcpTable,
    port: number,
    hostname: text,
    backlog: number,
    reusePort: boolean,
    path: text,
    tls: object("an object such as { cert, key }"),
    server: object("a server of node:http, node:https or node:http2"),
    http2MayCrash: boolean,
    listener: object("a listener or a server that the runtime itself has made"),
  }))();

const streamListenTable: OptionTable<StreamListenOptions> =
  /* @__PURE__ */ ((): OptionTable<StreamListenOptions> => ({
    ...listenTable,
    highWaterMark: number,
    lingerTimeout: milliseconds,
    deadlines,
  }))();

/**
 * Listens for connections. Adapters wrap this function as their own `listen`.
 *
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `FAILED`
 * @throws {TypeError} An option is unknown, or has a wrong type.
 */
export async function listenStreams(
  listen: Listen,
  options: StreamListenOptions,
): Promise<StreamListener> {
  checkOptions(options, streamListenTable, { example: "listen({ port: 8080 })" });
  const listener = new StreamListener(options);
  // Here `backlog` is the length of the stream listener's queue, not of the system's.
  await listener.listen(listen, { ...options, backlog: undefined });
  return listener;
}

/**
 * Accepts connections one by one.
 *
 * @example
 * for await (const stream of await listen({ port: 8080 })) void handle(stream);
 */
export class StreamListener {
  readonly #options: StreamListenOptions;
  readonly #waiting: TransportStream[] = [];
  readonly #accepting: Deferred<TransportStream | undefined>[] = [];
  #listener: Listener | undefined;
  #isClosed = false;

  /** For the library: applications get listeners from `listen`. */
  constructor(options: StreamListenOptions) {
    this.#options = options;
  }

  /** Starts to listen. For the library. */
  async listen(listen: Listen, options: ListenOptions): Promise<void> {
    this.#listener = await listen(options, (transport, bytes) => {
      const stream = new TransportStream(transport, this.#options);
      if (bytes !== undefined) stream.onData(bytes);
      this.#add(stream);
    });
  }

  #add(stream: TransportStream): void {
    const accepting = this.#accepting.shift();
    if (accepting !== undefined) accepting.resolve(stream);
    else if (this.#isClosed || this.#waiting.length >= (this.#options.backlog ?? defaultBacklog)) {
      stream.destroy();
    } else this.#waiting.push(stream);
  }

  /** The port of the listening socket, also if port 0 was asked for. */
  get port(): number {
    return this.#listener!.port;
  }

  /** The address of the listening socket. */
  get hostname(): string {
    return this.#listener!.hostname;
  }

  /** Gives the next connection, or undefined when the listener is closed. */
  accept(): Promise<TransportStream | undefined> {
    const stream = this.#waiting.shift();
    if (stream !== undefined || this.#isClosed) return Promise.resolve(stream);
    const accepting = newDeferred<TransportStream | undefined>();
    this.#accepting.push(accepting);
    return accepting.promise;
  }

  /** Stops listening and drops connections that wait for `accept`; accepted ones live on. A second call does nothing. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stream of this.#waiting.splice(0)) stream.destroy();
    for (const accepting of this.#accepting.splice(0)) accepting.resolve(undefined);
    await this.#listener!.close();
  }

  /** Gives connections until the listener is closed; leaving the loop closes it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TransportStream, void, undefined> {
    try {
      for (;;) {
        const stream = await this.accept();
        if (stream === undefined) return;
        yield stream;
      }
    } finally {
      await this.close();
    }
  }

  /** Closes the listener: `await using listener = ...`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
