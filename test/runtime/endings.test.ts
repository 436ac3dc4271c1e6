import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import { reconnecting } from "../../src/connection/client/reconnect.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { Closure } from "../../src/errors.ts";
import { OpContinuation, OpText } from "../../src/frame/opcode.ts";
import {
  calls,
  Ends,
  names,
  never,
  oneHandler,
  sendTooMuch,
  standsStill,
} from "../support/ends.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { frame } from "../support/frames.ts";
import { runtime } from "../support/runtime.ts";

/** Handlers that wait for the end, fail, or never come to an end, over real sockets: a connection ends all the same. */

const ends = new Ends();

afterEach(() => ends.finish());

describe(`a peer that closes behind its question, on ${runtime}`, () => {
  it.each([false, true])("gets the answer, compressed: %s", async (compression) => {
    const answer = "again and again ".repeat(65_536);
    const { url, ended } = await ends.serve(
      { message: (ws) => void ws.send(answer) },
      { compression },
    );
    const answers: boolean[] = [];
    const ws = await ends.connect(
      url,
      { compression, deliverAfterClose: true },
      { message: (_, data) => void answers.push(data === answer) },
    );
    void ws.send("question");
    expect(await ws.close(4000, "bye")).toMatchObject({ status: 4000, clean: true });
    expect(await ended).toMatchObject({ status: 4000, clean: true, initiator: "peer" });
    await expect.poll(() => answers).toEqual([true]);
  });
});

describe(`a handler that awaits the end of its own connection, on ${runtime}`, () => {
  it.each(names)("%s: has it when the peer closes, and the place is free", async (name) => {
    const done = newDeferred<Closure>();
    const { server, url, ended, lines } = await ends.serve(
      oneHandler(name, async (ws) => {
        done.resolve(await ws.closed);
      }),
      { maxConnections: 1 },
    );
    const { peer } = await ends.open(server);
    peer.send(calls[name]);
    peer.close(4000, "bye");
    expect(await done.promise).toMatchObject({ status: 4000, clean: true, initiator: "peer" });
    await peer.seen("closed");
    expect(await ended).toMatchObject({ status: 4000 });
    expect(server.counters.open).toBe(0);
    expect(lines.at(-1)).toBe("close 4000");
    await ends.connect(url);
  });

  it.each(names)("%s: has it when the peer has vanished, and the place is free", async (name) => {
    const begun = newDeferred<void>();
    const done = newDeferred<Closure>();
    const { server, url, ended } = await ends.serve(
      oneHandler(name, async (ws) => {
        begun.resolve();
        done.resolve(await ws.closed);
      }),
      { maxConnections: 1 },
    );
    const { peer, client } = await ends.open(server);
    peer.send(calls[name]);
    await begun.promise;
    client.socket.resetAndDestroy();
    expect(await done.promise).toMatchObject({ status: 1006, clean: false });
    expect(await ended).toMatchObject({ status: 1006, initiator: "transport" });
    expect(server.counters.open).toBe(0);
    await ends.connect(url);
  });

  it("lets a client that reconnects do so, with what waits meanwhile", async () => {
    const { url, opened, lines } = await ends.serve({ message: () => {} });
    const isWaiting = newDeferred<void>();
    await using client = reconnecting(
      (attempt) =>
        ends.connect(
          url,
          { signal: attempt.signal },
          {
            async message(ws) {
              isWaiting.resolve();
              await ws.closed;
            },
          },
        ),
      { whileAway: "wait", initialDelay: 1, random: () => 0 },
    );
    const first = await client.ready;
    const ours = await opened;
    await ours.send("wait for it");
    await isWaiting.promise;
    ours.terminate();
    await first.closed;
    await client.send("on the next one");
    await expect.poll(() => lines).toContain("message on the next one");
  });
});

describe(`a handler that never settles, on ${runtime}`, () => {
  it.each(names)("%s: holds nothing of a connection whose peer resets it", async (name) => {
    const begun = newDeferred<Connection>();
    const work = (ws: Connection): Promise<void> => {
      begun.resolve(ws);
      return never();
    };
    const { server, url, ended } = await ends.serve(oneHandler(name, work), { maxConnections: 1 });
    const { peer, client } = await ends.open(server);
    if (name !== "open") peer.send(calls[name]);
    const ws = await begun.promise;
    client.socket.resetAndDestroy();
    expect(await ws.closed).toMatchObject({ status: 1006, initiator: "transport" });
    expect(await ended).toMatchObject({ status: 1006 });
    expect(ws.state).toBe("closed");
    expect(server.counters.open).toBe(0);
    await ends.connect(url);
  });

  it("keeps what waits behind it for closeTimeout, and then the last call comes", async () => {
    const clock = new FakeClock();
    const { server, opened, ended, lines } = await ends.serve(
      { message: never },
      { clock, closeTimeout: 1000 },
    );
    const { peer } = await ends.open(server);
    for (const text of ["one", "two", "three"]) peer.text(text);
    peer.close(1000);
    expect(await (await opened).closed).toMatchObject({ status: 1000, clean: true });
    expect(server.counters.open).toBe(0);
    expect(lines).toEqual(["open", "message one"]);
    clock.advance(1200);
    await ended;
    expect(lines).toEqual(["open", "message one", "error HANDLER_TIMEOUT", "close 1000"]);
  });
});

describe(`a handler that fails while more has come than is taken in, on ${runtime}`, () => {
  const gates = { full: newDeferred<void>() };

  /** Each fails once there is more than it will ever take. */
  const failing: Record<string, ServerHandlers> = {
    "a loop in open": {
      async open(ws) {
        for await (const data of ws) {
          await gates.full.promise;
          JSON.parse(data as string);
        }
      },
    },
    stream: {
      async stream() {
        await gates.full.promise;
        JSON.parse("{bad");
      },
    },
    drain: {
      async message(ws) {
        await gates.full.promise;
        // `drain` follows when the peer has read it.
        void sendTooMuch(ws).catch(() => {});
        await never();
      },
      drain() {
        JSON.parse("{bad");
      },
    },
  };

  async function startFull(
    name: string,
    options: { clock?: FakeClock } = {},
  ): Promise<Awaited<ReturnType<Ends["serve"]>> & Awaited<ReturnType<Ends["open"]>>> {
    gates.full = newDeferred<void>();
    const served = await ends.serve(failing[name], {
      closeTimeout: 1000,
      maxBufferedAmount: 0,
      ...options,
    });
    const { peer, client } = await ends.open(served.server);
    // To a handler for streams it is one message, whose end does not get in.
    const isOne = name === "stream";
    const bad = (i: number): Uint8Array =>
      frame(isOne && i > 0 ? OpContinuation : OpText, "{bad".padEnd(4000), {
        masked: true,
        fin: !isOne || i === 99,
      });
    peer.send(...Array.from({ length: 100 }, (_, i) => bad(i)));
    await standsStill(() => served.server.counters.received.frames);
    return { ...served, peer, client };
  }

  it.each(Object.keys(failing))("%s: fails it with 1011, and it is over", async (name) => {
    const { server, peer, ended, lines } = await startFull(name);
    gates.full.resolve();
    await peer.seen("close 1011");
    await peer.seen("closed");
    expect(await ended).toMatchObject({ clean: false, initiator: "local" });
    expect(server.counters.open).toBe(0);
    expect(lines.filter((line) => line.startsWith("error"))).toHaveLength(1);
    expect(lines.at(-1)).toBe("close 1006");
  });

  it.each(["a loop in open", "stream"])("%s: is over where the peer has gone", async (name) => {
    const { server, client, ended } = await startFull(name);
    client.socket.resetAndDestroy();
    gates.full.resolve();
    await ended;
    expect(server.counters.open).toBe(0);
  });

  it.each(["a loop in open", "stream"])(
    "%s: is over at the deadline of the closing, where the peer does nothing",
    async (name) => {
      const clock = new FakeClock();
      const { server, peer, ended } = await startFull(name, { clock });
      // It sees the close frame, and keeps its stream open.
      peer.endsWithServer = false;
      gates.full.resolve();
      await peer.seen("end");
      clock.advance(1200);
      await ended;
      expect(server.counters.open).toBe(0);
    },
  );
});

describe(`a loop that sends to a peer that resets the connection, on ${runtime}`, () => {
  const most = 20_000;
  const chunk = new Uint8Array(100_000);

  it("ends with the connection, and holds up nobody else", async () => {
    const sent = newDeferred<unknown>();
    let count = 0;
    const { server, opened, ended } = await ends.serve({
      async open(ws) {
        try {
          for (; count < most; count++) await ws.send(chunk);
          sent.resolve("went on for ever");
        } catch (error) {
          sent.resolve(error);
        }
      },
    });
    const { client } = await ends.open(server);
    client.pause();
    const ws = await opened;
    await standsStill(() => count);
    client.socket.resetAndDestroy();
    expect(await sent.promise).toMatchObject({ name: "ClosedError", status: 1006 });
    expect(await ws.closed).toMatchObject({ status: 1006, initiator: "transport" });
    expect(await ended).toMatchObject({ status: 1006 });
  });
});
