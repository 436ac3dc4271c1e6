import { afterEach, describe, expect, it } from "vitest";
import { RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";
import { OnSockets } from "./on-sockets.ts";
import { expectNoRejections, Peer, Recorder } from "./play.ts";
import {
  binary,
  bytesFrom,
  header,
  ping,
  request,
  roles,
  session,
  type Setup,
  show,
  text,
} from "./support.ts";
import { expectOneEnd, traceOf } from "./trace.ts";

/** Rows of the battery about what a network does, over real sockets. */

const sockets = new OnSockets();

afterEach(async () => {
  await sockets.stop();
  await expectNoRejections();
});

describe(`a server on ${runtime}: a network that fails`, () => {
  it("C-67 50 resets right behind the request → each ends, and the server lives", async () => {
    let decided = 0;
    const setup: Setup = {
      handlers: () => ({
        upgrade: async () => {
          await macrotask();
          decided++;
        },
      }),
    };
    const { recorder, server } = await sockets.serve(setup);
    for (let i = 0; i < 50; i++) {
      const socket = await RawClient.connect(server.port);
      socket.write(bytesFrom("client", request(), text("late")));
      // Every other one is reset when its request is on its way already.
      if (i % 2 === 0) await macrotask();
      socket.socket.resetAndDestroy();
    }
    const peer = new Peer(await RawClient.connect(server.port), "server");
    peer.send(request(), ping("alive"));
    peer.end();
    await peer.closed.promise;
    const played = { output: peer.output, events: [], end: "peer" } as const;
    expect(traceOf("server", played).replies).toEqual(['pong "alive"']);
    expect(decided).toBeGreaterThan(0);
    await server.shutdown({ deadline: 0 });
    const count = (what: string): number =>
      recorder.events.filter((event) => event.startsWith(what)).length;
    expect(count("close ")).toBe(count("open"));
    expect(count("open") + count("refused ")).toBeLessThanOrEqual(51);
    expect(server.connections).toEqual([]);
  });
});

describe(`a client on ${runtime}: a network that fails`, () => {
  it.each([0, 40, -1, Infinity])(
    "E-93 a reset behind %d bytes of the response → one end, and the next attempt succeeds",
    async (size) => {
      const recorder = new Recorder();
      for (let i = 0; i < 10; i++) {
        recorder.renew();
        const { socket, peer } = await sockets.connect(recorder);
        peer.send(session().client!.input(peer.accept).slice(0, size));
        // Every other one is reset when what it sent is on its way already.
        if (i % 2 === 0) await macrotask();
        socket.socket.resetAndDestroy();
        await recorder.over.promise;
        expectOneEnd(recorder.events);
        expect(recorder.events.at(-1)).toMatch(
          /^(refused (RESET|UNEXPECTED_END).*|close 1006 unclean transport)$/,
        );
        // Where the end was told before the reset, the socket is about to go.
        while (recorder.clock.running > 0) await macrotask();
      }
      const { recorder: next, peer } = await sockets.open("client");
      peer.end();
      await next.over.promise;
      expect(next.events[0]).toBe("open");
    },
  );
});

describe.each(roles)(`a %s on ${runtime}: a network that fails an open connection`, (role) => {
  it("H-144 a reset inside a message → 1006 once", async () => {
    const { recorder, peer, socket } = await sockets.open(role);
    peer.send(header(2, 1000), new Uint8Array(10));
    await macrotask();
    socket.socket.resetAndDestroy();
    await recorder.over.promise;
    expectOneEnd(recorder.events);
    expect(recorder.events.at(-1)).toBe("close 1006 unclean transport");
    expect(recorder.events).toHaveLength(3);
    expect(recorder.clock.running).toBe(0);
  });

  it("K-166 12 MiB to a peer that reads late → all of it in order", async () => {
    const { recorder, peer } = await sockets.open(role, { options: { maxBufferedAmount: 0 } });
    peer.transport.pause();
    const messages = Array.from({ length: 192 }, (_, i) => new Uint8Array(64 * 1024).fill(i));
    const sends = messages.map((message) => recorder.ws!.send(message));
    expect(recorder.ws!.bufferedAmount).toBeGreaterThan(0);
    void recorder.ws!.close(1000);
    peer.transport.resume();
    await Promise.all(sends);
    peer.send(binary("late"));
    peer.end();
    await recorder.over.promise;
    await peer.closed.promise;
    const { output } = peer;
    const { events } = recorder;
    expect(traceOf(role, { output, events, end: "peer" }).replies).toEqual([
      ...messages.map((message) => `binary ${show(message)}`),
      "close 1000",
    ]);
    expectOneEnd(events);
  });
});
