import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** A TCP proxy that can be cut: its connections end at once, and others are refused until it is mended. */
export class CutProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;
  /** Where it leads; another one is for connections from then on. */
  target: number;

  private constructor(target: number) {
    this.target = target;
    this.#server = createServer((client) => {
      if (this.#isCut) {
        client.on("error", () => {});
        client.destroy();
        return;
      }
      const server = connect(this.target, "127.0.0.1");
      for (const [socket, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(socket);
        socket.setNoDelay(true);
        socket.on("error", () => {}); // `close` follows
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
  }

  /** Starts a proxy that leads to a port of 127.0.0.1. */
  static start(port: number): Promise<CutProxy> {
    const proxy = new CutProxy(port);
    return new Promise((resolve) => {
      proxy.#server.listen(0, "127.0.0.1", () => {
        resolve(proxy);
      });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}
