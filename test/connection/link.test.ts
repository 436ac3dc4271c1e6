import { describe, expect, it } from "vitest";
import { prepareMessage } from "../../src/connection/send/prepare.ts";
import { linkOf } from "../support/link.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions } from "../../src/connection/server/serve.ts";
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
  it("come in order, text as strings and binary as bytes that belong to the handler", async () => {
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

  it("are lent without a copy with the option borrow", async () => {
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

  it("are delivered after open if they came right after the request", async () => {
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

  it("of several tasks leave in one write where the link gathers them", async () => {
    const { open } = testServer();
    const { peer, ws, transport } = await open();
    let writes = 0;
    const write = transport.write.bind(transport);
    transport.write = (bytes) => {
      writes++;
      return write(bytes);
    };
    linkOf(ws).gather();
    for (const text of ["one", "two"]) {
      void ws.send(text);
      await macrotask();
    }
    expect(writes).toBe(0);
    linkOf(ws).release();
    await peer.seen("text two");
    expect(writes).toBe(1);
  });

  it("of one chunk are answered in one write even if the handler is async", async () => {
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

describe("a link", () => {
  it("copies what comes in chunks that are not its own", async () => {
    const kept: unknown[] = [];
    const { open } = testServer({ message: (_, data) => void kept.push(data) });
    const { peer, transport } = await open();
    Object.assign(transport, { hasOwnChunks: false });
    const { handler } = transport;
    const onData = handler.onData.bind(handler);
    handler.onData = (chunk) => {
      onData(chunk);
      chunk.fill(0);
    };
    for (const byte of [1, 2]) peer.endpoint.sendBinary(new Uint8Array(50).fill(byte));
    peer.flush();
    await macrotask();
    expect(kept).toEqual([new Uint8Array(50).fill(1), new Uint8Array(50).fill(2)]);
  });

  it("stays closed if a transport reports the stream's end after its own", async () => {
    const { peer, ws, transport } = await testServer().open();
    peer.transport.destroy();
    await ws.closed;
    transport.handler.onEnd();
    expect(ws.state).toBe("closed");
  });

  it("is stuck while bytes wait for the network, not while messages wait before them", async () => {
    const { peer, ws, transport } = await testServer().open();
    const link = linkOf(ws);
    expect(link.isStuck).toBe(false);
    void ws.beginMessage().write("a");
    void ws.send("behind");
    await macrotask();
    expect([link.isStuck, ws.bufferedAmount > 0]).toEqual([false, true]);
    transport.write = () => false;
    void ws.ping();
    await macrotask();
    expect(link.isStuck).toBe(true);
    ws.terminate();
    await peer.seen("closed");
    expect(link.isStuck).toBe(false);
  });

  it("rejects for those who wait for a message when it is terminated while the peer's close is answered", async () => {
    const { ours, theirs, transport } = await openPair();
    transport.end = () => {};
    const waiting = ours.receive().catch((error: unknown) => error);
    void theirs.close();
    await macrotask();
    expect(ours.state).toBe("closing");
    ours.terminate();
    expect(await waiting).toBeInstanceOf(ClosedError);
  });
});

describe("a link that takes nothing in any more", () => {
  it("lets what has come be delivered, and leaves the rest where it is", async () => {
    const gate = newDeferred<void>();
    const { open, lines } = testServer({
      async message(ws, data) {
        await gate.promise;
        await ws.send(data);
      },
    });
    const { peer, ws, transport } = await open();
    let isPaused = false;
    transport.pause = () => {
      isPaused = true;
    };
    peer.text("one");
    peer.text("two");
    await macrotask();
    const link = linkOf(ws);
    link.shut();
    link.shut();
    peer.text("too late");
    await macrotask();
    expect([isPaused, link.isReading, ws.state]).toEqual([true, false, "open"]);
    const { handlers } = link;
    gate.resolve();
    await handlers;
    expect(link.handlers).toBeUndefined();
    void ws.close(1001);
    await peer.seen("closed");
    expect(peer.lines).toEqual(["open", "text one", "text two", "close 1001", "end", "closed"]);
    expect(lines).toEqual(["open", "message one", "message two", "close 1001 clean local"]);
    link.shut();
  });

  it("does so even if it had enough already, whatever is read then", async () => {
    const { ours, theirs } = await openPair({ options: { receiveHighWaterMark: 100 } });
    for (let i = 0; i < 10; i++) {
      void theirs.send("x".repeat(100));
      await macrotask();
    }
    linkOf(ours).shut();
    await ours.receive();
    await macrotask();
    expect(linkOf(ours).isReading).toBe(false);
    await ours.close();
    expect(linkOf(ours).isReading).toBe(true);
  });
});

describe("handlers at work", () => {
  it("are waited for: those for messages, messages that wait for one, and the close handler", async () => {
    const gates = [newDeferred<void>(), newDeferred<void>()];
    const end = newDeferred<void>();
    const done: string[] = [];
    const { open, lines } = testServer({
      message: () => gates.shift()!.promise,
      close: () => end.promise,
    });
    const { peer, ws } = await open();
    const link = linkOf(ws);
    expect(link.handlers).toBeUndefined();
    const [first, second] = gates;
    peer.text("one");
    peer.text("two");
    await macrotask();
    void link.handlers!.then(() => done.push("messages"));
    void link.handlers!.then(() => done.push("messages again"));
    first!.resolve();
    await macrotask();
    expect([lines.at(-1), done]).toEqual(["message two", []]);
    second!.reject(new Error("oops"));
    await macrotask();
    expect(done).toEqual(["messages", "messages again"]);
    await ws.closed;
    void link.handlers!.then(() => done.push("end"));
    await macrotask();
    expect(done).toHaveLength(2);
    end.resolve();
    await macrotask();
    expect(done).toEqual(["messages", "messages again", "end"]);
  });

  it("are waited for beyond the end of the connection", async () => {
    const gate = newDeferred<void>();
    const { open } = testServer({ message: () => gate.promise });
    const { peer, ws } = await open();
    peer.text("one");
    await macrotask();
    let isDone = false;
    void linkOf(ws).handlers!.then(() => {
      isDone = true;
    });
    peer.close(1000);
    await ws.closed;
    await macrotask();
    expect(isDone).toBe(false);
    gate.resolve();
    await macrotask();
    expect([isDone, linkOf(ws).handlers]).toEqual([true, undefined]);
  });

  it("do not make `handlers` reject if the close handler rejects", async () => {
    const { open } = testServer({ close: () => Promise.reject(new Error("oops")) });
    const { peer, ws } = await open();
    peer.close(1000);
    await ws.closed;
    expect(await linkOf(ws).handlers).toBeUndefined();
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

  it("closes with 1011 if it is the open handler, too", async () => {
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

  it("is reported after it has closed, and the closing handshake goes on", async () => {
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

  it("is the only error that is reported after it has closed, even if the transport then fails", async () => {
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

  it("stops delivery after the peer's end, as it does before", async () => {
    const gate = newDeferred<void>();
    const { open, lines } = testServer({ message: () => gate.promise });
    const { peer, ws } = await open();
    for (const text of ["one", "two"]) peer.text(text);
    peer.close(1000);
    await ws.closed;
    gate.reject(new Error("oops"));
    await macrotask();
    expect(lines).toEqual(["open", "message one", "error oops", "close 1000 clean peer"]);
  });

  it("is not reported if it only sent too late, since close reports the same", async () => {
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

describe("a handler that sends too late", () => {
  it("has not failed, and the messages after it are delivered", async () => {
    const gate = newDeferred<void>();
    const { open, lines } = testServer({
      async message(ws) {
        await gate.promise;
        await ws.send("late");
      },
    });
    const { peer, ws } = await open();
    peer.text("one");
    peer.text("two");
    peer.close(1000);
    await ws.closed;
    gate.resolve();
    await macrotask();
    expect(lines).toEqual(["open", "message one", "message two", "close 1000 clean peer"]);
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

  it("rejects what its extension fails with at once, and ends with 1011", async () => {
    for (const way of ["send", "write"] as const) {
      const { peer, ws, lines, extension } = await openWith({});
      extension.error = new Error("broken");
      const sent = way === "send" ? ws.send("Hello") : ws.beginMessage().write("Hello");
      await expect(sent).rejects.toMatchObject({ code: "CLOSED" });
      await peer.seen("close 1011");
      await ws.closed;
      expect(lines).toContain("error broken");
    }
  });

  it("has no extension if the client offers none", async () => {
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
    // Five bytes at work, and one that waits behind them, which counts for 64 more.
    expect(ws.bufferedAmount).toBe(5 + 1 + 64);
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

  it("reports an invalid message of the peer, and says why, slices later", async () => {
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

  it("delivers the message at work before it reports the end of the stream", async () => {
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
