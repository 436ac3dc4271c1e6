import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import {
  answerExtensions,
  checkUpgradeRequest,
  isForeignPage,
  upgradeLines,
} from "../../../adapters/ws/server-handshake.ts";
import { deflateOf } from "../../../adapters/ws/deflate.ts";

/** What goes over the wire is in server.test.ts. */
function request(headers: Record<string, string>, method = "GET"): IncomingMessage {
  return { method, headers } as unknown as IncomingMessage;
}

const good = {
  upgrade: "WebSocket",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

describe("checkUpgradeRequest()", () => {
  it("gives what a request asks for", () => {
    expect(checkUpgradeRequest(request({ ...good, "sec-websocket-protocol": "a, b" }))).toEqual({
      key: good["sec-websocket-key"],
      version: 13,
      protocols: new Set(["a", "b"]),
    });
  });

  it.each([["POST"], ["HEAD"]])("refuses the method %s", (method) => {
    expect(checkUpgradeRequest(request(good, method))).toMatchObject({ status: 405 });
  });
});

describe("answerExtensions()", () => {
  const extension = deflateOf({});

  it.each([
    [{}, ""],
    [{ "sec-websocket-extensions": "foo" }, ""],
    [{ "sec-websocket-extensions": "permessage-deflate" }, "permessage-deflate"],
    [{ "sec-websocket-extensions": "permessage-deflate;" }, undefined],
  ])("answers %o with %o", (headers, answer) => {
    const said = answerExtensions(request(headers as Record<string, string>), extension);
    expect(said?.split(";")[0]).toBe(answer);
    expect(answerExtensions(request(headers as Record<string, string>), undefined)).toBe("");
  });
});

describe("isForeignPage()", () => {
  it.each([
    [{ host: "a.example", origin: "https://a.example", cookie: "b" }, false],
    [{ host: "A.example:8080", origin: "http://a.example:8080", cookie: "b" }, false],
    [{ host: "a.example", origin: "https://b.example", cookie: "b" }, true],
    [{ host: "a.example", origin: "null", cookie: "b" }, true],
    [{ host: "a.example", origin: "https://b.example", authorization: "b" }, true],
    [{ host: "a.example", origin: "https://b.example" }, false],
    [{ host: "a.example", cookie: "b" }, false],
  ])("says of %o: %o", (headers, expected) => {
    expect(isForeignPage(request(headers as Record<string, string>), 13)).toBe(expected);
  });
});

describe("upgradeLines()", () => {
  it("contain the answer to the key, and nothing that was not agreed on", () => {
    const asked = {
      key: good["sec-websocket-key"],
      version: 13,
      protocols: new Set<string>(),
      extensions: "",
    };
    expect(upgradeLines(asked, false)).toEqual([
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ]);
    expect(upgradeLines({ ...asked, extensions: "permessage-deflate" }, "a").slice(4)).toEqual([
      "Sec-WebSocket-Protocol: a",
      "Sec-WebSocket-Extensions: permessage-deflate",
    ]);
  });
});
