import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { encodeUtf8, latin1 } from "../../../src/bytes.ts";
import {
  allowedMethods,
  type Answer,
  answerOf,
  framingOf,
  type HttpAnswer,
  handlerOf,
  type HttpMethods,
  textBody,
  writeAnswer,
} from "../../../src/connection/http/answer.ts";
import type { HttpRequest } from "../../../src/connection/http/request.ts";
import { undated } from "../../support/undated.ts";

const typed = [["Content-Type", "text/plain; charset=utf-8"]];

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

describe("answerOf()", () => {
  it("is an empty text with 200 where nothing is said", () => {
    expect(answerOf({})).toEqual({ status: 200, headers: typed, body: new Uint8Array(0) });
  });

  it("takes text as UTF-8, bytes as they are, and pieces from where they come", async () => {
    expect(answerOf({ body: "\u20ac" }).body).toEqual(Uint8Array.of(0xe2, 0x82, 0xac));
    const bytes = Uint8Array.of(1);
    expect(answerOf({ body: bytes }).body).toBe(bytes);
    const { body } = answerOf({ body: new Blob(["a"]).stream() });
    expect(await (body as { next(): Promise<unknown> }).next()).toEqual(Uint8Array.of(0x61));
  });

  it("takes bytes of another realm, whole and in pieces", async () => {
    const bytes = runInNewContext("new Uint8Array([1, 2, 3]).subarray(1)") as Uint8Array;
    const whole = answerOf({ body: bytes });
    expect(whole.body).toEqual(Uint8Array.of(2, 3));
    expect(whole.body).toBeInstanceOf(Uint8Array);
    expect(framingOf(whole, false, true)).toBe("whole");
    const { body } = answerOf({ body: piecesOf(bytes) });
    const piece = await (body as { next(): Promise<unknown> }).next();
    expect(piece).toEqual(Uint8Array.of(2, 3));
    expect(piece).toBeInstanceOf(Uint8Array);
  });

  it("takes headers in any form", () => {
    for (const headers of [[["A", "1"]], { A: "1" }, new Map([["A", "1"]])]) {
      expect(answerOf({ headers } as HttpAnswer).headers).toEqual([["A", "1"]]);
    }
    for (const headers of [null, "A: 1", [["A"]], { A: 1 }]) {
      expect(() => answerOf({ headers } as never)).toThrow(/^headers/);
    }
  });

  it.each([
    ["ok", 'http() must be an object: "ok" is a string; write { status: 200, body: "ok" }'],
    [undefined, 'http() must be an object: Undefined; write { status: 200, body: "ok" }'],
    [404, 'http() must be an object: 404 is a number; write { status: 200, body: "ok" }'],
    [{ stauts: 404 }, "Unknown field http().stauts: did you mean status?"],
    [{ text: "ok" }, "Unknown field http().text"],
    [{ status: "404" }, 'http().status must be a number: "404" is a string; write 404'],
  ])("refuses what would be an empty answer: %j", (given, message) => {
    expect(() => answerOf(given as HttpAnswer)).toThrow(new TypeError(message));
  });

  it("takes what is of a class of its own, such as a Response", () => {
    const response = new Response("a", { status: 202, headers: { a: "1", "content-type": "b" } });
    const { status, headers } = answerOf(response as HttpAnswer);
    expect([status, headers]).toEqual([
      202,
      [
        ["a", "1"],
        ["content-type", "b"],
      ],
    ]);
  });

  it.each([7, true, null, {}, ["a"], new ArrayBuffer(1)])("refuses the body %j", (body) => {
    expect(() => answerOf({ body } as unknown as HttpAnswer)).toThrow(TypeError);
  });

  it.each(["Connection", "content-length", "Transfer-Encoding"])(
    "refuses the header %s, the server's own to write",
    (name) => {
      expect(() => answerOf({ headers: [[name, "1"]] })).toThrow(TypeError);
    },
  );
});

function asking(method: string): HttpRequest {
  return { method } as HttpRequest;
}

describe("handlerOf()", () => {
  const get = () => ({ body: "get" });
  const post = () => ({ body: "post" });

  it("gives a function for GET and HEAD, and for nothing else but OPTIONS", () => {
    expect(handlerOf(get, "GET")).toBe(get);
    expect(handlerOf(get, "HEAD")).toBe(get);
    expect(handlerOf(get, "POST")).toBeUndefined();
    expect(handlerOf(get, "get")).toBeUndefined();
  });

  it("gives of an object that of the method, for HEAD that of GET where it has no own", () => {
    expect(handlerOf({ GET: get, POST: post }, "POST")).toBe(post);
    expect(handlerOf({ GET: get, POST: post }, "HEAD")).toBe(get);
    expect(handlerOf({ GET: get, HEAD: post }, "HEAD")).toBe(post);
    expect(handlerOf({ GET: get, OPTIONS: post }, "OPTIONS")).toBe(post);
    expect(handlerOf({ POST: post }, "HEAD")).toBeUndefined();
    expect(handlerOf({ POST: post }, "toString")).toBeUndefined();
  });

  it.each<[says: HttpAnswer, told: HttpAnswer]>([
    [{ body: "fine" }, { status: 204, headers: [["Allow", "GET, HEAD, OPTIONS"]] }],
    [
      { status: 302, headers: [["Location", "/a"]] },
      { status: 204, headers: [["Allow", "GET, HEAD, OPTIONS"]] },
    ],
    [
      { status: 503, headers: [["Retry-After", "9"]], body: "full" },
      {
        status: 503,
        headers: [
          ["Retry-After", "9"],
          ["Allow", "GET, HEAD, OPTIONS"],
        ],
        body: "full",
      },
    ],
    [
      { status: 404 },
      { status: 404, headers: [...typed, ["Allow", "GET, HEAD, OPTIONS"]] as never },
    ],
  ])("answers OPTIONS where GET would say %j with %j", async (says, told) => {
    expect(await handlerOf(() => says, "OPTIONS")!(asking("OPTIONS"))).toEqual(told);
  });

  it("answers OPTIONS without asking where there is no GET", async () => {
    const http: HttpMethods = { POST: post };
    expect(await handlerOf(http, "OPTIONS")!(asking("OPTIONS"))).toEqual({
      status: 204,
      headers: [["Allow", "POST, OPTIONS"]],
    });
  });

  it("drops the body in pieces that GET would send to OPTIONS", async () => {
    let isCanceled = false;
    const body = new ReadableStream({
      cancel() {
        isCanceled = true;
      },
    });
    await handlerOf(() => ({ body }), "OPTIONS")!(asking("OPTIONS"));
    expect(isCanceled).toBe(true);
  });
});

describe("allowedMethods()", () => {
  it("lists what there is, and what comes with GET", () => {
    const hook = () => ({});
    expect(allowedMethods(undefined)).toBe("GET, HEAD, OPTIONS");
    expect(allowedMethods(hook)).toBe("GET, HEAD, OPTIONS");
    expect(allowedMethods({ GET: hook, POST: hook })).toBe("GET, POST, HEAD, OPTIONS");
    expect(allowedMethods({ OPTIONS: hook, PUT: hook })).toBe("OPTIONS, PUT");
  });
});

const source = { next: () => Promise.resolve(undefined), cancel() {} };

describe("framingOf()", () => {
  const bytes = new Uint8Array(1);

  it.each<[answer: Partial<Answer>, isHead: boolean, knowsChunks: boolean, framing: string]>([
    [{ body: bytes }, false, true, "whole"],
    [{ body: bytes }, true, true, "none"],
    [{ body: bytes, status: 204 }, false, true, "none"],
    [{ body: source, status: 304 }, false, true, "none"],
    [{ body: source }, false, true, "chunked"],
    [{ body: source }, false, false, "close"],
    [{ body: source, length: 3 }, false, false, "length"],
    [{ body: source }, true, false, "none"],
  ])("of %j, to HEAD %j, for HTTP/1.1 %j is %s", (answer, isHead, knowsChunks, framing) => {
    const whole = { status: 200, headers: [], body: bytes, ...answer };
    expect(framingOf(whole, isHead, knowsChunks)).toBe(framing);
  });
});

describe("writeAnswer()", () => {
  function written(answer: Partial<Answer>, framing: Parameters<typeof writeAnswer>[1]): string[] {
    const whole = { status: 200, headers: [], body: new Uint8Array(2), ...answer };
    const { buffer, size } = writeAnswer(whole, framing, "Connection: close\r\n");
    return undated(latin1(buffer, 0, size).split("\r\n"));
  }

  it.each<[framing: Parameters<typeof writeAnswer>[1], answer: Partial<Answer>, lines: string[]]>([
    ["whole", {}, ["Content-Length: 2", "", "\0\0"]],
    ["none", {}, ["Content-Length: 2", "", ""]],
    ["none", { body: source }, ["", ""]],
    ["none", { body: source, length: 9 }, ["Content-Length: 9", "", ""]],
    ["none", { status: 204 }, ["", ""]],
    ["none", { status: 304 }, ["", ""]],
    ["chunked", { body: source }, ["Transfer-Encoding: chunked", "", ""]],
    ["length", { body: source, length: 9 }, ["Content-Length: 9", "", ""]],
    ["close", { body: source }, ["", ""]],
  ])("says of a body that is %s: %j as %j", (framing, answer, lines) => {
    expect(written(answer, framing).slice(1)).toEqual(["Connection: close", ...lines]);
  });

  it.each([
    ["text", "ab", "ab"],
    ["long bytes", new Uint8Array(5000).fill(97), "a".repeat(5000)],
  ])("puts a body of %s behind the head", (_, body, seen) => {
    expect(written({ body }, "whole").slice(1)).toEqual([
      "Connection: close",
      `Content-Length: ${seen.length}`,
      "",
      seen,
    ]);
  });

  it("leaves a Date as it is given", () => {
    const date = "Sun, 06 Nov 1994 08:49:37 GMT";
    const { buffer, size } = writeAnswer(
      { status: 200, headers: [["dAte", date]], body: new Uint8Array(0) },
      "whole",
      "",
    );
    const dates = latin1(buffer, 0, size).match(/^date:.*$/gim);
    expect(dates).toEqual([`dAte: ${date}`]);
  });

  it.each([101, 199, 600, NaN])("refuses a status of %d", (status) => {
    expect(() => written({ status }, "whole")).toThrow(RangeError);
  });
});

describe("textBody()", () => {
  it("leaves short ASCII as it is, and encodes all other text", () => {
    expect(textBody("ab")).toBe("ab");
    expect(textBody("a\u00e9")).toEqual(encodeUtf8("a\u00e9"));
    expect(textBody("a".repeat(600))).toEqual(encodeUtf8("a".repeat(600)));
  });
});
