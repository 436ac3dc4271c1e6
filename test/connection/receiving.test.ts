import { describe, expect, it } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import { ClosedError } from "../../src/errors.ts";
import { testServer } from "../support/server.ts";
import { macrotask } from "../support/turns.ts";

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
