import { afterEach, describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import type { Server } from "../../src/connection/serve.ts";
import { adapter } from "../support/adapter.ts";
import { RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";
import { Client, expectNoRejections, Recorder } from "./play.ts";
import { binary, header, ping, plain, request, type Setup, show, text } from "./support.ts";
import { expectOneEnd, traceOf } from "./trace.ts";

/** Rows of the battery about what a network does, over real sockets. */

const servers: Server[] = [];

async function start(setup: Setup = plain): Promise<{ recorder: Recorder; server: Server }> {
  const recorder = new Recorder(setup);
  const options = { ...recorder.options, hostname: "127.0.0.1" };
  const server = await adapter.serve(options, recorder.handlers);
  servers.push(server);
  return { recorder, server };
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.shutdown({ deadline: 0 });
  await expectNoRejections();
});

describe(`a network that fails a server on ${runtime}`, () => {
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
    const { recorder, server } = await start(setup);
    for (let i = 0; i < 50; i++) {
      const socket = await RawClient.connect(server.port);
      socket.write(concat([request(), text("late")]));
      // Every other one is reset when its request is on its way already.
      if (i % 2 === 0) await macrotask();
      socket.socket.resetAndDestroy();
    }
    const client = new Client(await RawClient.connect(server.port));
    client.write(request(), ping("alive"));
    client.end();
    await client.closed.promise;
    expect(traceOf(client.output, [], "client").replies).toEqual(['pong "alive"']);
    expect(decided).toBeGreaterThan(0);
    await server.shutdown({ deadline: 0 });
    const count = (what: string): number =>
      recorder.events.filter((event) => event.startsWith(what)).length;
    expect(count("close ")).toBe(count("open"));
    expect(count("open") + count("refused ")).toBeLessThanOrEqual(51);
    expect(server.connections).toEqual([]);
  });

  it("H-144 a reset inside a message → 1006 once", async () => {
    const { recorder, server } = await start();
    const socket = await RawClient.connect(server.port);
    const client = new Client(socket);
    client.write(request(), header(2, 1000), new Uint8Array(10));
    await new Promise<void>((resolve) => {
      client.onData = () => {
        resolve();
      };
    });
    socket.socket.resetAndDestroy();
    await recorder.over.promise;
    expectOneEnd(recorder.events);
    expect(recorder.events.at(-1)).toBe("close 1006 unclean transport");
    expect(recorder.events).toHaveLength(3);
    expect(recorder.clock.running).toBe(0);
  });

  it("K-166 12 MiB to a peer that reads late → all of it in order", async () => {
    const { recorder, server } = await start({ options: { maxBufferedAmount: 0 } });
    const client = new Client(await RawClient.connect(server.port));
    client.write(request());
    await new Promise<void>((resolve) => {
      const { onData } = client;
      client.onData = (chunk) => {
        client.onData = onData;
        client.onData(chunk);
        resolve();
      };
    });
    client.transport.pause();
    const messages = Array.from({ length: 192 }, (_, i) => new Uint8Array(64 * 1024).fill(i));
    const sends = messages.map((message) => recorder.ws!.send(message));
    expect(recorder.ws!.bufferedAmount).toBeGreaterThan(0);
    void recorder.ws!.close(1000);
    client.transport.resume();
    await Promise.all(sends);
    client.write(binary("late"));
    client.end();
    await recorder.over.promise;
    await client.closed.promise;
    expect(traceOf(client.output, recorder.events, "client").replies).toEqual([
      ...messages.map((message) => `binary ${show(message)}`),
      "close 1000",
    ]);
    expectOneEnd(recorder.events);
  });
});
