import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type BunSocket,
  BunTransport,
  newBunTransport,
  socketHandlers,
} from "../../../adapters/bun/transport.ts";
import { macrotask } from "../../support/turns.ts";

/** A socket that takes as many bytes a write as it is told, and a transport over it; both write down what they see. */
function newSocket(
  takes: number[] = [],
  encrypted = false,
): {
  socket: BunSocket;
  transport: BunTransport;
  lines: string[];
} {
  const lines: string[] = [];
  const log = (line: string): number => lines.push(line);
  const socket = {
    remoteAddress: "192.0.2.1",
    remotePort: 80,
    localAddress: "192.0.2.2",
    localPort: 4711,
    setNoDelay: () => log("noDelay"),
    write(bytes: Uint8Array): number {
      log(`write ${bytes.length}`);
      return takes.shift() ?? bytes.length;
    },
    pause: () => log("pause"),
    resume: () => log("resume"),
    shutdown: () => log("shutdown"),
    end: () => log("end"),
    close: () => log("close"),
    terminate: () => log("terminate"),
  } as unknown as BunSocket;
  const transport = new BunTransport(socket, encrypted);
  socket.data = transport;
  transport.handler = {
    onData: (chunk) => log(`onData ${chunk.length}`),
    onDrain: () => log("onDrain"),
    onEnd: () => log("onEnd"),
    onClose: (error) => log(`onClose ${error?.message ?? ""}`.trimEnd()),
  };
  lines.length = 0;
  return { socket, transport, lines };
}

describe("BunTransport", () => {
  it("borrows what the socket does not take, piece by piece, and ends behind it", () => {
    const { socket, transport, lines } = newSocket([3, 0, 4]);
    socketHandlers.drain(socket); // unasked
    expect(transport.write(new Uint8Array(10))).toBe(false);
    transport.end();
    transport.end();
    for (let i = 0; i < 3; i++) socketHandlers.drain(socket);
    expect(transport.write(new Uint8Array(1))).toBe(true);
    expect(lines).toEqual(["write 10", "write 7", "write 7", "write 3", "shutdown", "onDrain"]);
  });

  it("borrows what a closed socket does not take, and never gives it back", () => {
    const { socket, transport, lines } = newSocket([-1, 0, -1]);
    expect(transport.write(new Uint8Array(1))).toBe(false);
    expect(transport.write(new Uint8Array(2))).toBe(false);
    socketHandlers.drain(socket);
    socketHandlers.close(socket, undefined);
    expect(transport.write(new Uint8Array(3))).toBe(false);
    expect(lines).toEqual(["write 1", "write 2", "write 2"]);
  });

  it("passes bytes, pauses and the peer's end on, and closes with its own end", () => {
    const { socket, transport, lines } = newSocket();
    socketHandlers.data(socket, new Uint8Array(5));
    transport.pause();
    transport.resume();
    socketHandlers.end(socket);
    transport.end();
    expect(lines).toEqual(["onData 5", "pause", "resume", "onEnd", "end"]);
  });

  it("reports the peer's end that Bun does not report, before the close", async () => {
    const { socket, transport, lines } = newSocket();
    transport.end();
    socketHandlers.close(socket);
    socketHandlers.close(socket);
    transport.end();
    transport.destroy();
    expect(lines).toEqual(["shutdown"]);
    await macrotask();
    expect(lines).toEqual(["shutdown", "onEnd", "onClose"]);
    expect(transport.write(new Uint8Array(1))).toBe(true);
  });

  it("tells whether it is encrypted, as it was told", () => {
    const { socket, transport } = newSocket();
    expect(transport.encrypted).toBe(false);
    const secure = newBunTransport(socket, true);
    expect([secure.encrypted, socket.data === secure]).toEqual([true, true]);
    expect(newBunTransport(socket).encrypted).toBe(false);
  });

  it("asks its socket about TLS when it is asked itself", () => {
    const { socket, transport } = newSocket();
    expect([transport.localAddress, transport.localPort]).toEqual(["192.0.2.2", 4711]);
    expect(transport.tls).toBeUndefined();
    const { tls } = newBunTransport(socket, true);
    const shown = { raw: new Uint8Array(1) };
    Object.assign(socket, {
      alpnProtocol: false,
      authorized: true,
      getServername: () => null,
      getTLSVersion: () => "TLSv1.3",
      getPeerCertificate: () => shown,
    });
    const facts = { version: "TLSv1.3", authorized: true, peerCertificate: shown };
    expect(tls).toEqual({ ...facts, alpnProtocol: undefined, serverName: undefined });
    Object.assign(socket, {
      alpnProtocol: "http/1.1",
      getServername: () => "localhost",
      getPeerCertificate: () => ({}),
    });
    expect(tls).toEqual({
      ...facts,
      alpnProtocol: "http/1.1",
      serverName: "localhost",
      peerCertificate: undefined,
    });
  });

  describe("that does TLS, and is dropped while the kernel has no room", () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    it("is reset if that lasts a second", () => {
      const { socket, transport, lines } = newSocket([3], true);
      transport.write(new Uint8Array(10));
      transport.destroy();
      transport.destroy();
      vi.advanceTimersByTime(999);
      expect(lines).toEqual(["write 10", "pause"]);
      vi.advanceTimersByTime(1);
      socketHandlers.close(socket, undefined);
      vi.runAllTimers();
      expect(lines).toEqual(["write 10", "pause", "terminate", "onClose"]);
    });

    it("is closed as soon as there is room, and writes no more", () => {
      const { socket, transport, lines } = newSocket([3], true);
      transport.write(new Uint8Array(10));
      transport.destroy();
      socketHandlers.drain(socket);
      socketHandlers.close(socket, undefined);
      socketHandlers.drain(socket);
      vi.runAllTimers();
      expect(lines).toEqual(["write 10", "pause", "close", "onClose"]);
    });
  });

  it("reports no end if the connection was destroyed or has failed", async () => {
    const first = newSocket();
    first.transport.destroy();
    socketHandlers.close(first.socket);
    const second = newSocket();
    socketHandlers.close(second.socket, new Error("reset"));
    const third = newSocket();
    socketHandlers.error(third.socket, new Error("record"));
    await macrotask();
    expect(first.lines).toEqual(["close", "onClose"]);
    expect(second.lines).toEqual(["onClose reset"]);
    expect(third.lines).toEqual(["terminate", "onClose record"]);
  });
});
