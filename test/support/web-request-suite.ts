/**
 * What must hold of a `Request` that an application is given, however it is made.
 *
 * @module
 */

import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import type { NewRequest } from "../../src/connection/http/stand-in-request.ts";
import { abandon } from "../../src/handshake/server/upgrade-request.ts";
import { plainRequest } from "./plain-request.ts";

/** Describes it. */
export function describeWebRequest(name: string, newRequest: NewRequest): void {
  const url = "http://localhost/a?b=c";

  describe(name, () => {
    it("has the method, the URL and the headers that the client has sent", () => {
      const { method, url: own, headers, body } = newRequest(url, plainRequest().request);
      expect([method, own, body]).toEqual(["GET", url, null]);
      expect([...headers]).toEqual([["host", "localhost:80"]]);
    });

    it("has an unknown method, with a body", async () => {
      const { body, request } = plainRequest({ line: "Foo / HTTP/1.1", length: 2 });
      const made = newRequest(url, request);
      body.feed(encodeUtf8("ab"), 0);
      expect([made.method, await made.text()]).toEqual(["Foo", "ab"]);
      expect(newRequest(url, plainRequest({ line: "foo / HTTP/1.1" }).request).clone().method).toBe(
        "foo",
      );
    });

    it("has the URL as the standard writes it", () => {
      const { request } = plainRequest();
      expect(newRequest("http://LOCALHOST:80/a/../b c", request).url).toBe(
        "http://localhost/b%20c",
      );
    });

    it("has the body, read when somebody reads", async () => {
      const { body, request } = plainRequest({ line: "POST / HTTP/1.1", length: 2 });
      const text = newRequest(url, request).text();
      body.feed(encodeUtf8("ab"), 0);
      expect(await text).toBe("ab");
    });

    it("drops a body that is not wanted, begun or not", async () => {
      const post = { line: "POST / HTTP/1.1" };
      const untouched = plainRequest({ ...post, length: 2 });
      await newRequest(url, untouched.request).body!.cancel();
      const begun = plainRequest({ ...post, length: 4 });
      begun.body.feed(encodeUtf8("ab"), 0);
      const reader = newRequest(url, begun.request).body!.getReader();
      expect((await reader.read()).value).toEqual(encodeUtf8("ab"));
      await reader.cancel();
      begun.body.feed(encodeUtf8("cd"), 0);
      expect(await begun.request.bytes()).toHaveLength(0);
    });

    it("is a Request, of which copies can be made", async () => {
      const { body, request } = plainRequest({ line: "POST /a HTTP/1.1", length: 2 });
      const made = newRequest(url, request);
      expect(made).toBeInstanceOf(Request);
      const clone = made.clone();
      const copy = new Request(made, { headers: { "X-A": "b" } });
      body.feed(encodeUtf8("ab"), 0);
      expect(await Promise.all([clone.text(), copy.text()])).toEqual(["ab", "ab"]);
      expect([copy.method, copy.url, copy.headers.get("x-a")]).toEqual(["POST", url, "b"]);
    });

    it("has a signal that aborts with what was asked, and so do clones and those made with it", () => {
      const { request } = plainRequest();
      const made = newRequest(url, request);
      const clone = made.clone();
      const moved = new Request("http://other/", made as RequestInit);
      const early = made.signal;
      abandon(request, new Error("gone"));
      const all = [early, made.signal, clone.signal, moved.signal];
      expect(all.map(({ aborted }) => aborted)).toEqual([true, true, true, true]);
    });
  });
}
