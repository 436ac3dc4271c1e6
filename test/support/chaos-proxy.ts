import { connect, createServer, type Server, type Socket } from "node:net";

/** What is done to the bytes of one direction. */
export interface Chaos {
  /** Passes each byte on in a write of its own. */
  readonly isBytewise?: boolean;
  /** Bytes that are passed on before `then`. Default: all that come. */
  readonly after?: number;
  /**
   * What comes behind them: the end of this direction alone (FIN), a reset of both connections (RST), or nothing any
   * more, with both of them open.
   */
  readonly then?: "end" | "reset" | "stall";
}

/** What is done to each connection. */
export interface ChaosOptions {
  /** From the client to the server. */
  readonly up?: Chaos;
  /** From the server to the client. */
  readonly down?: Chaos;
}

/** A connection that goes through the proxy. */
interface Way {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * A TCP proxy that does to connections what networks do: cuts bytes apart, ends, resets, stalls. On `node:net`, which all
 * three runtimes have, so that it is the same one before every server and client.
 */
export class ChaosProxy {
  /** What is done to connections from now on. */
  chaos: ChaosOptions = {};
  readonly #server: Server;
  readonly #ways = new Set<Way>();

  private constructor(port: number) {
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      const server = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      const way = { client, server };
      this.#ways.add(way);
      for (const socket of [client, server]) {
        socket.setNoDelay(true);
        socket.on("error", () => {}); // `close` follows
        socket.on("close", () => {
          this.#ways.delete(way);
          // Where it ended in order, the other one may still have bytes to send.
          if (socket.readableEnded) return;
          client.destroy();
          server.destroy();
        });
      }
      passOn(client, server, way, this.chaos.up);
      passOn(server, client, way, this.chaos.down);
    });
  }

  /** Starts a proxy that leads to a port of 127.0.0.1. */
  static start(port: number): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(port);
    return new Promise((resolve) => {
      proxy.#server.listen(0, "127.0.0.1", () => {
        resolve(proxy);
      });
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Ends the streams of all connections, in both directions: FIN, whatever protocol is spoken above. */
  endAll(): void {
    for (const { client, server } of this.#ways) {
      client.end();
      server.end();
    }
  }

  /** Resets all connections, in both directions: RST. */
  resetAll(): void {
    for (const way of this.#ways) reset(way);
  }

  /** Stops to listen, and drops what is left. */
  close(): void {
    this.#server.close();
    for (const { client, server } of this.#ways) {
      client.destroy();
      server.destroy();
    }
  }
}

function reset({ client, server }: Way): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}

/** Writes to one what the other says, as far as chaos lets it. */
function passOn(from: Socket, to: Socket, way: Way, chaos: Chaos = {}): void {
  const { after = Infinity, isBytewise = false, then } = chaos;
  let left = after;
  const finish = (): void => {
    if (then === "reset") reset(way);
    if (then === "end") to.end();
  };
  const onData = (chunk: Uint8Array): void => {
    const part = chunk.subarray(0, left);
    left -= part.length;
    if (isBytewise) for (const byte of part) to.write(Uint8Array.of(byte));
    else if (part.length > 0) to.write(part);
    if (left > 0) return;
    // What comes from now on is read and dropped.
    from.off("data", onData);
    from.on("data", () => {});
    finish();
  };
  from.on("end", () => {
    if (left > 0) to.end();
  });
  from.on("data", onData);
  // At the first byte already: nothing would ever come to find that there is nothing to pass on.
  if (left === 0) onData(new Uint8Array(0));
}
