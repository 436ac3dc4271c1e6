import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import {
  Http2ClientTransport,
  type Http2Requester,
  Http2ServerTransport,
  type Http2ServerStream,
} from "../../../adapters/http2/transport.ts";
import { encodeUtf8 } from "../../../src/bytes.ts";
import type { Transport } from "../../../src/transport.ts";
import { upgradeRequest } from "../../support/peer.ts";
import { macrotask } from "../../support/turns.ts";

/** What a transport does with its stream, step by step; http2.test.ts and http2-server.test.ts have the real ones. */

/** A stream whose writes are done when the test says so. */
class FakeStream extends EventEmitter {
  readonly lines: string[];
  readonly written: (() => void)[] = [];
  aborted = false;
  rstCode = 0;
  writable = true;
  writableLength = 0;
  session = {
    destroyed: false,
    encrypted: false,
    ping: () => {},
    socket: { remoteAddress: "192.0.2.1", remotePort: 7, localAddress: "192.0.2.2", localPort: 8 },
  };

  constructor(lines: string[]) {
    super();
    this.lines = lines;
  }

  respond(headers: Record<string, unknown>): void {
    this.lines.push(`respond ${String(headers[":status"])}`);
  }
  write(bytes: Uint8Array, done: () => void): boolean {
    this.lines.push(`write ${bytes.length}`);
    this.written.push(done);
    return true;
  }
  pause(): void {
    this.lines.push("pause");
  }
  resume(): void {
    this.lines.push("resume");
  }
  end(): void {
    this.lines.push("end");
  }
  close(code: number): void {
    this.lines.push(`close ${code}`);
  }
  destroy(): void {
    this.lines.push("destroy");
  }
}

function listenTo(transport: Transport, lines: string[]): void {
  transport.handler = {
    onData: (chunk) => void lines.push(`onData ${chunk.constructor.name} ${chunk.length}`),
    onDrain: () => void lines.push("onDrain"),
    onEnd: () => void lines.push("onEnd"),
    onClose: (error) => void lines.push(`onClose ${error?.message ?? ""}`.trimEnd()),
  };
}

function newServer() {
  const lines: string[] = [];
  const stream = new FakeStream(lines);
  const transport = new Http2ServerTransport(stream as Http2ServerStream);
  listenTo(transport, lines);
  return { lines, stream, transport, seen: () => lines.splice(0) };
}

function newClient(request?: () => never) {
  const lines: string[] = [];
  const stream = new FakeStream(lines);
  const session = {
    ...stream.session,
    request(headers: Record<string, unknown>) {
      lines.push(`request ${String(headers[":path"])}`);
      return request?.() ?? stream;
    },
  };
  const transport = new Http2ClientTransport(session as Http2Requester);
  listenTo(transport, lines);
  return { lines, stream, transport, seen: () => lines.splice(0) };
}

const response = encodeUtf8("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");

describe("Http2ServerTransport", () => {
  it("answers with the first head that is written, wherever it is cut, and sends the rest as data", () => {
    const { transport, stream, seen } = newServer();
    expect(transport.write(response.slice(0, 20))).toBe(true);
    expect(seen()).toEqual([]);
    expect(transport.write(response.slice(20))).toBe(true);
    expect(seen()).toEqual(["respond 200"]);
    expect(transport.write(new Uint8Array(3))).toBe(true);
    expect(seen()).toEqual(["write 3"]);
    const other = newServer();
    other.stream.writableLength = 3;
    const both = new Uint8Array(response.length + 3);
    both.set(response);
    expect(other.transport.write(both)).toBe(false);
    expect(other.seen()).toEqual(["respond 200", "write 3"]);
    expect(stream.listenerCount("data")).toBe(1);
  });

  it("lends out a write that the window has not let through, until it has", () => {
    const { transport, stream, seen } = newServer();
    transport.write(response);
    expect(transport.write(new Uint8Array(1))).toBe(true);
    stream.writableLength = 2;
    expect(transport.write(new Uint8Array(2))).toBe(false);
    seen();
    stream.written[0]!();
    expect(seen()).toEqual([]);
    stream.written[1]!();
    expect(seen()).toEqual(["onDrain"]);
  });

  it("gives what comes as plain bytes, then the peer's end, and passes the rest on", () => {
    const { stream, transport, seen } = newServer();
    stream.emit("data", Buffer.from("abc"));
    transport.pause();
    transport.resume();
    stream.emit("end");
    transport.end();
    stream.emit("close");
    expect(seen()).toEqual(["onData Uint8Array 3", "pause", "resume", "onEnd", "end", "onClose"]);
  });

  it("is dropped with one reset of code CANCEL, and takes nothing afterwards", () => {
    const { stream, transport, seen } = newServer();
    transport.write(response);
    transport.destroy();
    transport.destroy();
    expect(transport.write(new Uint8Array(3))).toBe(true);
    stream.emit("end");
    stream.emit("close");
    stream.emit("close");
    expect(seen()).toEqual(["respond 200", "close 8", "destroy", "onClose"]);
  });

  it.each([
    ["a code", { rstCode: 2 }],
    ["an aborted stream", { aborted: true }],
  ])("reports a reset with %s as an error, and no end", (_, state) => {
    const { stream, seen } = newServer();
    Object.assign(stream, state);
    stream.emit("end");
    stream.emit("close");
    const code = "rstCode" in state ? 2 : 0;
    expect(seen()).toEqual([`onClose HTTP/2 stream was reset with error code ${code}`]);
  });

  it("takes no write after the stream was lost, and discards one after it was dropped", () => {
    const { stream, transport, seen } = newServer();
    transport.write(response);
    Object.assign(stream, { rstCode: 2, writable: false, destroyed: true });
    stream.emit("close");
    expect(transport.write(new Uint8Array(3))).toBe(false);
    transport.destroy();
    stream.emit("close");
    expect(transport.write(new Uint8Array(3))).toBe(true);
    expect(seen()).toEqual(["respond 200", "onClose HTTP/2 stream was reset with error code 2"]);
  });

  it("reports the stream's own error", () => {
    const { stream, seen } = newServer();
    stream.emit("error", new Error("broken"));
    stream.rstCode = 2;
    stream.emit("close");
    expect(seen()).toEqual(["onClose broken"]);
  });

  it("keeps both ends' addresses, which a session forgets", () => {
    const { transport, stream } = newServer();
    stream.session = undefined as never;
    expect(transport).toMatchObject({
      remoteAddress: "192.0.2.1",
      remotePort: 7,
      localAddress: "192.0.2.2",
      localPort: 8,
      encrypted: false,
      tls: undefined,
    });
    // A stream whose session is gone already.
    expect(new Http2ServerTransport(stream as Http2ServerStream).remoteAddress).toBeUndefined();
  });
});

describe("Http2ClientTransport", () => {
  it("asks with the first head that is written, and gives the answer as one of HTTP/1.1", () => {
    const { transport, stream, seen, lines } = newClient();
    transport.write(upgradeRequest({}, "/chat"));
    expect(seen()).toEqual(["request /chat"]);
    // Nothing is asked for before the answer, or it would come first.
    expect(stream.listenerCount("data")).toBe(0);
    const texts: string[] = [];
    transport.handler = {
      ...transport.handler,
      onData: (chunk) => void texts.push(new TextDecoder().decode(chunk)),
    };
    stream.emit("response", { ":status": 200, "x-a": "b" });
    expect(texts[0]).toMatch(/^HTTP\/1\.1 101 \r\n.*\r\nx-a: b\r\n\r\n$/s);
    stream.emit("data", Buffer.from("abc"));
    expect(texts[1]).toBe("abc");
    expect(lines).toEqual([]);
  });

  it("closes at once if no stream was asked for yet, but not inside the call", async () => {
    for (const drop of ["destroy", "end"] as const) {
      const { transport, seen } = newClient();
      transport.pause();
      transport.resume();
      transport[drop]();
      expect(seen()).toEqual([]);
      await macrotask();
      expect(seen()).toEqual(["onClose"]);
      expect(transport.write(upgradeRequest())).toBe(true);
      expect(seen()).toEqual([]);
    }
  });

  it("reports what the session throws, and never throws it", async () => {
    const { transport, seen } = newClient(() => {
      throw new Error("session is closed");
    });
    const request = upgradeRequest();
    const both = new Uint8Array(request.length + 3);
    both.set(request);
    expect(transport.write(both)).toBe(true);
    await macrotask();
    expect(seen()).toEqual(["request /", "onClose session is closed"]);
  });
});
