import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { RequestBody } from "../../../src/connection/http/request-body.ts";
import type { BodyFraming } from "../../../src/http/body.ts";

/** A body, and what is told of it. */
function bodyOf(framing: BodyFraming, limit = 1000): { body: RequestBody; lines: string[] } {
  const lines: string[] = [];
  const body = new RequestBody(framing, limit, {
    onFull: () => void lines.push("full"),
    onRoom: () => void lines.push("room"),
    onWanted: () => void lines.push("wanted"),
  });
  return { body, lines };
}

describe("RequestBody", () => {
  it("is complete if there is none, and is not asked for", async () => {
    const { body, lines } = bodyOf(0);
    expect(body.isComplete).toBe(true);
    expect(await body.bytes(Infinity)).toEqual(new Uint8Array(0));
    expect(lines).toEqual([]);
  });

  it("gives what it is fed, and says where it ends", async () => {
    const { body } = bodyOf(3);
    const gathered = body.bytes(Infinity);
    expect(body.feed(encodeUtf8("-a"), 1)).toBe(2);
    expect(body.isComplete).toBe(false);
    expect(body.feed(encodeUtf8("bcGET"), 0)).toBe(2);
    expect(body.isComplete).toBe(true);
    expect(body.received).toBe(3);
    expect(await gathered).toEqual(encodeUtf8("abc"));
  });

  it("gives as one piece what has come at once, however many chunks it is in", async () => {
    const { body } = bodyOf("chunked");
    body.feed(encodeUtf8("1\r\na\r\n".repeat(100) + "0\r\n\r\n"), 0);
    const pieces: number[] = [];
    for await (const piece of body.pieces()) pieces.push(piece.length);
    expect(pieces).toEqual([100]);
  });

  it("is not missing if there was none", async () => {
    const { body } = bodyOf(0);
    body.answered();
    body.fail(new Error("gone"));
    expect(await body.bytes(Infinity)).toEqual(new Uint8Array(0));
  });

  it("is asked for once, when somebody begins to read", () => {
    const { body, lines } = bodyOf(3);
    body.pieces();
    body.pieces();
    expect(lines).toEqual(["wanted"]);
  });

  it("reports when enough waits, and when there is room again", async () => {
    const { body, lines } = bodyOf(100_000, 100_000);
    body.feed(new Uint8Array(65_536), 0);
    expect(lines).toEqual(["full"]);
    await body.pieces().next();
    expect(lines).toEqual(["full", "wanted", "room"]);
  });

  it("rejects with a limit if it is larger than its reader allows", async () => {
    const { body } = bodyOf(5);
    body.feed(encodeUtf8("abcde"), 0);
    await expect(body.bytes(4)).rejects.toMatchObject({
      code: "BODY_TOO_LARGE",
      status: 413,
      limit: 4,
      actual: 5,
    });
  });

  it("rejects for its readers, even after the answer", async () => {
    const { body } = bodyOf(5);
    const gathered = body.bytes(Infinity);
    body.fail(new Error("gone"));
    await expect(gathered).rejects.toThrow("gone");
    const other = bodyOf(5).body;
    other.answered();
    await expect(other.bytes(Infinity)).rejects.toThrow(
      new TypeError("The request has been answered: what was not read of its body is gone"),
    );
  });
});
