import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { certificate, privateKey } from "./certificate.ts";

/** How a {@link TestProxy} behaves. */
export interface TestProxyOptions {
  /** What it speaks. Default: "connect". */
  readonly kind?: "connect" | "socks5";
  /** Whether its clients have to do TLS with it, with the certificate of the tests. Default: false. */
  readonly tls?: boolean;
  /**
   * Whether a client that has ended its stream is still spoken to. A TLS server of that kind does not notice a client
   * that goes in the middle of its handshake. Default: true.
   */
  readonly allowHalfOpen?: boolean;
  /** "user:password" that it wants to be told. Default: it asks nobody. */
  readonly auth?: string;
  /** What it says instead of opening the way. */
  readonly answer?: string | Uint8Array;
  /** Whether it ends its stream behind that. Default: false. */
  readonly ends?: boolean;
  /** Whether it says nothing when it is asked for the way. Default: false. */
  readonly hangs?: boolean;
  /** Where every way leads to in truth, such as a port of the test behind a name that nobody knows. */
  readonly leadsTo?: number;
  /** Bytes in one write of an answer. Default: all. */
  readonly step?: number;
}

/** A proxy on 127.0.0.1: HTTP CONNECT or SOCKS5, with what a test wants it to do wrong. */
export class TestProxy {
  readonly port: number;
  /** "http://127.0.0.1:port", or whatever else its clients know it by; with the credentials that it wants. */
  readonly url: string;
  /** What each client asked for, as "name:port", in the order of their coming. */
  readonly asked: string[] = [];
  /** Called with each of them. */
  onAsked: (target: string) => void = () => {};
  /** TCP sockets of clients, as many as have come. */
  readonly sockets: Socket[] = [];
  readonly #server: Server;
  readonly #onward: Socket[] = [];

  private constructor(server: Server, url: string, port: number) {
    this.#server = server;
    this.url = url;
    this.port = port;
  }

  /** How many clients have come. */
  get connections(): number {
    return this.sockets.length;
  }

  /** Starts one; `close` ends it. */
  static async start(options: TestProxyOptions = {}): Promise<TestProxy> {
    const { kind = "connect", tls = false, auth, allowHalfOpen = true } = options;
    const serve = (socket: Socket): void => {
      proxy.#serve(socket, options);
    };
    const keys = { cert: certificate, key: privateKey };
    const server = tls
      ? createTlsServer({ ...keys, allowHalfOpen }, serve)
      : createServer({ allowHalfOpen }, serve);
    server.on("tlsClientError", (_: Error, socket: Socket) => socket.destroy());
    server.on("connection", (socket: Socket) => proxy.sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const scheme = kind === "socks5" ? "socks5" : tls ? "https" : "http";
    const userinfo = auth === undefined ? "" : `${auth}@`;
    const proxy = new TestProxy(server, `${scheme}://${userinfo}127.0.0.1:${port}`, port);
    return proxy;
  }

  /** Drops all connections, and stops. */
  async close(): Promise<void> {
    for (const socket of [...this.sockets, ...this.#onward]) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Stops to accept, and waits until all clients are gone. */
  async allClosed(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket, options: TestProxyOptions): void {
    socket.on("error", () => {});
    const input = new Input(socket);
    const say = (answer: string | Uint8Array): void => {
      const bytes = typeof answer === "string" ? Buffer.from(answer, "latin1") : answer;
      const { step = bytes.length } = options;
      for (let at = 0; at < bytes.length; at += step) socket.write(bytes.slice(at, at + step));
    };
    const work =
      options.kind === "socks5"
        ? this.#socks(input, say, options)
        : this.#http(input, say, options);
    // A client that goes in between ends the work with it.
    work.catch(() => socket.destroy());
  }

  #note(target: string): void {
    this.asked.push(target);
    this.onAsked(target);
  }

  async #http(input: Input, say: Say, { auth, ...options }: TestProxyOptions): Promise<void> {
    const head = await input.line("\r\n\r\n");
    const [, target = ""] = head.split(" ");
    this.#note(target);
    if (await this.#misbehaves(input, say, options)) return;
    const [, sent] = /\r\nProxy-Authorization: Basic (.*)\r\n/.exec(head) ?? [];
    if (auth !== undefined && sent !== Buffer.from(decodeURIComponent(auth)).toString("base64")) {
      say(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n',
      );
      return;
    }
    const onward = await this.#open(target, options.leadsTo);
    say("HTTP/1.0 200 Connection established\r\n\r\n");
    input.join(onward);
  }

  async #socks(input: Input, say: Say, { auth, ...options }: TestProxyOptions): Promise<void> {
    const [, count = 0] = await input.bytes(2);
    const methods = await input.bytes(count);
    const wanted = auth === undefined ? 0 : 2;
    say(Uint8Array.of(5, methods.includes(wanted) ? wanted : 0xff));
    if (!methods.includes(wanted)) return;
    if (auth !== undefined) {
      const [, userLength = 0] = await input.bytes(2);
      const user = await input.bytes(userLength);
      const [passwordLength = 0] = await input.bytes(1);
      const password = await input.bytes(passwordLength);
      const isRight = `${text(user)}:${text(password)}` === decodeURIComponent(auth);
      say(Uint8Array.of(1, isRight ? 0 : 1));
      if (!isRight) return;
    }
    const [, , , type] = await input.bytes(4);
    const length = type === 1 ? 4 : type === 4 ? 16 : ((await input.bytes(1))[0] ?? 0);
    const address = await input.bytes(length);
    const host = type === 3 ? text(address) : type === 1 ? address.join(".") : hexOf(address);
    const target = `${host}:${Buffer.from(await input.bytes(2)).readUInt16BE()}`;
    this.#note(target);
    if (await this.#misbehaves(input, say, options)) return;
    const onward = await this.#open(target, options.leadsTo);
    say(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
    input.join(onward);
  }

  /** Does what the test wants in place of an answer. */
  async #misbehaves(input: Input, say: Say, options: TestProxyOptions): Promise<boolean> {
    const { answer, ends = false, hangs = false } = options;
    if (answer !== undefined) say(answer);
    if (ends) input.socket.end();
    await Promise.resolve();
    return answer !== undefined || ends || hangs;
  }

  #open(target: string, leadsTo: number | undefined): Promise<Socket> {
    const [, host = "", port] = /^\[?(.*?)\]?:(\d+)$/.exec(target) ?? [];
    const onward = connect({
      host: leadsTo === undefined ? host : "127.0.0.1",
      port: leadsTo ?? Number(port),
      allowHalfOpen: true,
    });
    this.#onward.push(onward);
    return new Promise((resolve, reject) => {
      onward.once("error", reject);
      onward.once("connect", () => {
        onward.on("error", () => {});
        resolve(onward);
      });
    });
  }
}

type Say = (answer: string | Uint8Array) => void;

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

/** An IPv6 address in groups of four digits. */
function hexOf(bytes: Uint8Array): string {
  return `[${Buffer.from(bytes)
    .toString("hex")
    .replaceAll(/(.{4})(?=.)/g, "$1:")}]`;
}

/** Writes to one what the other says. Not by `pipe`: held back and let go, a TLS server of Deno's 2.9 never ends. */
function passOn(from: Socket, to: Socket): void {
  from.on("data", (chunk: Uint8Array) => to.write(chunk));
  from.on("end", () => to.end());
}

/** What has come from a client, to be read piece by piece. */
class Input {
  readonly socket: Socket;
  #held = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #isOver = false;
  readonly #onData = (chunk: Uint8Array): void => {
    this.#held = Buffer.concat([this.#held, chunk]);
    this.#wake?.();
  };
  readonly #onOver = (): void => {
    this.#isOver = true;
    this.#wake?.();
    this.socket.end();
  };

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", this.#onData);
    socket.on("end", this.#onOver);
    socket.on("close", this.#onOver);
  }

  /** Reads up to a text, which is left out. */
  async line(end: string): Promise<string> {
    let at: number;
    while ((at = this.#held.indexOf(end)) < 0) await this.#more();
    const line = this.#held.toString("latin1", 0, at + 2);
    this.#held = this.#held.subarray(at + end.length);
    return line;
  }

  async bytes(length: number): Promise<Uint8Array> {
    while (this.#held.length < length) await this.#more();
    const bytes = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return bytes;
  }

  /** Lets both sides speak to each other from now on. */
  join(onward: Socket): void {
    this.socket.off("data", this.#onData);
    this.socket.off("end", this.#onOver);
    if (this.#held.length > 0) onward.write(this.#held);
    passOn(this.socket, onward);
    passOn(onward, this.socket);
    this.socket.on("close", () => onward.destroy());
    onward.on("close", () => this.socket.destroy());
  }

  async #more(): Promise<void> {
    if (this.#isOver) throw new Error("The client has gone");
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
