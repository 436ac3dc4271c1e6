import { describe, expect, it } from "vitest";
import { checkDecision } from "../../../src/connection/server/decision.ts";

describe("checkDecision()", () => {
  it.each([
    [{}],
    [{ protocol: "chat", headers: [["Set-Cookie", "a=b"]], context: 7 }],
    [{ options: { maxMessageSize: 5, compression: false } }],
    [{ options: {} }],
    [{ headers: { a: "b" } }],
    [{ status: 403, headers: [], body: "no" }],
  ])("accepts %j", (decision) => {
    checkDecision(decision);
  });

  it.each([
    [
      false,
      "upgrade must return nothing or an object such as { protocol, context } to let in, and { status: 403 } to refuse: false",
    ],
    [true, /to refuse: true$/],
    [null, /to refuse: null$/],
    ["chat", /to refuse: chat$/],
    [403, /to refuse: 403$/],
    [{ protocols: "chat" }, /Unknown option upgrade\(\)\.protocols/],
    [{ protocol: ["chat"] }, "upgrade().protocol must be a string: Array"],
    [{ headers: "a: b" }, /^upgrade\(\)\.headers must be a record such as .*: "a: b" is a string/],
    [{ status: "403" }, 'upgrade().status must be a number: "403" is a string; write 403'],
    [{ options: 5 }, /^upgrade\(\)\.options must be an object such as/],
    [
      { options: { compression: { level: 3 } } },
      "upgrade().options.compression must be true or false: options of it go to a route",
    ],
  ])("says for %j what to return instead", (decision, message) => {
    expect(() => {
      checkDecision(decision);
    }).toThrow(message);
  });
});
