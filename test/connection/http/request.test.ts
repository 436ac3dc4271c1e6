import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { RequestBody } from "../../../src/connection/http/request-body.ts";
import { HttpRequest } from "../../../src/connection/http/request.ts";
import { HeadParser } from "../../../src/http/parser.ts";

function requestWith(body: string, line = "POST /a?b=c HTTP/1.1"): HttpRequest {
  const parser = new HeadParser("request");
  parser.feed(encodeUtf8(`${line}\r\nHost: localhost\r\n\r\n`));
  const bytes = encodeUtf8(body);
  const nothing = (): void => {};
  const events = { onFull: nothing, onRoom: nothing, onWanted: nothing };
  const content = new RequestBody(bytes.length, 1000, events);
  content.feed(bytes, 0);
  return new HttpRequest(parser.head, {}, content);
}

describe("HttpRequest", () => {
  it("has the properties of an upgrade's request, and its method", () => {
    const { method, path, host, query } = requestWith("");
    expect([method, path, host, query.get("b")]).toEqual(["POST", "/a", "localhost", "c"]);
  });

  it("tells whether it has a body", () => {
    expect([requestWith("").hasBody, requestWith("ab").hasBody]).toEqual([false, true]);
  });

  it("gives its body as bytes, text, JSON, pieces or a stream", async () => {
    expect(await requestWith("ab").bytes()).toEqual(encodeUtf8("ab"));
    expect(await requestWith("\u20ac").text()).toBe("\u20ac");
    expect(await requestWith('{"a":[1]}').json()).toEqual({ a: [1] });
    for await (const piece of requestWith("ab")) expect(piece).toEqual(encodeUtf8("ab"));
    const reader = (requestWith("ab").readable as unknown as ReadableStream).getReader();
    expect((await reader.read()).value).toEqual(encodeUtf8("ab"));
    expect((await reader.read()).done).toBe(true);
  });

  it("reads no more of the body than its limit", async () => {
    const tooLarge = { code: "BODY_TOO_LARGE", limit: 1 };
    await expect(requestWith("ab").bytes({ limit: 1 })).rejects.toMatchObject(tooLarge);
    await expect(requestWith("ab").text({ limit: 1 })).rejects.toMatchObject(tooLarge);
    await expect(requestWith("12").json({ limit: 1 })).rejects.toMatchObject(tooLarge);
  });

  it.each([0, Infinity, undefined])("sets no limit of its own if it is %j", async (limit) => {
    expect(await requestWith("12345").text({ limit })).toBe("12345");
    expect(await requestWith("12345").bytes({ limit })).toHaveLength(5);
    expect(await requestWith("12345").json({ limit })).toBe(12345);
  });

  it("refuses an unknown option at once", () => {
    for (const how of ["bytes", "text", "json"] as const) {
      expect(() => requestWith("")[how]({ max: 1 } as never)).toThrow(TypeError);
    }
  });

  it.each([NaN, -1, 0.5, "1" as unknown as number])("refuses a limit of %j at once", (limit) => {
    for (const how of ["bytes", "text", "json"] as const) {
      expect(() => requestWith("")[how]({ limit })).toThrow(/limit must be/);
    }
  });

  it("answers 400 if the body is not JSON", async () => {
    await expect(requestWith("{").json()).rejects.toMatchObject({ code: "BAD_BODY", status: 400 });
  });
});
