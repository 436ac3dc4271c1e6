import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { canStandIn, newStandInRequest } from "../../../src/connection/http/stand-in-request.ts";
import { abandon } from "../../../src/handshake/server/upgrade-request.ts";
import { plainRequest } from "../../support/plain-request.ts";
import { describeWebRequest } from "../../support/web-request-suite.ts";

// Where a runtime keeps what a Request is in private fields there is none, which the first test of webRequestOf() sees to.
describe.runIf(canStandIn(newStandInRequest))("a stand-in for a Request", () => {
  describeWebRequest("newStandInRequest()", newStandInRequest);

  const url = "http://localhost/a";

  it("has each member that a real one has", () => {
    const real = new Request(url);
    const standIn = newStandInRequest(url, plainRequest().request);
    for (const key of [...Reflect.ownKeys(real), ...Reflect.ownKeys(Request.prototype)]) {
      expect(key in standIn, String(key)).toBe(true);
      if (typeof key === "string")
        expect(typeof Reflect.get(standIn, key), key).toBe(typeof Reflect.get(real, key));
    }
    expect(standIn.constructor).toBe(Request);
    expect(Object.prototype.toString.call(standIn)).toBe("[object Request]");
  });

  it("gives copies with the headers that the application has changed, before and after", () => {
    const standIn = newStandInRequest(url, plainRequest().request);
    standIn.headers.set("X-A", "1");
    expect(new Request(standIn).headers.get("x-a")).toBe("1");
    standIn.headers.set("X-A", "2");
    standIn.headers.delete("Host");
    expect([...new Request(standIn).headers]).toEqual([["x-a", "2"]]);
  });

  it("gives the same Headers each time", () => {
    const standIn = newStandInRequest(url, plainRequest().request);
    expect(standIn.bodyUsed).toBe(false);
    const { headers } = standIn;
    expect(new Request(standIn).headers.get("host")).toBe("localhost:80");
    expect(standIn.headers).toBe(headers);
  });

  it("gives the same body each time", async () => {
    const { body, request } = plainRequest({ line: "POST / HTTP/1.1", length: 2 });
    const standIn = newStandInRequest(url, request);
    expect(standIn.body).toBe(standIn.body);
    body.feed(encodeUtf8("ab"), 0);
    expect(await standIn.text()).toBe("ab");
    expect(standIn.bodyUsed).toBe(true);
    await expect(standIn.text()).rejects.toThrow(TypeError);
  });

  it("gives its signal to a Request that is made of it", () => {
    const { request } = plainRequest();
    const copy = new Request(newStandInRequest(url, request));
    abandon(request, new Error("gone"));
    expect(copy.signal.aborted).toBe(true);
  });

  it("refuses changes that a Request refuses", () => {
    const standIn = newStandInRequest(url, plainRequest().request);
    expect(() => Object.assign(standIn, { mode: "cors" })).toThrow(TypeError);
    expect(() => Object.assign(standIn, { url: "http://b/" })).toThrow(TypeError);
    Object.assign(standIn, { text: () => Promise.resolve("mine") });
    return expect(standIn.text()).resolves.toBe("mine");
  });
});
