import { afterEach, describe, expect, it } from "vitest";
import { connectionOptions } from "../../../adapters/ws/options.ts";
import {
  cleanUp,
  dial,
  ended,
  listen,
  message,
  next,
  pair,
  shapes,
} from "../../support/ws-shape.ts";

afterEach(cleanUp);

describe.each(shapes)("The options of %s", (_, shape) => {
  it.each(["server", "client"] as const)(
    "maxPayload limits what a %s takes, with 1009",
    async (side) => {
      const limits = { maxPayload: 5 };
      const { client, peer } = await pair(
        shape,
        side === "server" ? limits : {},
        side === "client" ? limits : {},
      );
      const [from, to] = side === "server" ? [client, peer] : [peer, client];
      const codes: unknown[] = [];
      to.on("error", ({ code }: Error & { code?: string }) => codes.push(code));
      const came = message(to);
      from.send("12345");
      expect(await came).toEqual(["12345", false]);
      const over = ended(from);
      from.send("123456");
      expect(await over).toEqual([1009, ""]);
      expect(codes).toEqual(["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"]);
    },
  );

  it("maxFragments limits the frames of a message, with 1008", async () => {
    const { client, peer } = await pair(shape, { maxFragments: 2 });
    const told: unknown[] = [];
    peer.on("error", ({ message: text, code }: Error & { code?: string }) =>
      told.push([text, code]),
    );
    const over = ended(client);
    for (const fin of [false, false, true]) client.send("a", { fin });
    expect(await over).toEqual([1008, ""]);
    expect(told).toEqual([["Too many message fragments", "WS_ERR_TOO_MANY_BUFFERED_PARTS"]]);
  });

  it("autoPong: false leaves pings to the application", async () => {
    const { client, peer } = await pair(shape, { autoPong: false });
    const pongs: string[] = [];
    client.on("pong", (data) => pongs.push(String(data)));
    const pinged = next(peer, "ping");
    client.ping("unanswered");
    await pinged;
    const ponged = next(client, "pong");
    peer.pong("own");
    await ponged;
    expect(pongs).toEqual(["own"]);
  });

  it("allowSynchronousEvents: false delivers one message in a turn of the event loop", async () => {
    const { client, peer } = await pair(shape, { allowSynchronousEvents: false });
    const told: string[] = [];
    const over = ended(peer);
    peer.on("message", (data) => {
      told.push(String(data));
      void Promise.resolve().then(() => told.push("microtask"));
    });
    client.send("one");
    client.send("two");
    client.close();
    await over;
    expect(told).toEqual(["one", "microtask", "two", "microtask"]);
  });

  it("closeTimeout drops a peer that does not answer a close frame", async () => {
    const { client, peer } = await pair(shape, {}, { closeTimeout: 20 });
    peer.pause();
    const over = ended(client);
    client.close();
    expect(await over).toEqual([1006, ""]);
  });

  it("accepts options that framewire has no use for", async () => {
    const options = { maxBufferedChunks: 1024, maxPendingAutoPongs: 10, skipUTF8Validation: true };
    const { client, peer } = await pair(shape, options, { ...options, generateMask: () => {} });
    const came = message(peer);
    client.send("text");
    expect(await came).toEqual(["text", false]);
  });
});

const [, own] = shapes.at(-1)!;

describe("The option safe of framewire/ws", () => {
  it("refuses pages of other origins that come with a user's cookies, and no others", async () => {
    const { port, url } = await listen(own, { safe: true });
    const opens = (headers: Record<string, string>): Promise<string> =>
      new Promise((resolve) => {
        const client = dial(own, url, { headers });
        client.on("open", () => {
          resolve("open");
        });
        client.on("error", ({ message: text }) => {
          resolve(text);
        });
      });
    const refused = "Unexpected server response: 403";
    expect(await opens({ Origin: "https://evil.example", Cookie: "a=b" })).toBe(refused);
    expect(await opens({ Origin: "null", Authorization: "Basic a" })).toBe(refused);
    expect(await opens({ Origin: `http://127.0.0.1:${port}`, Cookie: "a=b" })).toBe("open");
    expect(await opens({ Origin: "https://other.example" })).toBe("open");
    expect(await opens({ Cookie: "a=b" })).toBe("open");
  });

  it("leaves pages to verifyClient if there is one", async () => {
    const { url } = await listen(own, { safe: true, verifyClient: () => true });
    const headers = { Origin: "https://known.example", Cookie: "a=b" };
    await next(dial(own, url, { headers }), "open");
  });
});

describe("connectionOptions()", () => {
  it("has the defaults of ws: 100 MiB, 30 s, and no limit on what is unsent", () => {
    expect(connectionOptions({}, [])).toMatchObject({
      maxMessageSize: 100 * 1024 * 1024,
      maxFrameSize: 100 * 1024 * 1024,
      closeTimeout: 30_000,
      maxBufferedAmount: Infinity,
    });
  });

  it("has the core's defaults with safe, and the given values with either", () => {
    expect(connectionOptions({ safe: true }, [])).toMatchObject({
      maxMessageSize: undefined,
      closeTimeout: undefined,
      maxBufferedAmount: undefined,
    });
    for (const safe of [true, false]) {
      const given = { safe, maxPayload: 7, closeTimeout: 8, maxFragments: 9 };
      expect(connectionOptions(given, [])).toMatchObject({
        maxMessageSize: 7,
        closeTimeout: 8,
        maxFragments: 9,
      });
    }
  });
});
