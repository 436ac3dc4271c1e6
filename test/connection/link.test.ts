import { describe, expect, it } from "vitest";
import { newDeferred } from "../../src/connection/deferred.ts";
import { ClosedError } from "../../src/errors.ts";
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

describe("a handler that returns a promise", () => {
  it("is awaited before the next message, and the transport is paused meanwhile", async () => {
    const gates: (() => void)[] = [];
    const { open, lines } = testServer({
      message: () => new Promise<void>((resolve) => gates.push(resolve)),
    });
    const { peer, transport } = await open();
    const calls: string[] = [];
    const { pause, resume } = transport;
    transport.pause = () => {
      calls.push("pause");
      pause.call(transport);
    };
    transport.resume = () => {
      calls.push("resume");
      resume.call(transport);
    };
    peer.endpoint.sendText("one");
    peer.endpoint.sendText("two");
    peer.flush();
    peer.text("three");
    await macrotask();
    expect(lines).toEqual(["open", "message one"]);
    expect(calls).toEqual(["pause"]);
    gates.shift()!();
    await macrotask();
    expect(lines).toEqual(["open", "message one", "message two"]);
    gates.shift()!();
    await macrotask();
    expect(lines).toEqual(["open", "message one", "message two", "message three"]);
    expect(calls).toEqual(["pause"]);
    gates.shift()!();
    await macrotask();
    expect(calls).toEqual(["pause", "resume"]);
    peer.close(1000);
    await peer.seen("closed");
    expect(lines.at(-1)).toBe("close 1000 clean peer");
  });

  it("lets what it sent leave while it goes on", async () => {
    const gate = newDeferred<void>();
    const { open } = testServer({
      async message(ws) {
        void ws.send("first");
        await gate.promise;
      },
    });
    const { peer } = await open();
    peer.text("go");
    await peer.seen("text first");
    gate.resolve();
    peer.close(1000);
    await peer.seen("closed");
  });

  it("gets what came before the peer ended its stream, and then the end", async () => {
    const gate = newDeferred<void>();
    const { open, lines } = testServer({ message: () => gate.promise });
    const { peer } = await open();
    peer.endpoint.sendText("one");
    peer.endpoint.sendText("two");
    peer.flush();
    peer.transport.end();
    await macrotask();
    expect(lines).toEqual(["open", "message one"]);
    gate.resolve();
    await peer.seen("closed");
    expect(lines).toEqual([
      "open",
      "message one",
      "message two",
      "error UNEXPECTED_END",
      "close 1006 unclean transport",
    ]);
  });

  it("gets what came before a reset, while its sends are refused", async () => {
    const gate = newDeferred<void>();
    const results: unknown[] = [];
    const { open, lines } = testServer({
      async message(ws) {
        await gate.promise;
        results.push(await ws.send("late").catch((error: unknown) => error));
      },
    });
    const { peer, transport, ws } = await open();
    peer.endpoint.sendText("one");
    peer.endpoint.sendText("two");
    peer.flush();
    await macrotask();
    transport.reset(new Error("ECONNRESET"));
    await macrotask();
    expect(ws.state).toBe("closed");
    gate.resolve();
    const { status, error } = await ws.closed;
    expect(lines).toEqual([
      "open",
      "message one",
      "message two",
      "error RESET",
      "close 1006 unclean transport",
    ]);
    expect(results).toEqual([expect.any(ClosedError), expect.any(ClosedError)]);
    expect(status).toBe(1006);
    expect((error as Error).cause).toEqual(new Error("ECONNRESET"));
  });

  it("may await the end of its own connection", async () => {
    const { open, lines } = testServer({
      async message(ws) {
        const { clean } = await ws.close(1008, "Go away");
        lines.push(`closed ${clean ? "clean" : "unclean"}`);
      },
    });
    const { peer } = await open();
    peer.endpoint.sendText("one");
    peer.endpoint.sendText("two");
    peer.flush();
    await peer.seen("closed");
    await macrotask();
    expect(peer.lines).toEqual(["open", "close 1008 Go away", "end", "closed"]);
    expect(lines).toEqual([
      "open",
      "message one",
      "close 1008 Go away clean local",
      "closed clean",
    ]);
  });

  it("may close after it has waited for something else", async () => {
    const gate = newDeferred<void>();
    const { open, lines } = testServer({
      async message(ws) {
        await gate.promise;
        await ws.close();
      },
    });
    const { peer } = await open();
    peer.text("one");
    peer.text("two");
    await macrotask();
    gate.resolve();
    await peer.seen("closed");
    expect(lines).toEqual(["open", "message one", "close 1000 clean local"]);
  });

  it("of open is awaited before the first message", async () => {
    const gate = newDeferred<void>();
    const { open, lines } = testServer({ open: () => gate.promise });
    const { peer } = await open();
    peer.text("one");
    await macrotask();
    expect(lines).toEqual(["open"]);
    gate.resolve();
    peer.close(1000);
    await peer.seen("closed");
    expect(lines).toEqual(["open", "message one", "close 1000 clean peer"]);
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
