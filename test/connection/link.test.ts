import { describe, expect, it } from "vitest";
import { prepareMessage } from "../../src/connection/connection.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions } from "../../src/connection/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import { ClosedError } from "../../src/errors.ts";
import { text } from "../support/frames.ts";
import { openPair } from "../support/pair.ts";
import { upgradeRequest } from "../support/peer.ts";
import { testServer } from "../support/server.ts";
import {
  openSessions,
  ShiftExtension,
  type ShiftOptions,
  shifted,
} from "../support/shift-extension.ts";
import { macrotask } from "../support/turns.ts";

describe("a connection's messages", () => {
  it("come in order, text as strings and binary as bytes of one's own", async () => {
    const kept: unknown[] = [];
    const { open, lines } = testServer({ message: (_, data) => void kept.push(data) });
    const { peer } = await open();
    peer.endpoint.sendText("Hello");
    peer.endpoint.sendBinary(new Uint8Array([1, 2, 3]));
    peer.flush();
    peer.binary(new Uint8Array([9, 9, 9]));
    peer.close(1000);
    await peer.seen("closed");
    expect(lines).toEqual([
      "open",
      "message Hello",
      "message of 3 bytes",
      "message of 3 bytes",
      "close 1000 clean peer",
    ]);
    expect(kept).toEqual(["Hello", new Uint8Array([1, 2, 3]), new Uint8Array([9, 9, 9])]);
  });

  it("are lent as they lie with the option borrow", async () => {
    const buffers: number[] = [];
    const { open } = testServer(
      { message: (_, data) => void buffers.push((data as Uint8Array).buffer.byteLength) },
      { borrow: true },
    );
    const { peer } = await open();
    peer.binary(new Uint8Array(10));
    peer.close(1000);
    await peer.seen("closed");
    expect(buffers).toEqual([2 + 4 + 10]); // the frame's header and key lie in front of the payload
  });

  it("that came behind the request are delivered after open", async () => {
    const { connect, lines } = testServer();
    const { peer } = connect();
    peer.endpoint.sendText("early");
    const early = peer.endpoint.output.take()!.slice();
    peer.endpoint.output.giveBack();
    peer.send(upgradeRequest(), early);
    peer.close(1000);
    await peer.seen("closed");
    expect(lines).toEqual(["open", "message early", "close 1000 clean peer"]);
  });

  it("of one chunk are answered in one write", async () => {
    const { open } = testServer({ message: (ws, data) => ws.send(data) });
    const { peer, transport } = await open();
    let writes = 0;
    const write = transport.write.bind(transport);
    transport.write = (bytes) => {
      writes++;
      return write(bytes);
    };
    for (let i = 0; i < 16; i++) peer.endpoint.sendText(`${i}`);
    peer.flush();
    await peer.seen("text 15");
    expect(writes).toBe(1);
  });

  it("of one chunk are answered in one write also where the handler is async", async () => {
    const { open } = testServer({
      async message(ws, data) {
        await ws.send(data);
      },
    });
    const { peer, transport } = await open();
    let writes = 0;
    const write = transport.write.bind(transport);
    transport.write = (bytes) => {
      writes++;
      return write(bytes);
    };
    for (let i = 0; i < 16; i++) peer.endpoint.sendText(`${i}`);
    peer.flush();
    await peer.seen("text 15");
    expect(writes).toBe(1);
  });
});

describe("a handler that terminates its connection", () => {
  it("is told once of its end, also where the peer is gone already", async () => {
    const gate = newDeferred<void>();
    const { open, lines } = testServer({
      message(ws, data) {
        if (data === "one") return gate.promise;
        ws.terminate();
        return undefined;
      },
    });
    const { peer, ws } = await open();
    peer.endpoint.sendText("one");
    peer.endpoint.sendText("two");
    peer.flush();
    await macrotask();
    peer.transport.destroy();
    await macrotask();
    gate.resolve();
    await ws.closed;
    await macrotask();
    expect(lines).toEqual(["open", "message one", "message two", "close 1006 unclean local"]);
  });
});

describe("a handler that fails", () => {
  it.each([
    [
      "throws",
      () => {
        throw new Error("oops");
      },
    ],
    ["rejects", () => Promise.reject(new Error("oops"))],
  ])("and %s closes its connection with 1011 and is reported once", async (_, message) => {
    const { open, lines } = testServer({ message });
    const { peer, ws } = await open();
    peer.endpoint.sendText("one");
    peer.endpoint.sendText("two");
    peer.flush();
    await peer.seen("closed");
    expect(peer.lines).toEqual(["open", "close 1011", "end", "closed"]);
    expect(lines).toEqual(["open", "message one", "error oops", "close 1006 unclean local"]);
    expect((await ws.closed).error).toEqual(new Error("oops"));
  });

  it("in open closes with 1011, too", async () => {
    const { connect, lines } = testServer({
      open() {
        throw new Error("oops");
      },
    });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("closed");
    expect(peer.lines).toEqual(["open", "close 1011", "end", "closed"]);
    expect(lines).toEqual(["open", "error oops", "close 1006 unclean local"]);
  });

  it("after its own close is reported, and the closing handshake goes on", async () => {
    const { open, lines } = testServer({
      async message(ws) {
        void ws.close(1000, "done");
        await Promise.resolve();
        throw new Error("late");
      },
    });
    const { peer } = await open();
    peer.text("one");
    await peer.seen("closed");
    expect(lines).toEqual(["open", "message one", "error late", "close 1000 done clean local"]);
  });

  it("after its own close is the one error that is reported, also where the transport then fails", async () => {
    const { open, lines } = testServer({
      async message(ws) {
        void ws.close(1000, "done");
        await Promise.resolve();
        throw new Error("late");
      },
    });
    const { peer, transport, ws } = await open();
    transport.write = () => false;
    peer.text("one");
    await macrotask();
    transport.reset(new Error("ECONNRESET"));
    await ws.closed;
    expect(lines).toEqual(["open", "message one", "error late", "close 1006 unclean local"]);
  });

  it("because it sent too late reports nothing: close tells the same", async () => {
    const gate = newDeferred<void>();
    const { open, lines } = testServer({
      async message(ws) {
        await gate.promise;
        await ws.send("late");
      },
    });
    const { peer, transport, ws } = await open();
    peer.text("one");
    await macrotask();
    transport.destroy();
    await macrotask();
    gate.resolve();
    await ws.closed;
    expect(lines).toEqual([
      "open",
      "message one",
      "error UNEXPECTED_END",
      "close 1006 unclean transport",
    ]);
  });
});

describe("the end of the stream behind a message that takes a while", () => {
  it("does not wait for somebody to read what comes out, however much it is", async () => {
    const extension = new ShiftExtension({ slice: 4 });
    const { ours, theirs, transport } = await openPair({
      options: { extensions: [extension], receiveHighWaterMark: 100 },
      clientOptions: { extensions: [new ShiftExtension()] },
    });
    void theirs.send("Hello");
    await theirs.send("x".repeat(1000), { compress: false });
    await macrotask();
    transport.destroy();
    await macrotask();
    extension.next();
    expect(await ours.closed).toMatchObject({ status: 1006, clean: false });
    expect([await ours.receive(), await ours.receive()]).toEqual(["Hello", "x".repeat(1000)]);
    await expect(ours.receive()).rejects.toThrow(ClosedError);
  });
});

describe("a connection with an extension", () => {
  const offer = { "Sec-WebSocket-Extensions": "x-other, x-shift; by=1" };

  /** A server with the extension, and a client that has agreed to it. */
  async function openWith(
    shift: ShiftOptions,
    handlers: ServerHandlers = { message: (ws, data) => ws.send(data) },
    options: Partial<ServeOptions> = {},
  ) {
    const extension = new ShiftExtension(shift);
    const made = testServer(handlers, { extensions: [extension], ...options });
    const opened = await made.open(offer, openSessions(new ShiftExtension()));
    return { ...made, ...opened, extension };
  }

  it("says what was agreed to, and takes messages through it both ways", async () => {
    const { peer, ws, lines, extension } = await openWith({});
    expect(peer.response).toContain("\r\nSec-WebSocket-Extensions: x-shift; by=1");
    expect(ws.extensions).toBe("x-shift; by=1");
    peer.text("Hello");
    await peer.seen("text Hello");
    peer.close(1000);
    await peer.seen("closed");
    expect(lines).toEqual(["open", "message Hello", "close 1000 clean peer"]);
    expect([extension.opened, extension.closed]).toEqual([1, 1]);
  });

  it("takes a message in pieces through it, one after the other", async () => {
    const { peer, ws, extension } = await openWith({ slice: 4 });
    const lines: string[] = [];
    const writer = ws.beginMessage();
    void writer.write("Hello").then(() => lines.push("one"));
    void writer.write(" you").then(() => lines.push("two"));
    await macrotask();
    expect(lines).toEqual([]);
    extension.next();
    await macrotask();
    expect(lines).toEqual(["one", "two"]);
    await writer.close();
    await peer.seen("text Hello you");
  });

  it("has none where the client offers none", async () => {
    const extension = new ShiftExtension();
    const { open } = testServer({}, { extensions: [extension] });
    const { peer, ws } = await open();
    expect([ws.extensions, extension.opened]).toEqual(["", 0]);
    expect(peer.response).not.toContain("Extensions");
  });

  it("refuses offers that cannot be read", async () => {
    const { connect, lines } = testServer({}, { extensions: [new ShiftExtension()] });
    const { peer } = connect();
    peer.send(upgradeRequest({ "Sec-WebSocket-Extensions": "x-shift; by=" }));
    await peer.seen("refused 400");
    expect(lines).toEqual(["refused MALFORMED_REQUEST"]);
  });

  it("keeps the order of messages that take a while, and holds the peer back meanwhile", async () => {
    const { peer, transport, extension, lines } = await openWith({ slice: 4 }, {});
    const calls: string[] = [];
    for (const name of ["pause", "resume"] as const) {
      const call = transport[name].bind(transport);
      transport[name] = () => {
        calls.push(name);
        call();
      };
    }
    peer.endpoint.sendText("Hello");
    peer.endpoint.sendText("a");
    peer.endpoint.sendText("again");
    peer.flush();
    peer.text("b");
    await macrotask();
    expect([lines, calls]).toEqual([["open"], ["pause"]]);
    extension.next();
    await macrotask();
    expect(lines).toEqual(["open", "message Hello", "message a"]);
    extension.next();
    await macrotask();
    expect(lines).toEqual(["open", "message Hello", "message a", "message again", "message b"]);
    expect(calls).toEqual(["pause", "resume"]);
    peer.close(1000);
    await peer.seen("closed");
  });

  it("awaits a handler of a message that took a while before it goes on", async () => {
    const gate = newDeferred<void>();
    const { peer, extension, lines } = await openWith(
      { slice: 4 },
      { message: () => gate.promise },
    );
    peer.endpoint.sendText("Hello");
    peer.endpoint.sendText("a");
    peer.flush();
    await macrotask();
    extension.next();
    await macrotask();
    expect(lines).toEqual(["open", "message Hello"]);
    gate.resolve();
    await macrotask();
    expect(lines).toEqual(["open", "message Hello", "message a"]);
    peer.close(1000);
    await peer.seen("closed");
  });

  it("sends what takes a while in order, and resolves send() when it has left", async () => {
    const { peer, ws, extension } = await openWith({ slice: 4 }, {}, { highWaterMark: 4 });
    let isSent = false;
    void ws.send("Hello").then(() => {
      isSent = true;
    });
    void ws.send("a", { compress: false });
    expect(ws.bufferedAmount).toBe(6);
    await macrotask();
    expect([peer.lines, isSent]).toEqual([["open"], false]);
    extension.next();
    await peer.seen("text a");
    expect(peer.lines).toEqual(["open", "text Hello", "text a"]);
    await macrotask();
    expect([isSent, ws.bufferedAmount]).toEqual([true, 0]);
    peer.close(1000);
    await peer.seen("closed");
  });

  it("sends a message that was prepared", async () => {
    const { peer, ws } = await openWith({});
    void ws.send(prepareMessage("all"));
    void ws.send(prepareMessage(new Uint8Array(3), { compress: false }));
    await peer.seen("binary 3 bytes");
    expect(peer.lines).toEqual(["open", "text all", "binary 3 bytes"]);
    await ws.close();
    await expect(ws.send(prepareMessage("late"))).rejects.toThrow(ClosedError);
  });

  it("drops a connection that holds too much, prepared or not", async () => {
    const { ws, lines } = await openWith({ slice: 4 }, {}, { maxBufferedAmount: 100 });
    void ws.send("Hello");
    await expect(ws.send(prepareMessage(new Uint8Array(100)))).rejects.toMatchObject({
      code: "TOO_MUCH_BUFFERED",
    });
    await macrotask();
    expect(lines).toEqual(["open", "error TOO_MUCH_BUFFERED", "close 1006 unclean local"]);
  });

  it("reports what the peer's message turns out to be, and says why, slices later", async () => {
    const { peer, extension, lines } = await openWith({ slice: 4 });
    peer.send(text(shifted(Uint8Array.of(65, 65, 65, 65, 0xff), 1), { masked: true, rsv: 2 }));
    await macrotask();
    extension.next();
    await peer.seen("close 1007");
    await peer.seen("closed");
    expect(lines.slice(0, 2)).toEqual(["open", "error INVALID_UTF8"]);
  });

  it.each(["close", "terminate"] as const)(
    "waits for no message that is at work on %s()",
    async (end) => {
      const { peer, ws, extension, lines } = await openWith({ slice: 4 });
      peer.endpoint.sendText("Hello");
      peer.endpoint.sendText("again");
      peer.flush();
      await macrotask();
      void ws[end]();
      await peer.seen("closed");
      extension.next();
      await macrotask();
      const closed = end === "close" ? "close 1000 clean local" : "close 1006 unclean local";
      expect(lines).toEqual(["open", closed]);
      expect(extension.closed).toBe(1);
    },
  );

  it("delivers what is at work before it tells of the end of the stream", async () => {
    const { peer, extension, lines } = await openWith({ slice: 4 }, {});
    peer.text("Hello");
    peer.transport.end();
    await macrotask();
    expect(lines).toEqual(["open"]);
    extension.next();
    await peer.seen("closed");
    expect(lines).toEqual([
      "open",
      "message Hello",
      "error UNEXPECTED_END",
      "close 1006 unclean transport",
    ]);
  });
});
