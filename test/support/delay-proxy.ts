import { connect, createServer, type Server, type Socket } from "node:net";

/** A TCP proxy that passes on what comes a while later, in both directions: a network that is slow. */
export class DelayProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, milliseconds: number) {
    this.#server = createServer((client) => {
      const server = connect(port, "127.0.0.1");
      this.#join(client, server, milliseconds);
      this.#join(server, client, milliseconds);
    });
  }

  /** Starts a proxy that leads to a port of 127.0.0.1. */
  static start(port: number, milliseconds: number): Promise<DelayProxy> {
    const proxy = new DelayProxy(port, milliseconds);
    return new Promise((resolve) => {
      proxy.#server.listen(0, "127.0.0.1", () => {
        resolve(proxy);
      });
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Stops to listen, and drops what is left. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Timers of one length fire in the order in which they were set: bytes stay in theirs. */
  #join(from: Socket, to: Socket, milliseconds: number): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on("error", () => {}); // `close` follows
    from.on("data", (chunk: Uint8Array) => {
      setTimeout(() => {
        if (!to.destroyed) to.write(chunk);
      }, milliseconds);
    });
    from.on("close", () => {
      this.#sockets.delete(from);
      setTimeout(() => to.destroy(), milliseconds);
    });
  }
}
