import { describe, expect, it } from "vitest";
import { acceptUpgrade } from "../../../src/handshake/server/agreement.ts";
import { writeOptions } from "../../../src/http/option.ts";
import { HeadParser } from "../../../src/http/parser.ts";
import { ShiftExtension } from "../../support/shift-extension.ts";
import { requestFor, textOf } from "../streams.ts";

function head(): HeadParser["head"] {
  const parser = new HeadParser("request");
  parser.feed(requestFor("/chat"));
  return parser.head;
}

describe("acceptUpgrade()", () => {
  it("answers with what was chosen, and opens the extensions", () => {
    const extension = new ShiftExtension();
    const option = extension.accept(extension.offers[0]!)!;
    const { response, sessions } = acceptUpgrade(
      head(),
      ["a", "b"],
      { protocol: "b", extensions: [option], agreed: [{ extension, option }] },
      [["X-A", "1"]],
    );
    const lines = textOf(response).split("\r\n");
    expect(lines[0]).toBe("HTTP/1.1 101 Switching Protocols");
    expect(lines).toContain("Sec-WebSocket-Protocol: b");
    expect(lines).toContain(`Sec-WebSocket-Extensions: ${writeOptions([option])}`);
    expect(lines).toContain("X-A: 1");
    expect([sessions.length, extension.opened]).toEqual([1, 1]);
  });

  it("opens nothing if the answer cannot be written", () => {
    const extension = new ShiftExtension();
    const option = extension.accept(extension.offers[0]!)!;
    const choice = { protocol: "c", extensions: [option], agreed: [{ extension, option }] };
    expect(() => acceptUpgrade(head(), ["a"], choice, undefined)).toThrow(
      new TypeError('Subprotocol was not offered: "c"'),
    );
    expect(extension.opened).toBe(0);
  });
});
