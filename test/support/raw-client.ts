import { connect, createServer, type Server, type Socket } from "node:net";
import { concat, latin1 } from "../../src/bytes.ts";
import { Peer, upgradeRequest } from "./peer.ts";
import type { Transport, TransportHandler } from "../../src/transport.ts";

/** A TCP socket from `node:net`, which all three runtimes have: the same client for every server. */
export class RawClient implements Transport {
  handler: TransportHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
  readonly socket: Socket;
  readonly remoteAddress = undefined;
  readonly remotePort = undefined;

  /** Of a socket that is connected, with `allowHalfOpen`. */
  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.handler.onData(chunk);
    });
    socket.on("end", () => {
      this.handler.onEnd();
    });
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => {
      this.handler.onClose();
    });
  }

  static connect(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        socket.setNoDelay(true);
        resolve(new RawClient(socket));
      });
    });
  }

  write(bytes: Uint8Array): boolean {
    // A copy: what is written may still be on its way when the caller uses its array again.
    this.socket.write(bytes.slice());
    return true;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** A TCP server from `node:net` likewise, that knows nothing of any protocol. */
export class RawServer {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #arrived: RawClient[] = [];
  #waiting: ((client: RawClient) => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on("connection", (socket: Socket) => {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      const client = new RawClient(socket);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#arrived.push(client);
      else waiting(client);
    });
  }

  static start(): Promise<RawServer> {
    const server = createServer({ allowHalfOpen: true });
    return new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        resolve(new RawServer(server));
      });
    });
  }

  /** Gives the next connection; whoever asks sets its handler at once. */
  accept(): Promise<RawClient> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) return Promise.resolve(arrived);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Stops to listen, and drops what is left. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Connects, and does the handshake. */
export async function openPeer(port: number): Promise<{ peer: Peer; client: RawClient }> {
  const client = await RawClient.connect(port);
  const peer = new Peer(client);
  peer.send(upgradeRequest());
  await peer.seen("open");
  return { peer, client };
}

/** Sends bytes, and gives all that comes back until the server ends its stream. */
export async function exchange(port: number, bytes: Uint8Array): Promise<string> {
  return exchangeOn(await RawClient.connect(port), bytes);
}

/** As {@link exchange}, over any transport. */
export async function exchangeOn(transport: Transport, bytes: Uint8Array): Promise<string> {
  const chunks: Uint8Array[] = [];
  await new Promise<void>((resolve) => {
    transport.handler = {
      onData: (chunk) => chunks.push(chunk.slice()),
      onDrain() {},
      onEnd: () => {
        transport.end();
      },
      onClose: () => {
        resolve();
      },
    };
    transport.write(bytes);
  });
  const whole = concat(chunks);
  return latin1(whole, 0, whole.length);
}
