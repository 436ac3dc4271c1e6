import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { newServerListener, takeConnections, takeUpgrades } from "../../adapters/http-server.ts";
import { encodeUtf8 } from "../../src/bytes.ts";
import type { Transport } from "../../src/transport.ts";

/** A server as Node has it, which writes down when it is closed. */
class FakeServer extends EventEmitter {
  place: unknown = { port: 80, address: "192.0.2.1", family: "IPv4" };
  closes = 0;

  address(): unknown {
    return this.place;
  }

  close(): void {
    this.closes++;
  }
}

/** A TLS server: its contexts may be changed. */
class FakeTlsServer extends FakeServer {
  setSecureContext(): void {}
}

/** A socket that others have made, with what was done to it. */
class FakeSocket extends EventEmitter {
  readonly writable = true;
  readonly writableLength = 0;
  readonly remoteAddress = "192.0.2.2";
  allowHalfOpen = false;
  timeout = 1000;

  setTimeout(milliseconds: number): void {
    this.timeout = milliseconds;
  }

  write(): boolean {
    return true;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

const request = {
  method: "GET",
  url: "/chat?room=1",
  httpVersion: "1.1",
  rawHeaders: ["Host", "a", "X-Twice", "1", "x-twice", "2"],
};
const head = "GET /chat?room=1 HTTP/1.1\r\nHost: a\r\nX-Twice: 1\r\nx-twice: 2\r\n\r\n";

/** Notes what is accepted. */
function newLog() {
  const transports: Transport[] = [];
  const texts: string[] = [];
  const accept = (transport: Transport, bytes?: Uint8Array): void => {
    transports.push(transport);
    texts.push(new TextDecoder().decode(bytes));
  };
  return { transports, texts, accept };
}

describe("takeUpgrades()", () => {
  it("gives the socket, the request as it was on the wire, and what came after it", () => {
    const server = new FakeServer();
    const { transports, texts, accept } = newLog();
    takeUpgrades(server, accept);
    server.emit("upgrade", request, new FakeSocket(), encodeUtf8("frames"));
    expect(texts).toEqual([`${head}frames`]);
    expect(transports[0]!.remoteAddress).toBe("192.0.2.2");
  });

  it("takes a socket's timeout away, and lets it be half-open", () => {
    const server = new FakeServer();
    takeUpgrades(server, newLog().accept);
    const socket = new FakeSocket();
    server.emit("upgrade", request, socket, new Uint8Array(0));
    expect([socket.timeout, socket.allowHalfOpen]).toEqual([0, true]);
  });

  it("takes a stream that has no timeout", () => {
    const server = new FakeServer();
    const { transports, accept } = newLog();
    takeUpgrades(server, accept);
    const stream = Object.assign(new FakeSocket(), { setTimeout: undefined });
    server.emit("upgrade", request, stream, new Uint8Array(0));
    expect(transports).toHaveLength(1);
  });

  it("removes only its own listeners when it is closed", async () => {
    const server = new FakeServer();
    const theirs = (): void => {};
    server.on("upgrade", theirs);
    const { transports, accept } = newLog();
    const listener = takeUpgrades(server, accept);
    await listener.close();
    await listener.close();
    server.emit("upgrade", request, new FakeSocket(), new Uint8Array(0));
    expect(transports).toEqual([]);
    expect(server.listeners("upgrade")).toEqual([theirs]);
    expect(server.closes).toBe(0);
  });
});

describe("takeConnections()", () => {
  it.each([
    ["a TCP server", () => new FakeServer(), "connection", "secureConnection"],
    ["a TLS server", () => new FakeTlsServer(), "secureConnection", "connection"],
  ])("gives the connections of %s once", (_, newServer, event, other) => {
    const server = newServer();
    const { transports, texts, accept } = newLog();
    takeConnections(server, accept);
    const socket = new FakeSocket();
    server.emit(other, new FakeSocket());
    expect(transports).toEqual([]);
    server.emit(event, socket);
    expect(texts).toEqual([""]);
    expect([socket.timeout, socket.allowHalfOpen]).toEqual([0, true]);
  });

  it("closes the server when it is closed", async () => {
    const server = new FakeServer();
    await takeConnections(server, newLog().accept).close();
    expect(server.closes).toBe(1);
    expect(server.eventNames()).toEqual([]);
  });
});

describe("newServerListener()", () => {
  it("tells where the server listens, before, while and after it listens", () => {
    const server = new FakeServer();
    server.place = null;
    const listener = newServerListener(server, () => {});
    expect([listener.port, listener.hostname]).toEqual([0, ""]);
    server.place = { port: 80, address: "192.0.2.1" };
    expect([listener.port, listener.hostname]).toEqual([80, "192.0.2.1"]);
    server.place = "/run/x";
    expect([listener.hostname, listener.port]).toEqual(["/run/x", 0]);
    server.place = null;
    expect([listener.port, listener.hostname]).toEqual([0, "/run/x"]);
  });

  it("remembers where it listened, even if it is first asked afterwards", () => {
    const server = new FakeServer();
    const listener = newServerListener(server, () => {});
    server.place = null;
    expect([listener.port, listener.hostname]).toEqual([80, "192.0.2.1"]);
  });
});
