import { describe, expect, it } from "vitest";
import { fastest, webRequestOf } from "../../../src/connection/http/web-request.ts";
import { partsOf } from "../../../src/connection/http/request-parts.ts";
import { newRealRequest } from "../../../src/connection/http/real-request.ts";
import { newStandInRequest } from "../../../src/connection/http/stand-in-request.ts";
import { plainRequest } from "../../support/plain-request.ts";

describe("webRequestOf()", () => {
  it("has the scheme of the client, and a default host if HTTP/1.0 has none", () => {
    const { request } = plainRequest({ line: "GET / HTTP/1.0", headers: "" });
    Object.defineProperty(request, "peer", { value: { encrypted: true, host: "" } });
    expect(webRequestOf(request).url).toBe("https://localhost/");
  });

  it("gives an object that the runtime's own constructor accepts as a Request", () => {
    const { request } = plainRequest({
      line: "PATCH /a?b HTTP/1.1",
      headers: "Host: c\r\nX-D: e\r\n",
    });
    const { method, url, headers } = new Request(webRequestOf(request));
    expect([method, url, headers.get("x-d")]).toEqual(["PATCH", "http://c/a?b", "e"]);
  });

  it.each([
    ["TRACE / HTTP/1.1", "Host: a\r\n", { code: "BAD_METHOD", status: 405 }],
    ["track / HTTP/1.1", "Host: a\r\n", { code: "BAD_METHOD", status: 405 }],
    ["GET / HTTP/1.1", "Host: %\r\n", { code: "BAD_HOST", status: 400 }],
  ])("throws if no Request can be made: %s with %j", (line, headers, error) => {
    const { request } = plainRequest({ line, headers });
    expect(() => webRequestOf(request)).toThrow(expect.objectContaining(error));
  });
});

describe("the host of webRequestOf()", () => {
  const urlOf = (host: string) => () =>
    webRequestOf(plainRequest({ headers: `Host: ${host}\r\n` }).request).url;

  it("is checked each time that it changes", () => {
    expect(urlOf("a.example")()).toBe("http://a.example/a?b=c");
    expect(urlOf("%")).toThrow(expect.objectContaining({ code: "BAD_HOST" }));
    expect(urlOf("%")).toThrow(expect.objectContaining({ code: "BAD_HOST" }));
    expect(urlOf("a.example")()).toBe("http://a.example/a?b=c");
    expect(urlOf("b.example:81")()).toBe("http://b.example:81/a?b=c");
  });
});

describe("fastest()", () => {
  it("gives the real Request if the runtime accepts no other", () => {
    const refuse = (): never => {
      throw new TypeError("private");
    };
    expect(fastest([() => ({}) as Request, refuse], newRealRequest)).toBe(newRealRequest);
    expect(fastest([], newRealRequest)).toBe(newRealRequest);
  });

  it("gives the first that the runtime accepts", () => {
    const standIn: typeof newRealRequest = (url, asked) =>
      new Request(url, { ...(partsOf(asked) as RequestInit), headers: { x: "y" } });
    const ways = [() => ({}) as Request, standIn, () => standIn("", plainRequest().request)];
    expect(fastest(ways, newStandInRequest)).toBe(standIn);
  });
});
