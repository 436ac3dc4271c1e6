import { describe, expect, it } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import { upgradeRequest } from "../support/peer.ts";
import { macrotask } from "../support/turns.ts";
import { testServer } from "../support/server.ts";

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

  it.each([
    [
      "throws in error",
      {
        error: () => {
          throw new Error("again");
        },
      },
    ],
    ["rejects in error", { error: () => Promise.reject(new Error("again")) }],
    [
      "throws in close",
      {
        close: () => {
          throw new Error("again");
        },
      },
    ],
    ["rejects in close", { close: () => Promise.reject(new Error("again")) }],
  ])("and then %s reports both in closed", async (_, handlers) => {
    const { open } = testServer({
      message() {
        throw new Error("oops");
      },
      ...handlers,
    });
    const { peer, ws } = await open();
    peer.text("one");
    const { error } = await ws.closed;
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors).toEqual([new Error("oops"), new Error("again")]);
  });

  it("in close alone is what closed reports", async () => {
    const { open } = testServer({
      close() {
        throw new Error("late");
      },
    });
    const { peer, ws } = await open();
    peer.close(1000);
    expect(await ws.closed).toEqual({
      status: 1000,
      reason: "",
      clean: true,
      initiator: "peer",
      error: new Error("late"),
    });
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
