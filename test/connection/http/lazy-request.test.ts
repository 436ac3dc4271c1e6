import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { newLazyRequest } from "../../../src/connection/http/lazy-request.ts";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { canStandIn } from "../../../src/connection/http/stand-in-request.ts";
import { plainRequest } from "../../support/plain-request.ts";
import { describeWebRequest } from "../../support/web-request-suite.ts";

describeWebRequest("newLazyRequest()", newLazyRequest);

describe("the headers of newLazyRequest()", () => {
  const url = "http://localhost/a";
  const form = {
    line: "POST / HTTP/1.1",
    headers: "Content-Type: application/x-www-form-urlencoded\r\n",
  };

  it("are made once, at the first use", () => {
    const { request } = plainRequest({ headers: "Host: a\r\nX-B: c\r\nX-B: d\r\n" });
    let made = 0;
    const { headers } = request;
    Object.defineProperty(request, "headers", {
      value: () => {
        made++;
        return headers.call(request);
      },
    });
    const lazy = newLazyRequest(url, request);
    expect([lazy.method, lazy.url, lazy.body, made]).toEqual(["GET", url, null, 0]);
    expect(lazy.headers.get("x-b")).toBe("c, d");
    lazy.headers.set("X-B", "e");
    expect([lazy.headers.get("x-b"), lazy.headers.get("host"), made]).toEqual(["e", "a", 1]);
  });

  it("are those of a clone, read before or not", () => {
    const lazy = newLazyRequest(url, plainRequest().request);
    expect(lazy.clone().headers.get("host")).toBe("localhost:80");
    lazy.headers.set("Host", "b");
    expect(lazy.clone().headers.get("host")).toBe("b");
  });

  it("say how a form is read", async () => {
    const { body, request } = plainRequest({ ...form, length: 3 });
    const lazy = newLazyRequest(url, request);
    const reading = lazy.formData() as Promise<{ get(name: string): unknown }>;
    body.feed(encodeUtf8("a=b"), 0);
    expect((await reading).get("a")).toBe("b");
  });

  it("are shown on a console", () => {
    const shown = inspect(newLazyRequest(url, plainRequest().request));
    expect(shown).toContain("localhost:80");
    expect(shown).toContain(url);
  });

  // Elsewhere there is no need of it.
  it.runIf("Bun" in globalThis)("are in a Request that Bun makes of it", () => {
    expect(canStandIn(newLazyRequest)).toBe(true);
    const lazy = newLazyRequest(url, plainRequest().request);
    expect(new Request(lazy).headers.get("host")).toBe("localhost:80");
    expect(new Request("http://b/", lazy as RequestInit).headers.get("host")).toBe("localhost:80");
  });
});
