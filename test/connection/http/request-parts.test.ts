import { describe, expect, it } from "vitest";
import { appendHeaders, methodOf, partsOf } from "../../../src/connection/http/request-parts.ts";
import { plainRequest } from "../../support/plain-request.ts";

describe("methodOf()", () => {
  it.each([
    ["GET", "GET"],
    ["get", "GET"],
    ["delete", "DELETE"],
    ["patch", "patch"],
    ["Foo", "Foo"],
  ])("says %s as the standard does: %s", (sent, said) => {
    const { request } = plainRequest({ line: `${sent} / HTTP/1.1` });
    expect(methodOf(request)).toBe(said);
  });
});

describe("partsOf()", () => {
  it("has no body with HEAD, which no Request may have", () => {
    expect(partsOf(plainRequest({ line: "HEAD / HTTP/1.1", length: 2 }).request)).toEqual({
      method: "HEAD",
    });
  });

  it.each(["GET", "get"])("is nothing with %s, which may have no body either", (method) => {
    const { request } = plainRequest({ line: `${method} / HTTP/1.1`, length: 2 });
    expect(partsOf(request)).toBeUndefined();
  });

  it("has a body if one comes", () => {
    expect(partsOf(plainRequest({ line: "PUT / HTTP/1.1" }).request)).toEqual({ method: "PUT" });
    const { request } = plainRequest({ line: "PUT / HTTP/1.1", length: 2 });
    expect(partsOf(request)).toEqual({
      method: "PUT",
      body: expect.any(ReadableStream),
      duplex: "half",
    });
  });
});

describe("appendHeaders()", () => {
  it("joins the values of a name, as the standard has it", () => {
    const { request } = plainRequest({ headers: "Host: a\r\nX-B: c\r\nx-b: d\r\n" });
    const headers = new Headers();
    appendHeaders(headers, request);
    expect([...headers]).toEqual([
      ["host", "a"],
      ["x-b", "c, d"],
    ]);
  });
});
