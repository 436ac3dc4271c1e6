import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { type NodeSocket, NodeTransport } from "../../../adapters/node/transport.ts";

/** A socket whose writes are done when the test says so, and what its transport tells. */
function newTransport(state: Partial<NodeSocket> = {}): {
  transport: NodeTransport;
  lines: string[];
  emit(event: string, value?: unknown): void;
  /** Bytes that the kernel has not taken when a write returns. */
  socket: { writable: boolean; writableLength: number; destroyed?: boolean | undefined };
  written: ((error?: Error) => void)[];
} {
  const lines: string[] = [];
  const written: ((error?: Error) => void)[] = [];
  const listeners = new Map<string, (value: unknown) => void>();
  const log = (line: string): void => void lines.push(line);
  const socket = {
    remoteAddress: "192.0.2.1",
    remotePort: 7,
    localAddress: "192.0.2.2",
    localPort: 8,
    writable: true,
    writableLength: 0,
    on: (event: string, listener: (value: unknown) => void) => void listeners.set(event, listener),
    write(bytes: Uint8Array, done: () => void) {
      log(`write ${bytes.length}`);
      written.push(done);
      return true;
    },
    pause: () => log("pause"),
    resume: () => log("resume"),
    end: () => log("end"),
    destroy: () => log("destroy"),
    ...state,
  };
  const transport = new NodeTransport(socket as NodeSocket);
  transport.handler = {
    onData: (chunk) => log(`onData ${chunk.constructor.name} ${chunk.join(" ")}`),
    onDrain: () => log("onDrain"),
    onEnd: () => log("onEnd"),
    onClose: (error) => log(`onClose ${error?.message ?? ""}`.trimEnd()),
  };
  return {
    transport,
    lines,
    socket,
    written,
    emit: (event, value) => listeners.get(event)!(value),
  };
}

describe("NodeTransport", () => {
  it("lends out a write that the kernel has not taken whole, until it has", () => {
    const { transport, lines, socket, written } = newTransport();
    expect(transport.write(new Uint8Array(1))).toBe(true);
    socket.writableLength = 2;
    expect(transport.write(new Uint8Array(2))).toBe(false);
    // The callback of a write that was taken comes late: the second one's bytes are still lent.
    written[0]!();
    expect(lines).toEqual(["write 1", "write 2"]);
    written[1]!();
    expect(lines).toEqual(["write 1", "write 2", "onDrain"]);
  });

  it("says nothing of writes that were taken at once", () => {
    const { transport, lines, written } = newTransport();
    transport.write(new Uint8Array(1));
    transport.write(new Uint8Array(1));
    for (const done of written) done();
    expect(lines).toEqual(["write 1", "write 1"]);
  });

  it("takes and drops what is written to a socket that has ended", () => {
    const { transport, lines, socket } = newTransport();
    socket.writable = false;
    expect(transport.write(new Uint8Array(1))).toBe(true);
    expect(lines).toEqual([]);
  });

  it("borrows what is written to a socket that has failed, and never gives it back", () => {
    const { transport, lines, socket, written, emit } = newTransport();
    socket.writableLength = 1;
    expect(transport.write(new Uint8Array(1))).toBe(false);
    written[0]!(new Error("reset"));
    Object.assign(socket, { writable: false, destroyed: true });
    expect(transport.write(new Uint8Array(1))).toBe(false);
    emit("error", new Error("reset"));
    emit("close");
    expect(lines).toEqual(["write 1", "onClose reset"]);
  });

  it("gives plain bytes, since slice() of a Buffer makes no copy", () => {
    const { lines, emit } = newTransport();
    emit("data", Buffer.from([1, 2, 3]).subarray(1));
    expect(lines).toEqual(["onData Uint8Array 2 3"]);
  });

  it("reports the peer's end, and its own with what was wrong", () => {
    const { lines, emit } = newTransport();
    emit("end");
    emit("error", new Error("reset"));
    emit("close");
    expect(lines).toEqual(["onEnd", "onClose reset"]);
  });

  it("releases its handler with the last event, since Node keeps closed sockets for a while", () => {
    const { transport, lines, emit } = newTransport();
    const { handler } = transport;
    emit("close");
    expect(transport.handler).not.toBe(handler);
    transport.handler.onDrain();
    expect(lines).toEqual(["onClose"]);
  });

  it("passes calls on to its socket, and tells the peer's address", () => {
    const { transport, lines } = newTransport();
    transport.pause();
    transport.resume();
    transport.end();
    transport.destroy();
    expect(lines).toEqual(["pause", "resume", "end", "destroy"]);
    expect([transport.remoteAddress, transport.remotePort]).toEqual(["192.0.2.1", 7]);
    expect([transport.localAddress, transport.localPort]).toEqual(["192.0.2.2", 8]);
  });

  it("asks its socket about TLS when it is asked itself", () => {
    const asked: string[] = [];
    const { transport, socket } = newTransport();
    expect(transport.tls).toBeUndefined();
    const secure = Object.assign(socket, {
      encrypted: true,
      alpnProtocol: false,
      servername: null,
      authorized: false,
      getProtocol: () => null,
      getPeerCertificate: () => (asked.push("certificate"), {}),
    });
    const tls = transport.tls!;
    expect(asked).toEqual([]);
    expect(tls).toEqual({
      alpnProtocol: undefined,
      serverName: undefined,
      version: undefined,
      authorized: false,
      peerCertificate: undefined,
    });
    expect(asked).toEqual(["certificate"]);
    const shown = { raw: new Uint8Array(1) };
    Object.assign(secure, {
      alpnProtocol: "http/1.1",
      servername: "localhost",
      authorized: true,
      getProtocol: () => "TLSv1.3",
      getPeerCertificate: () => shown,
    });
    expect(tls).toEqual({
      alpnProtocol: "http/1.1",
      serverName: "localhost",
      version: "TLSv1.3",
      authorized: true,
      peerCertificate: shown,
    });
  });

  it.each([
    ["ended", { readableEnded: true }, ["onEnd"]],
    ["gone", { destroyed: true, errored: null }, ["onClose"]],
    ["failed", { destroyed: true, errored: new Error("reset") }, ["onClose reset"]],
    ["ended and gone", { readableEnded: true, destroyed: true }, ["onEnd", "onClose"]],
  ])("reports the end of a socket that was %s when it came", async (_, state, told) => {
    const { lines, emit } = newTransport(state);
    expect(lines).toEqual([]);
    await Promise.resolve();
    expect(lines).toEqual(told);
    if ("destroyed" in state) emit("close");
    expect(lines).toEqual(told);
  });
});

/** A transport of a socket of `node:net` that was never connected, and what it tells. */
function listenTo(socket: Socket): string[] {
  const lines: string[] = [];
  new NodeTransport(socket as NodeSocket).handler = {
    onData: (chunk) => void lines.push(`onData ${chunk.join(" ")}`),
    onDrain() {},
    onEnd: () => void lines.push("onEnd"),
    onClose: (error) => void lines.push(`onClose ${error?.message}`),
  };
  return lines;
}

const events = ["data", "end", "error", "close"];
const last = (socket: Socket): unknown[] => events.map((name) => socket.listeners(name).at(-1));

describe("The listeners of a NodeTransport", () => {
  class Derived extends Socket {}
  const inner = new Map<Socket, Socket>();

  it.each<[what: string, isShared: boolean, make: () => Socket]>([
    ["of Node's own class", true, () => new Socket()],
    [
      "that node:http has given its method back as a property",
      true,
      () => Object.assign(new Socket(), { on: Socket.prototype.on }),
    ],
    ["of another class", false, () => new Derived()],
    [
      "that passes its listeners on to another one",
      false,
      () => {
        const socket = new Socket();
        const other = new Socket();
        inner.set(socket, other);
        const on = ((event: string, listener: () => void) => {
          other.on(event, listener);
          return socket;
        }) as Socket["on"];
        return Object.assign(socket, { on });
      },
    ],
    [
      "that has a transport already",
      false,
      () => {
        const socket = new Socket();
        listenTo(socket);
        return socket;
      },
    ],
    ["in a Proxy", true, () => new Proxy(new Socket(), {})],
    [
      "in a Proxy that binds methods",
      false,
      () =>
        new Proxy(new Socket(), {
          get(target, key) {
            const value: unknown = Reflect.get(target, key, target);
            return typeof value === "function" ? (value.bind(target) as unknown) : value;
          },
        }),
    ],
  ])("are told of a socket %s; shared: %s", (_, isShared, make) => {
    const socket = make();
    const lines = listenTo(socket);
    const emitter = inner.get(socket) ?? socket;
    emitter.emit("data", Uint8Array.of(1));
    emitter.emit("end");
    emitter.emit("error", new Error("oops"));
    emitter.emit("close", true);
    expect(lines).toEqual(["onData 1", "onEnd", "onClose oops"]);
    const plain = new Socket();
    listenTo(plain);
    const shared = last(plain);
    expect(last(emitter).every((listener, i) => listener === shared[i])).toBe(isShared);
  });
});
