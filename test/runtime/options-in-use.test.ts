import { afterEach, describe, expect, it } from "vitest";
import { createContext, runInContext } from "node:vm";
import { newDeferred } from "../../src/deferred.ts";
import type { LimitError } from "../../src/errors.ts";
import { adapter } from "../support/adapter.ts";
import { Ends } from "../support/ends.ts";
import { runtime } from "../support/runtime.ts";

/** Limits that are none, limits of one message, and data of another realm, over real sockets. */

const ends = new Ends();

afterEach(() => ends.finish());

describe(`limits of heads that are 0, on ${runtime}`, () => {
  it("are none, for a server, connect and dial", async () => {
    const none = { maxHeadSize: 0, maxTargetSize: 0, maxHeaders: 0 };
    const long = "x".repeat(40_000);
    const { url } = await ends.serve({ upgrade: () => ({ headers: [["X-Long", long]] }) }, none);
    const ws = await ends.connect(`${url}${long}`, { headLimits: none });
    expect(ws.target.length).toBeGreaterThan(40_000);
    const stream = await adapter.dial(url, { headLimits: { maxHeadSize: 0 } });
    await stream.close();
    await expect(adapter.dial(url)).rejects.toMatchObject({ cause: { code: "HEAD_TOO_LARGE" } });
  });
});

describe(`a limit on one message, on ${runtime}`, () => {
  it.each(["text", "bytes", "json"] as const)(
    "lets %s of larger ones reject, and the connection live on where that is taken",
    async (method) => {
      const seen: unknown[] = [];
      const both = newDeferred<void>();
      const { url } = await ends.serve({
        async stream(_, message) {
          try {
            seen.push(await message[method]({ limit: 5 }));
          } catch (error) {
            seen.push((error as LimitError).message);
          }
          if (seen.length === 2) both.resolve();
        },
      });
      const ws = await ends.connect(url);
      await ws.send("1".repeat(1_000_000));
      await ws.send("12345");
      await both.promise;
      expect(seen[0]).toMatch(/^More than limit: \d+ > 5$/);
      const right = { text: "12345", bytes: new TextEncoder().encode("12345"), json: 12345 };
      expect(seen[1]).toEqual(right[method]);
    },
  );

  it("closes with 1009 where the handler lets it pass", async () => {
    const { url } = await ends.serve({ stream: (_, message) => message.text({ limit: 5 }) });
    const ws = await ends.connect(url);
    void ws.send("123456");
    expect(await ws.closed).toMatchObject({ status: 1009, initiator: "peer" });
  });
});

describe(`data of another realm, on ${runtime}`, () => {
  const realm = createContext({});
  const made = (code: string): Uint8Array => runInContext(code, realm) as Uint8Array;

  it.each([
    ["an ArrayBuffer", "new Uint8Array([1, 2, 3]).buffer"],
    ["a Uint8Array", "new Uint8Array([1, 2, 3])"],
    ["a DataView", "new DataView(new Uint8Array([0, 1, 2, 3]).buffer, 1)"],
  ])("is data: %s", async (_, code) => {
    const { url, server } = await ends.serve({
      message: (ws, data) => ws.send(data),
    });
    const ws = await ends.connect(url);
    const data = made(code);
    await ws.send(data);
    expect(await ws.receive()).toEqual(Uint8Array.of(1, 2, 3));
    server.broadcast(data);
    expect(await ws.receive()).toEqual(Uint8Array.of(1, 2, 3));
    await ws.sendStream([data, data]);
    expect(await ws.receive()).toEqual(Uint8Array.of(1, 2, 3, 1, 2, 3));
    await ws.ping(data);
  });

  it("is an object of options, too", async () => {
    const { server } = await ends.serve({
      http: () => ({ body: "hi" }),
    });
    const response = await fetch(`http://127.0.0.1:${server.port}/`);
    expect(await response.text()).toBe("hi");
    const options = runInContext(
      '({ protocols: ["chat"], headers: [["X-A", "b"]] })',
      realm,
    ) as object;
    await ends.connect(`ws://127.0.0.1:${server.port}/`, options);
  });
});
