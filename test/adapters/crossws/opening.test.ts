import { describe, expect, it } from "vitest";
import { newHookRequest, Opening } from "../../../adapters/crossws/opening.ts";
import type { UpgradeRequest } from "../../../src/handshake/server/upgrade-request.ts";

/** A request as framewire's own hooks have it. */
function asked({ host = "a.test:81", encrypted = false } = {}): UpgradeRequest {
  return {
    target: "/p?q=1",
    path: "/p",
    peer: { host, encrypted, address: "192.0.2.1" },
    headers: () =>
      [
        ["Host", host],
        ["Upgrade", "websocket"],
        ["X-A", "1"],
        ["X-A", "2"],
      ].values(),
  } as unknown as UpgradeRequest;
}

describe("newHookRequest()", () => {
  it("has the URL and the headers of the client's request", () => {
    const request = newHookRequest(asked());
    expect(request.url).toBe("http://a.test:81/p?q=1");
    expect(request.method).toBe("GET");
    expect(request.headers.get("x-a")).toBe("1, 2");
    expect(request.headers.get("upgrade")).toBe("websocket");
    expect(newHookRequest(asked({ encrypted: true })).url).toBe("https://a.test:81/p?q=1");
  });

  it.each(["", "a b", "[::"])("has a URL even if the host is %j", (host) => {
    expect(newHookRequest(asked({ host })).url).toBe("http://localhost/p?q=1");
  });

  it("has a context, an address and a runtime, which frameworks may replace", () => {
    const runtime = { name: "node" };
    const request = newHookRequest(asked(), runtime);
    expect(request).toMatchObject({ context: {}, ip: "192.0.2.1", runtime });
    expect(() => Object.assign(request, { context: { a: 1 } })).not.toThrow();
  });
});

describe("Opening", () => {
  it("makes its request once", () => {
    const opening = new Opening(asked());
    expect(opening.path).toBe("/p");
    expect(opening.request).toBe(opening.request);
  });

  it("keeps a request that it is given, and has its path", () => {
    const given = new Request("http://localhost/other?x") as never;
    const opening = new Opening(asked(), given);
    expect(opening.request).toBe(given);
    expect(opening.path).toBe("/other");
  });
});
