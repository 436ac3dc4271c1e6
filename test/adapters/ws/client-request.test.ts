import { describe, expect, it } from "vitest";
import {
  checkProtocols,
  clientArguments,
  requestOptions,
  targetOf,
} from "../../../adapters/ws/client-request.ts";

/** What goes over the wire is in client-handshake.test.ts. */
describe("targetOf()", () => {
  it.each([
    ["ws://a/b?c", "ws://a/b?c", "a", { host: "a", port: 80, path: "/b?c", socketPath: undefined }],
    ["wss://a", "wss://a/", "a", { host: "a", port: 443, path: "/", socketPath: undefined }],
    [
      "https://a:8443",
      "wss://a:8443/",
      "a:8443",
      { host: "a", port: "8443", path: "/", socketPath: undefined },
    ],
    [
      "ws://[::1]:1",
      "ws://[::1]:1/",
      "[::1]:1",
      { host: "::1", port: "1", path: "/", socketPath: undefined },
    ],
    [
      "ws+unix:/a/b",
      "ws+unix:/a/b",
      "unix:/a/b",
      { host: "", port: 80, path: "", socketPath: "/a/b" },
    ],
    [
      "ws+unix:/a/b:/c?d",
      "ws+unix:/a/b:/c?d",
      "unix:/a/b",
      { host: "", port: 80, path: "/c?d", socketPath: "/a/b" },
    ],
  ])("reads %s", (url, href, place, request) => {
    expect(targetOf(url)).toMatchObject({ href, place, request });
  });

  it("reads credentials, and a URL in front of which another one stands", () => {
    expect(targetOf("ws://a%20b:c@d").auth).toBe("a b:c");
    expect(targetOf("/e", "ws://d/f").href).toBe("ws://d/e");
  });
});

describe("checkProtocols()", () => {
  it("gives distinct tokens as they are", () => {
    expect(checkProtocols(["a", "b"])).toEqual(["a", "b"]);
  });
});

describe("requestOptions()", () => {
  it("lets nobody replace the handshake's own headers, nor the host and path of the request", () => {
    const wish = {
      target: targetOf("ws://a/b"),
      protocols: [],
      extension: undefined,
      headers: { Upgrade: "foo", "X-Own": 1 },
      auth: undefined,
    };
    const { key, request } = requestOptions(wish, {
      host: "other",
      path: "/other",
      localAddress: "::1",
    } as object);
    expect(key).toMatch(/^[+/0-9A-Za-z]{22}==$/);
    expect(request).toMatchObject({
      host: "a",
      path: "/b",
      port: 80,
      localAddress: "::1",
      headers: { Upgrade: "websocket", "X-Own": 1, "Sec-WebSocket-Key": key },
    });
  });
});

describe("clientArguments()", () => {
  const options = { origin: "a" };

  it.each<[Parameters<typeof clientArguments>, readonly string[], object]>([
    [[undefined, undefined], [], {}],
    [["a", options], ["a"], options],
    [[["a", "b"], null], ["a", "b"], {}],
    [[options, undefined], [], options],
    [[{ protocols: "a" }, undefined], ["a"], { protocols: "a" }],
    [[{ protocols: ["a", "b"] }, undefined], ["a", "b"], { protocols: ["a", "b"] }],
    [[undefined, { protocols: "a" }], ["a"], { protocols: "a" }],
  ])("finds subprotocols and options wherever they stand: %o", (given, protocols, found) => {
    expect(clientArguments(...given)).toEqual({ protocols, options: found });
  });
});
