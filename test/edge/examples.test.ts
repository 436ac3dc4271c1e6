import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "undici";
import { serve } from "../../adapters/node/index.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { difference } from "../support/flate.ts";
import { startWorkerd } from "../support/workerd.ts";

/** An example, as the tests use it. */
interface Client {
  enter(url: string, carrier: typeof WebSocket): Promise<Connection>;
}

describe("examples/edge/room.js", () => {
  it("is a server in a Durable Object, over the platform's WebSockets", async () => {
    const { enter } = (await import("../../examples/edge/client.js" as string)) as Client;
    await using workerd = await startWorkerd({
      entry: "examples/edge/room.js",
      durableObjects: ["Room"],
    });
    expect((await fetch(workerd.url)).status).toBe(426);
    const lobby = `${workerd.url.replace("http", "ws")}/lobby`;
    const many: Connection[] = [];
    for (let i = 0; i < 20; i++) many.push(await enter(lobby, WebSocket));
    await using other = await enter(lobby.replace("lobby", "elsewhere"), WebSocket);
    await other.send("nobody else hears this");
    expect(await other.receive()).toBe("nobody else hears this");
    await many[0]!.send("hello");
    expect(await Promise.all(many.map((ws) => ws.receive()))).toEqual(many.map(() => "hello"));
    const large = new Uint8Array(500_000).fill(7);
    await many[1]!.send(large);
    const received = await Promise.all(many.map((ws) => ws.receive()));
    expect(received.every((data) => difference(data as Uint8Array, large) === -1)).toBe(true);
    const closures = await Promise.all(many.map((ws) => ws.close(1000, "bye")));
    expect(closures).toEqual(
      many.map(() => expect.objectContaining({ status: 1000, clean: true })),
    );
  });
});

describe("examples/edge/relay.js", () => {
  it("has one connection to a feed for all browsers", async () => {
    const tokens: unknown[] = [];
    await using feed = await serve(
      { port: 0, hostname: "127.0.0.1" },
      {
        upgrade: (request) => void tokens.push(request.get("authorization")),
        message: (ws, data) => ws.send(`news of ${String(data)}`),
      },
    );
    await using workerd = await startWorkerd({
      entry: "examples/edge/relay.js",
      durableObjects: ["Relay"],
      texts: { FEED: `ws://127.0.0.1:${feed.port}/`, TOKEN: "secret" },
    });
    const browsers: WebSocket[] = [];
    for (let i = 0; i < 20; i++) {
      const browser = new WebSocket(workerd.url.replace("http", "ws"));
      browsers.push(browser);
      await once(browser, "open");
    }
    const heard = browsers.map((browser) => once(browser, "message"));
    browsers[0]!.send("today");
    const events = (await Promise.all(heard)) as [{ readonly data: unknown }][];
    expect(events.map(([{ data }]) => data)).toEqual(browsers.map(() => "news of today"));
    expect(tokens).toEqual(["Bearer secret"]);
    const closed = browsers.map((browser) => once(browser, "close"));
    for (const ws of feed.connections) void ws.close(1001);
    const ends = (await Promise.all(closed)) as [{ readonly code: number }][];
    expect(ends.map(([{ code }]) => code)).toEqual(browsers.map(() => 1012));
  });
});
