import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import type { Answer } from "../../../src/connection/http/answer.ts";
import type { BodySource } from "../../../src/connection/http/body-source.ts";
import { type FetchHandler, fetchAnswerer } from "../../../src/connection/http/fetch.ts";
import { plainRequest } from "../../support/plain-request.ts";

async function answerTo(response: unknown, line?: string): Promise<Answer> {
  const given = fetchAnswerer((() => response) as FetchHandler);
  return given.answerOf(await given.ask(plainRequest({ line }).request));
}

/** A response whose body gives pieces when it is asked, each in so many turns of the event loop. */
function inPieces(pieces: readonly string[], turns = 0): Response {
  let at = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        if (at === pieces.length) controller.close();
        else controller.enqueue(encodeUtf8(pieces[at++]!));
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body);
}

async function textOf(source: BodySource): Promise<string> {
  let text = "";
  for (;;) {
    const piece = await source.next();
    if (piece === undefined) return text;
    text += new TextDecoder().decode(piece);
  }
}

describe("the request of fetchAnswerer()", () => {
  it("is one of the Web, beside what the server knows of it", () => {
    const { request } = plainRequest();
    let seen: unknown[] = [];
    void fetchAnswerer((...given) => {
      seen = given;
      return new Response();
    }).ask(request);
    expect(seen).toEqual([expect.any(Request), request]);
  });
});

describe("the answer of fetchAnswerer()", () => {
  it("is not timed", () => {
    expect(fetchAnswerer(() => new Response()).isTimed).toBe(false);
  });

  it("is the same from a promise", async () => {
    const { status, body } = await answerTo(Promise.resolve(new Response("a", { status: 201 })));
    expect([status, body]).toEqual([201, encodeUtf8("a")]);
  });

  it("has the headers of the response, but those that are the server's to write", async () => {
    const own = { Connection: "close", "Transfer-Encoding": "chunked", "Keep-Alive": "timeout=1" };
    const headers = { "X-A": "b", Upgrade: "h2c", ...own };
    const response = new Response("a", { headers: { ...headers, "Content-Type": "a/b" } });
    response.headers.append("Set-Cookie", "a=b");
    response.headers.append("Set-Cookie", "c=d");
    const answer = await answerTo(response);
    expect([...answer.headers].sort()).toEqual([
      ["content-type", "a/b"],
      ["set-cookie", "a=b"],
      ["set-cookie", "c=d"],
      ["x-a", "b"],
    ]);
  });

  it("is empty without a body", async () => {
    expect(await answerTo(new Response())).toEqual({
      status: 200,
      headers: [],
      body: new Uint8Array(),
    });
  });

  it.each(["12", "1x", "-1", "1".repeat(16)])(
    "tells HEAD a length of %s if it is one",
    async (text) => {
      const response = new Response(null, { headers: { "Content-Length": text } });
      const { length, body } = await answerTo(response, "HEAD / HTTP/1.1");
      expect(length).toBe(text === "12" ? 12 : undefined);
      (body as BodySource).cancel(undefined);
      expect(await (body as BodySource).next()).toBeUndefined();
    },
  );

  it("leaves a body as it is where the length is told, or HEAD asks", async () => {
    const headers = { "Content-Length": "2" };
    const told = await answerTo(new Response("ab", { headers }));
    expect([told.length, await textOf(told.body as BodySource)]).toEqual([2, "ab"]);
    const untold = await answerTo(new Response("ab"), "HEAD / HTTP/1.1");
    expect([untold.length, await textOf(untold.body as BodySource)]).toEqual([undefined, "ab"]);
  });

  it.each([[[]], [["a"]], [["a", "b", "c"]]])(
    "is one with its length where %j lie ready",
    async (pieces) => {
      const { body } = await answerTo(inPieces(pieces));
      expect(body).toEqual(encodeUtf8(pieces.join("")));
    },
  );

  it.each([
    ["text", "\u00e9"],
    ["bytes", encodeUtf8("\u00e9")],
  ])("is made of the %s that the runtime tells, and no stream of them", (_, given) => {
    const response = {
      status: 201,
      headers: new Headers({ a: "b" }),
      get body(): never {
        throw new Error("It was looked at");
      },
    };
    const answerer = fetchAnswerer((() => response) as unknown as FetchHandler, {
      bodyOf: (of) => (of === (response as object) ? given : undefined),
    });
    const body = encodeUtf8("\u00e9");
    expect(answerer.ask(plainRequest().request)).toEqual({
      status: 201,
      headers: [["a", "b"]],
      body,
    });
  });

  it("is a stream where its length is told or HEAD asks, whatever the runtime tells", async () => {
    const told = fetchAnswerer(() => new Response("ab", { headers: { "Content-Length": "3" } }), {
      bodyOf: () => "ab",
    });
    const { length, body } = (await told.ask(plainRequest().request)) as Answer;
    expect([length, await textOf(body as BodySource)]).toEqual([3, "ab"]);
    const untold = fetchAnswerer(() => new Response("ab"), { bodyOf: () => "ab" });
    const head = (await untold.ask(plainRequest({ line: "HEAD / HTTP/1.1" }).request)) as Answer;
    expect([head.length, await textOf(head.body as BodySource)]).toEqual([undefined, "ab"]);
  });

  it("is one where the runtime tells each piece at once", async () => {
    const piece = { done: false, value: encodeUtf8("ab") };
    const pieces = [piece, piece, { done: true, value: undefined }];
    const reader = { read: () => Promise.resolve(pieces.shift()), cancel: () => Promise.resolve() };
    const response = { status: 200, headers: new Headers(), body: { getReader: () => reader } };
    let asked = 0;
    const answerer = fetchAnswerer((() => response) as unknown as FetchHandler, {
      valueNow: () => (asked++ < 2 ? (piece as never) : undefined),
    });
    const { body } = (await answerer.ask(plainRequest().request)) as Answer;
    expect([body, asked]).toEqual([encodeUtf8("abab"), 3]);
  });

  it("goes piece by piece where there are many, or one is not ready", async () => {
    const many = Array.from("abcdefghijklmnopqrstuvwxyz");
    const long = await answerTo(inPieces(many));
    expect(await textOf(long.body as BodySource)).toBe(many.join(""));
    const late = await answerTo(inPieces(["a", "b"], 2));
    expect(await textOf(late.body as BodySource)).toBe("ab");
  });

  it("has the type that the runtime tells of a whole body, where the response has none", async () => {
    const seen: string[] = [];
    const typed = async (response: Response, line?: string): Promise<Answer> => {
      const given = fetchAnswerer(() => response, {
        typeOf(body) {
          seen.push(new TextDecoder().decode(body));
          return body[0] === 0 ? undefined : "a/b";
        },
      });
      return (await given.ask(plainRequest({ line }).request)) as Answer;
    };
    const made = (text: string, ...headers: readonly [string, string][]): Response =>
      new Response(encodeUtf8(text), { headers: [...headers] });

    const plain = await typed(made("ab"));
    expect(plain).toMatchObject({ headers: [["content-type", "a/b"]], body: encodeUtf8("ab") });
    expect((await typed(made("\0"))).headers).toEqual([]);
    expect(seen).toEqual(["ab", "\0"]);

    const own = await typed(made("ab", ["Content-Type", "c/d"]));
    expect(own.headers).toEqual([["content-type", "c/d"]]);
    const late = await typed(inPieces(["a"], 2));
    expect([late.headers, await textOf(late.body as BodySource)]).toEqual([[], "a"]);
    expect(seen).toHaveLength(2);

    const told = await typed(made("ab", ["Content-Length", "2"]));
    expect([told.headers, told.length]).toEqual([[["content-type", "a/b"]], 2]);
    expect(await textOf(told.body as BodySource)).toBe("ab");
    const empty = await typed(made("", ["Content-Length", "0"]));
    expect(await (empty.body as BodySource).next()).toBeUndefined();
    const head = await typed(made("ab"), "HEAD / HTTP/1.1");
    expect([head.headers, head.length]).toEqual([[["content-type", "a/b"]], undefined]);
  });

  it("tells the response when no more is wanted", async () => {
    let reason: unknown;
    const body = new ReadableStream({ cancel: (why) => void (reason = why) });
    const answer = await answerTo(new Response(body));
    (answer.body as BodySource).cancel("gone");
    expect(reason).toBe("gone");
  });

  it("is none where the body fails at once", async () => {
    const failed = new ReadableStream({
      start(controller) {
        controller.error(new Error("no"));
      },
    });
    await expect(answerTo(new Response(failed))).rejects.toThrow("no");
  });

  it.each([undefined, null, "text", {}, { status: 200, headers: new Headers() }])(
    "is a TypeError for %j, which is no Response",
    async (given) => {
      await expect(answerTo(given)).rejects.toThrow(new TypeError("fetch must return a Response"));
    },
  );

  it("may be a response of a class of the framework's own", async () => {
    const { body } = new Response("own");
    const { status } = await answerTo({ status: 203, headers: new Headers(), body });
    expect(status).toBe(203);
  });
});
