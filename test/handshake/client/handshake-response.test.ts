import { describe, expect, it } from "vitest";
import { HandshakeResponse } from "../../../src/handshake/client/handshake-response.ts";
import { HeadParser } from "../../../src/http/parser.ts";
import { latin1Bytes } from "../streams.ts";

/** Makes the response of a head that lies in the midst of other bytes, which are overwritten afterwards. */
function responseOf(...lines: readonly string[]): HandshakeResponse {
  const bytes = latin1Bytes(`before${[...lines, "", ""].join("\r\n")}behind`);
  const parser = new HeadParser("response");
  parser.feed(bytes, 6);
  const response = new HandshakeResponse(parser.head);
  bytes.fill(0x78);
  return response;
}

describe("HandshakeResponse", () => {
  const response = responseOf(
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Set-Cookie: a=1; Path=/",
    "X-Two: 1",
    "set-cookie: b=2, c",
    "x-two: 2",
  );

  it("gives the status", () => {
    expect(response.status).toBe(101);
  });

  it("gives all headers as they came, in their order", () => {
    expect(response.headers).toEqual([
      ["Upgrade", "websocket"],
      ["Set-Cookie", "a=1; Path=/"],
      ["X-Two", "1"],
      ["set-cookie", "b=2, c"],
      ["x-two", "2"],
    ]);
  });

  it("gives the values of a name, in any case, joined or one by one", () => {
    expect([response.get("UPGRADE"), response.get("x-two"), response.get("x-three")]).toEqual([
      "websocket",
      "1, 2",
      undefined,
    ]);
    expect(response.getAll("Set-Cookie")).toEqual(["a=1; Path=/", "b=2, c"]);
    expect(response.getAll("x-three")).toEqual([]);
  });

  it("reads more headers than a parser allows by default", () => {
    const many = Array.from({ length: 200 }, (_, index) => `X-Many: ${index}`);
    const bytes = latin1Bytes(["HTTP/1.1 101 ", ...many, "", ""].join("\r\n"));
    const parser = new HeadParser("response", {
      maxHeadSize: Infinity,
      maxTargetSize: Infinity,
      maxHeaders: Infinity,
    });
    parser.feed(bytes);
    expect(new HandshakeResponse(parser.head).headers).toHaveLength(200);
  });
});
