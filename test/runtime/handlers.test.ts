import process from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import { OpText } from "../../src/frame/opcode.ts";
import { calls, Ends, names, oneHandler, sendTooMuch } from "../support/ends.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { frame } from "../support/frames.ts";
import { runtime } from "../support/runtime.ts";
import { nameOf } from "../support/server.ts";
import { macrotask } from "../support/turns.ts";

/** Handlers at work, over real sockets: one at a time, whatever they return, and with a connection that hears meanwhile. */

const ends = new Ends();

afterEach(() => ends.finish());

const masked = { masked: true };

describe(`handlers of one connection, on ${runtime}`, () => {
  it("are called one at a time, also where drain settles while message is at work", async () => {
    let running = 0;
    let most = 0;
    let drains = 0;
    const all = newDeferred<void>();
    const seen: unknown[] = [];
    const { server } = await ends.serve(
      {
        async message(ws, data) {
          running++;
          most = Math.max(most, running);
          seen.push(data);
          await sendTooMuch(ws);
          // What the settling of `drain` lets go on would go on by now.
          for (let i = 0; i < 3; i++) await macrotask();
          running--;
          if (seen.length === 3) all.resolve();
        },
        async drain() {
          drains++;
          await Promise.resolve();
        },
      },
      { maxBufferedAmount: 0 },
    );
    const { peer } = await ends.open(server);
    peer.send(...["1", "2", "3"].map((text) => frame(OpText, text, masked)));
    await all.promise;
    expect(seen).toEqual(["1", "2", "3"]);
    expect(drains).toBeGreaterThan(0);
    expect(most).toBe(1);
  });

  it("end with close: what fails afterwards is not told to error any more", async () => {
    const failed = newDeferred<void>();
    const { server, ended, lines } = await ends.serve({
      async open(ws) {
        await ws.closed;
        await macrotask();
        failed.resolve();
        throw new Error("too late");
      },
    });
    const { peer } = await ends.open(server);
    peer.close(1000);
    await ended;
    await failed.promise;
    for (let i = 0; i < 3; i++) await macrotask();
    expect(lines).toEqual(["open", "close 1000"]);
  });

  const broken = {
    then() {
      throw new Error("no promise");
    },
  };

  it.each(names)("%s: may return a thenable whose then throws, and that fails it", async (name) => {
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on("uncaughtException", note);
    const { server, ended, lines } = await ends.serve(oneHandler(name, () => broken));
    const { peer } = await ends.open(server);
    if (name !== "open") peer.send(calls[name]);
    await peer.seen("close 1011");
    await ended;
    process.off("uncaughtException", note);
    expect(uncaught).toEqual([]);
    expect(lines.filter((line) => !line.startsWith("message"))).toEqual([
      "open",
      "error no promise",
      "close 1006",
    ]);
  });

  it("drain: may return one likewise", async () => {
    const { server, ended, lines } = await ends.serve(
      { open: (ws) => void sendTooMuch(ws).catch(() => {}), drain: () => broken },
      { maxBufferedAmount: 0 },
    );
    const { peer } = await ends.open(server);
    await peer.seen("close 1011");
    await ended;
    expect(lines).toEqual(["open", "error no promise", "close 1006"]);
  });

  it("error and close: may return one likewise, and the server goes on", async () => {
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on("uncaughtException", note);
    const { server, url, opened, lines } = await ends.serve({
      message() {
        throw new Error("failed");
      },
      error: () => broken,
      close: () => broken,
    });
    const { peer } = await ends.open(server);
    peer.text("work");
    await peer.seen("close 1011");
    await peer.seen("closed");
    expect(await (await opened).closed).toMatchObject({ clean: false });
    expect(server.counters.open).toBe(0);
    expect(lines).toEqual(["open", "message work", "error failed", "close 1006"]);
    await ends.connect(url);
    process.off("uncaughtException", note);
    expect(uncaught).toEqual([]);
  });
});

describe(`while a handler works, on ${runtime}`, () => {
  it("its peer's ping is answered and its close seen, before it is done", async () => {
    const gate = newDeferred<void>();
    const events: string[] = [];
    const { url, opened, ended } = await ends.serve({
      async message() {
        events.push("handler begins");
        await gate.promise;
        events.push("handler done");
      },
      close: () => void events.push("server: close"),
    });
    const pong = newDeferred<void>();
    const ws = await ends.connect(
      url,
      {},
      {
        pong: () => {
          pong.resolve();
        },
      },
    );
    await ws.send("work");
    await ws.ping("x");
    await pong.promise;
    events.push("client: pong");
    const { signal, closed } = await opened;
    signal.addEventListener("abort", () => events.push("server: signal"));
    expect(await ws.close(4001, "enough")).toMatchObject({ status: 4001, clean: true });
    expect(await closed).toMatchObject({ status: 4001, clean: true, initiator: "peer" });
    events.push("both: closed");
    gate.resolve();
    await ended;
    expect(events).toContain("handler done");
    expect(events.filter((event) => event !== "server: close")).toEqual([
      "handler begins",
      "client: pong",
      "server: signal",
      "both: closed",
      "handler done",
    ]);
  });

  it("a stream of tokens stops where its reader has closed", async () => {
    const clientClosed = newDeferred<void>();
    const outcome = newDeferred<string>();
    let sent = 0;
    const { url } = await ends.serve({
      async message(ws) {
        try {
          for (let i = 0; i < 80; i++) {
            await ws.send(`token ${i}`);
            sent++;
            // From here on its tokens wait for what the client does.
            if (sent === 10) await clientClosed.promise;
          }
          outcome.resolve("all sent");
        } catch (error) {
          outcome.resolve(nameOf(error));
        }
      },
    });
    const ws = await ends.connect(url);
    await ws.send("tell me");
    for (let i = 0; i < 10; i++) expect(await ws.receive()).toBe(`token ${i}`);
    expect(await ws.close()).toMatchObject({ status: 1000, clean: true });
    clientClosed.resolve();
    expect(await outcome.promise).toBe("CLOSED");
    expect(sent).toBe(10);
  });

  it("a peer whose keepalive is shorter than its work stays", async () => {
    const clock = new FakeClock();
    const gate = newDeferred<void>();
    const begun = newDeferred<void>();
    const { url } = await ends.serve({
      async message(ws) {
        begun.resolve();
        await gate.promise;
        await ws.send("done");
      },
    });
    let pongs = 0;
    const ws = await ends.connect(
      url,
      { clock, pingInterval: 1000, pongTimeout: 500 },
      { pong: () => void pongs++, message: (client) => client.close() },
    );
    await ws.send("work");
    await begun.promise;
    for (let round = 1; round <= 3; round++) {
      clock.advance(1000);
      await expect.poll(() => pongs).toBe(round);
    }
    clock.advance(900);
    expect(ws.state).toBe("open");
    gate.resolve();
    expect(await ws.closed).toMatchObject({ status: 1000, clean: true });
  });

  it("a peer gets its answers that reads none before all that it asked is taken in", async () => {
    const count = 40;
    const { server } = await ends.serve(
      {
        async message(ws, data) {
          if (data === "0") await sendTooMuch(ws);
          await ws.send(`answer ${String(data)}`);
        },
      },
      { maxBufferedAmount: 0 },
    );
    const { peer, client } = await ends.open(server);
    client.pause();
    for (let i = 0; i < count; i++) peer.text(`${i}`);
    await expect.poll(() => server.counters.received.messages).toBe(count);
    client.resume();
    await peer.seen(`text answer ${count - 1}`);
    expect(peer.lines.filter((line) => line.startsWith("text"))).toEqual(
      Array.from({ length: count }, (_, i) => `text answer ${i}`),
    );
  });
});
