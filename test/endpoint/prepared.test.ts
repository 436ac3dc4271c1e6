import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { Endpoint } from "../../src/endpoint/endpoint.ts";
import { PreparedMessage } from "../../src/endpoint/prepared.ts";
import { counted, text } from "../support/frames.ts";
import { detached } from "../support/ranges.ts";
import { sentFrames } from "../support/sent.ts";
import { openSessions, ShiftExtension } from "../support/shift-extension.ts";
import { EventTrace } from "../support/trace.ts";

describe("PreparedMessage", () => {
  it("holds text as UTF-8 and bytes as a copy", () => {
    const bytes = counted(4);
    const message = new PreparedMessage(bytes);
    bytes.fill(9);
    expect([message.opcode, message.bytes]).toEqual([2, counted(4)]);
    expect(new PreparedMessage("ä")).toMatchObject({ opcode: 1, bytes: encodeUtf8("ä") });
  });

  it("refuses a detached array, which would be an empty message", () => {
    expect(() => new PreparedMessage(detached())).toThrow(/detached/);
    expect(new PreparedMessage(new Uint8Array(0)).size).toBe(0);
  });

  it("stays as it is whatever is done with what an endpoint has given to be sent", () => {
    const message = new PreparedMessage("hi");
    const frames = [1, 2].map(() => {
      const { output } = newEndpoint();
      const bytes = output.take()!;
      const seen = bytes.slice();
      bytes.fill(0);
      output.giveBack();
      return seen;
    });
    expect(frames).toEqual([text("hi"), text("hi")]);

    function newEndpoint(): Endpoint {
      const endpoint = new Endpoint("server", new EventTrace());
      endpoint.sendPrepared(message);
      return endpoint;
    }
  });

  it("cannot be changed, since it gives out copies and its fields are fixed", () => {
    const message = new PreparedMessage("hi");
    message.bytes.fill(0);
    message.frame.fill(0);
    expect(() => {
      (message as { opcode: number }).opcode = 2;
    }).toThrow(TypeError);
    expect([message.size, message.bytes]).toEqual([2, encodeUtf8("hi")]);
    expect(message.frame).toEqual(text("hi"));
  });

  it("is sent as any other, on either side, with extensions and without", () => {
    const message = new PreparedMessage("hi", false);
    for (const side of ["server", "client"] as const) {
      const plain = new Endpoint(side, new EventTrace());
      plain.sendPrepared(message);
      plain.close(1000, "");
      plain.sendPrepared(message);
      expect(sentFrames(plain)).toEqual(["text fin 0 6869", "close fin 0 03e8"]);
      const extensions = openSessions(new ShiftExtension());
      const extended = new Endpoint(side, new EventTrace(), { extensions });
      extended.sendPrepared(message);
      extended.sendPrepared(new PreparedMessage("hi"));
      expect(sentFrames(extended)).toEqual(["text fin 0 6869", "text fin 2 696a"]);
    }
  });
});
