import { describe, expect, it } from "vitest";
import { basicCredentials, credentialsOf } from "../../src/handshake/basic.ts";

describe("basicCredentials()", () => {
  it.each([
    // RFC 7617, 2 and 2.1
    ["Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
    ["test", "123\u00A3", "Basic dGVzdDoxMjPCow=="],
    ["", "", "Basic Og=="],
    ["me", "a:b", "Basic bWU6YTpi"],
  ])("encodes %j and %j", (user, password, value) => {
    expect(basicCredentials({ user, password })).toBe(value);
  });

  it.each([
    ["a:b", "c", /colon/],
    ["a\r\nEvil", "c", /control/],
    ["a", "secret\0", /control/],
    ["a", "secret\x7f", /control/],
  ])("refuses %j and %j, and does not repeat them", (user, password, message) => {
    const act = (): string => basicCredentials({ user, password });
    expect(act).toThrow(TypeError);
    expect(act).toThrow(message);
    expect(act).not.toThrow(/secret|Evil/);
  });
});

describe("credentialsOf()", () => {
  it.each([
    ["ws://a/", undefined],
    ["ws://me@a/", { user: "me", password: "" }],
    ["ws://:pass@a/", { user: "", password: "pass" }],
    ["ws://me%40home:%C2%A3%3A@a/", { user: "me@home", password: "\u00A3:" }],
  ])("reads %s", (url, credentials) => {
    expect(credentialsOf(new URL(url), "a server's")).toEqual(credentials);
  });

  it("refuses what is not percent-encoded UTF-8, and does not repeat it", () => {
    const act = (): unknown => credentialsOf(new URL("ws://me:%A3secret@a/"), "a server's");
    expect(act).toThrow("User and password in a server's URL must be percent-encoded UTF-8");
  });
});
