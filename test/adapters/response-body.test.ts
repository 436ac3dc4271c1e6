import { describe, expect, it } from "vitest";
import { responseBody } from "../../adapters/response-body.ts";
import { runtime } from "../support/runtime.ts";

// Where a runtime keeps it in private fields, or outside of JavaScript, it cannot be told.
const canTell = typeof responseBody()(new Response("text")) === "string";

describe("responseBody()", () => {
  it(`tells what a response of ${runtime} was made of, or nothing on runtimes that do not show it`, () => {
    const bodyOf = responseBody();
    const bytes = Uint8Array.of(1, 2);
    const told = [new Response("text"), new Response("caf\u00e9"), new Response("")].map(bodyOf);
    expect(told).toEqual(canTell ? ["text", "caf\u00e9", ""] : [undefined, undefined, undefined]);
    expect(bodyOf(new Response(bytes))).toEqual(canTell ? bytes : undefined);
  });

  it.each([
    ["a stream", () => new Response(new ReadableStream())],
    ["a Blob", () => new Response(new Blob(["a"]))],
    ["nothing", () => new Response(null)],
  ])("tells nothing of what is made of %s", (_, make) => {
    expect(responseBody()(make())).toBeUndefined();
  });

  it("tells at most what the other response was made of if the body is another response's", () => {
    const passedOn = new Response(new Response("text").body);
    expect(["text", undefined]).toContain(responseBody()(passedOn));
  });

  it.each([
    ["was read", (response: Response) => response.text()],
    ["is being read", (response: Response) => void response.body!.getReader()],
    ["was given up", (response: Response) => response.body!.cancel()],
  ])("tells nothing of a response that %s", async (_, begin) => {
    const response = new Response("text");
    await begin(response);
    expect(responseBody()(response)).toBeUndefined();
  });

  it("tells nothing if the runtime has no Response", () => {
    const { Response: own } = globalThis;
    Reflect.deleteProperty(globalThis, "Response");
    try {
      expect(responseBody()({})).toBeUndefined();
    } finally {
      Object.assign(globalThis, { Response: own });
    }
  });

  it("throws if the same response is asked for twice, as a stream does", () => {
    const bodyOf = responseBody();
    const response = new Response("text");
    expect(bodyOf(response)).toBe(canTell ? "text" : undefined);
    if (canTell) expect(() => bodyOf(response)).toThrow(TypeError);
  });

  it("tells the same of one whose body and headers were only looked at", async () => {
    const response = new Response("text", { headers: { a: "b" } });
    response.headers.set("c", "d");
    expect(response.body).not.toBeNull();
    expect(["text", undefined]).toContain(responseBody()(response));
    expect(await response.text()).toBe("text");
  });

  it.each([{}, { status: 200, headers: new Headers(), body: null }])(
    "tells nothing of %j, which is no Response",
    (given) => {
      expect(responseBody()(given)).toBeUndefined();
    },
  );

  it("tells nothing if the runtime keeps something else under those names", () => {
    for (const name of ["state", "response"]) {
      const key = Symbol(name);
      const others = [
        undefined,
        null,
        { body: null },
        { body: { source: "other", streamOrStatic: {} } },
      ];
      for (const other of others) {
        class Own {
          [key] = other;
        }
        const bodyOf = responseBody(Own as unknown as Parameters<typeof responseBody>[0]);
        expect(bodyOf(new Own())).toBeUndefined();
      }
    }
  });
});
