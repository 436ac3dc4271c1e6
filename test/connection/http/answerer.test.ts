import { describe, expect, it } from "vitest";
import type { HttpHandler, HttpMethods } from "../../../src/connection/http/answer.ts";
import { answererOf } from "../../../src/connection/http/answerer.ts";
import { fetchAnswerer } from "../../../src/connection/http/fetch.ts";
import type { HttpRequest } from "../../../src/connection/http/request.ts";

function asking(method: string, target = "/"): HttpRequest {
  return { method, target } as HttpRequest;
}

/** Whoever answers has said, or the refusal. */
function outcome(
  http: HttpHandler | HttpMethods | undefined,
  isKnown: boolean,
  request: HttpRequest,
): unknown {
  try {
    const answerer = answererOf({ http, application: undefined, isKnown }, request);
    const { status, headers } = answerer.answerOf(answerer.ask(request));
    return [status, ...headers.map(([name, value]) => `${name}: ${value}`)];
  } catch (error) {
    const { status, headers, code } = error as {
      status: number;
      headers: [string, string][];
      code: string;
    };
    return [code, status, ...headers.map(([name, value]) => `${name}: ${value}`)];
  }
}

describe("answererOf()", () => {
  const hook = () => ({ status: 418, headers: [] });

  it.each(["GET", "HEAD"])("gives the hook for %s", (method) => {
    expect(outcome(hook, false, asking(method))).toEqual([418]);
  });

  it("refuses with 405 what the hook does not answer", () => {
    const refused = ["BAD_METHOD", 405, "Allow: GET, HEAD, OPTIONS"];
    expect(outcome(hook, true, asking("POST"))).toEqual(refused);
    const rest = ["BAD_METHOD", 405, "Allow: PUT, OPTIONS"];
    expect(outcome({ PUT: hook }, true, asking("GET"))).toEqual(rest);
  });

  it.each([
    ["GET", ["BAD_UPGRADE", 426, "Upgrade: websocket"]],
    ["HEAD", ["BAD_UPGRADE", 426, "Upgrade: websocket"]],
    ["OPTIONS", [204, "Allow: GET, HEAD, OPTIONS"]],
    ["POST", ["BAD_METHOD", 405, "Allow: GET"]],
  ])("without a hook answers %s at a path of WebSockets with %j", (method, expected) => {
    expect(outcome(undefined, true, asking(method))).toEqual(expected);
  });

  it.each(["GET", "HEAD", "OPTIONS", "POST"])(
    "refuses %s with 404 at an unknown path",
    (method) => {
      expect(outcome(undefined, false, asking(method))).toEqual(["REJECTED", 404]);
    },
  );

  it("gives the application what no hook answers", () => {
    const application = fetchAnswerer(() => new Response());
    const http = { GET: hook };
    const isTimed = (method: string) =>
      answererOf({ http, application, isKnown: true }, asking(method)).isTimed;
    expect([isTimed("GET"), isTimed("POST")]).toEqual([true, false]);
    expect(answererOf({ http: undefined, application, isKnown: true }, asking("GET")).isTimed).toBe(
      false,
    );
  });

  it("answers OPTIONS * for the server as a whole", () => {
    const expected = [204, "Allow: GET, HEAD, OPTIONS"];
    expect(outcome(undefined, false, asking("OPTIONS", "*"))).toEqual(expected);
  });
});
