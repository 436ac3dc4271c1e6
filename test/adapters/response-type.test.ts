import { describe, expect, it } from "vitest";
import { responseType } from "../../adapters/response-type.ts";
import { encodeUtf8 } from "../../src/bytes.ts";
import { runtime } from "../support/runtime.ts";

/** A response of a runtime that does not note what it was made of. */
class Untyped {
  readonly headers = new Headers();
}

describe("responseType()", () => {
  it("recognizes text by its bytes if a response of text has no Content-Type", () => {
    const typeOf = responseType(Untyped)!;
    expect(typeOf(encodeUtf8("caf\u00e9"))).toBe("text/plain;charset=UTF-8");
    expect(typeOf(new Uint8Array())).toBe("text/plain;charset=UTF-8");
    expect(typeOf(Uint8Array.of(0x89, 0x50, 0x4e, 0x47))).toBeUndefined();
  });

  it("is undefined if the runtime's own responses have a type, or if there are no responses", () => {
    const isNoted = new Response("text").headers.has("content-type");
    expect(isNoted).toBe(runtime !== "bun");
    expect(responseType() === undefined).toBe(isNoted);
    expect(responseType(undefined) === undefined).toBe(isNoted);
  });
});
