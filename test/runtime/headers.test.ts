import { describe, expect, it, onTestFinished } from "vitest";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import { newDeferred } from "../../src/deferred.ts";
import { reconnecting } from "../../src/connection/client/reconnect.ts";
import { Dialer } from "../../src/handshake/client/dialer.ts";
import { HttpUpgrader } from "../../src/handshake/server/http-upgrader.ts";
import { rejectConnection } from "../../src/handshake/server/reject.ts";
import { Upgrader } from "../../src/handshake/server/upgrader.ts";
import type { GivenHeaders } from "../../src/http/headers.ts";
import { adapter } from "../support/adapter.ts";
import { runtime } from "../support/runtime.ts";

/** One header in each form. */
const forms: readonly (readonly [form: string, headers: GivenHeaders])[] = [
  ["pairs", [["x-user", "ann"]]],
  ["a record", { "x-user": "ann" }],
  ["a record with lists", { "x-user": ["ann"] }],
  ["Headers", new Headers({ "x-user": "ann" })],
];

async function urlOf(handlers: ServerHandlers): Promise<string> {
  const server = await adapter.serve({ port: 0, hostname: "127.0.0.1" }, handlers);
  onTestFinished(async () => {
    await server.shutdown();
  });
  return `ws://127.0.0.1:${server.port}`;
}

describe.each(forms)(`headers as %s on ${runtime}`, (_, headers) => {
  it("are those of the request of every client", async () => {
    const seen: (string | null | undefined)[] = [];
    const url = await urlOf({
      upgrade(request) {
        seen.push(request.get("x-user"));
      },
    });
    const ws = await adapter.connect(url, { headers });
    await ws.close();
    const stream = await adapter.dial(url, { header: headers });
    await stream.close();
    const dialer = new Dialer({ header: headers, connect: adapter.connectStream });
    await (await dialer.dial(url)).close();
    const connected = newDeferred<void>();
    const client = reconnecting(({ signal }) => adapter.connect(url, { headers, signal }), {
      connected: () => connected.resolve(),
    });
    await connected.promise;
    await client.close();
    expect(seen).toEqual(["ann", "ann", "ann", "ann"]);
  });

  it("are those of the answer that upgrade lets in with, and of its refusals", async () => {
    const url = await urlOf({
      upgrade(request) {
        if (request.path === "/thrown") throw rejectConnection({ status: 401, headers });
        return request.path === "/returned" ? { status: 401, headers } : { headers };
      },
    });
    const ws = await adapter.connect(url);
    expect(ws.response?.get("x-user")).toBe("ann");
    await ws.close();
    for (const path of ["/thrown", "/returned"]) {
      const error = await adapter.connect(url + path).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        status: 401,
        headers: expect.arrayContaining([["x-user", "ann"]]) as unknown,
      });
    }
  });

  it("are those of the answer to a plain request", async () => {
    const url = await urlOf({ http: () => ({ headers, body: "Hello" }) });
    const response = await fetch(url.replace("ws", "http"));
    expect([response.headers.get("x-user"), await response.text()]).toEqual(["ann", "Hello"]);
  });

  it("are those of an Upgrader's answers, agreeing and refusing", async () => {
    const upgrader = new Upgrader({
      header: headers,
      onRequest(target) {
        if (target.length > 1) throw rejectConnection({ status: 403 });
      },
      onBeforeUpgrade: () => ({ "X-Also": "1" }),
    });
    const listener = await adapter.listen({ port: 0, hostname: "127.0.0.1" });
    onTestFinished(() => listener.close());
    const url = `ws://127.0.0.1:${listener.port}/`;
    const served = (async () => {
      for (let count = 0; count < 2; count++) {
        const { value } = await listener[Symbol.asyncIterator]().next();
        await upgrader.upgrade(value!).then(
          (stream) => stream.close(),
          () => undefined,
        );
      }
    })();
    const stream = await adapter.dial(url);
    expect(stream.response?.get("x-user")).toBe("ann");
    expect(stream.response?.get("x-also")).toBe("1");
    await stream.close();
    const error = await adapter.dial(`${url}no`).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      headers: expect.arrayContaining([["x-user", "ann"]]) as unknown,
    });
    await served;
    expect(new HttpUpgrader({ header: headers })).toBeInstanceOf(HttpUpgrader);
  });
});

describe(`headers on ${runtime}`, () => {
  it("are taken by a WebSocketStream", async () => {
    const seen: (string | null | undefined)[] = [];
    const url = await urlOf({
      upgrade(request) {
        seen.push(request.get("cookie"));
      },
    });
    const stream = new adapter.WebSocketStream(url, { headers: { Cookie: "id=7" } });
    await stream.opened;
    stream.close();
    await stream.closed;
    expect(seen).toEqual(["id=7"]);
  });
});
