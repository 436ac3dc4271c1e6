import { createServer } from "node:http2";
import { describe, expect, it } from "vitest";
import { connect, overHttp2 } from "../../../adapters/http2/index.ts";
import { refusalOfHttp2 } from "../../../adapters/http2/risk.ts";
import { adapter } from "../../support/adapter.ts";
import { listening, sessionWith } from "../../support/http2.ts";
import { runtime } from "../../support/runtime.ts";

/** test/package/http2-risk.test.ts shows what the risk is. */

describe("refusalOfHttp2()", () => {
  it("refuses a runtime on which a peer can end the process, and says how to use HTTP/2 all the same", () => {
    const refusal = refusalOfHttp2({}, true);
    expect(refusal).toBeInstanceOf(TypeError);
    expect(refusal!.message).toMatch(/^HTTP\/2 is off on Deno.*GOAWAY.*http2MayCrash: true$/);
    expect(refusalOfHttp2({ http2MayCrash: false }, true)).toBeInstanceOf(TypeError);
    // Nothing but the word itself will do.
    expect(refusalOfHttp2({ http2MayCrash: "no" as never }, true)).toBeInstanceOf(TypeError);
    expect(refusalOfHttp2({ http2MayCrash: true }, true)).toBeUndefined();
    expect(refusalOfHttp2({}, false)).toBeUndefined();
  });
});

describe.runIf(runtime === "deno")("HTTP/2 on deno", () => {
  const refusal = refusalOfHttp2({}, true);

  it("is refused to servers, which leave the one that they were given as it was", async () => {
    const http2 = createServer();
    const before = ["stream", "connect", "upgrade"].map((event) => http2.listenerCount(event));
    await expect(adapter.serve({ server: http2 }, {})).rejects.toThrow(refusal);
    const after = ["stream", "connect", "upgrade"].map((event) => http2.listenerCount(event));
    expect(after).toEqual(before);
  });

  it("is refused to clients, whichever way they ask", async () => {
    const session = sessionWith(await listening());
    await expect(connect("ws://127.0.0.1:1", { session })).rejects.toThrow(refusal);
    const to = { hostname: "127.0.0.1", port: 1 };
    await expect(overHttp2(session)(to, () => {})).rejects.toThrow(refusal);
  });
});

describe.skipIf(runtime === "deno")(`HTTP/2 on ${runtime}`, () => {
  it("needs no permission", async () => {
    const http2 = createServer();
    const url = await listening(http2);
    await using server = await adapter.serve({ server: http2 }, {});
    await using ws = await connect(url.replace("http", "ws"), { session: sessionWith(url) });
    expect(ws.state).toBe("open");
    expect(server.connections.length).toBe(1);
  });
});
