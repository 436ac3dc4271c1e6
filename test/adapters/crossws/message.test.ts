import { describe, expect, it } from "vitest";
import { HookMessage } from "../../../adapters/crossws/message.ts";
import type { Peer } from "../../../adapters/crossws/types.ts";

/** A message to a peer whose binaryType is this. */
function message(rawData: string | Uint8Array, binaryType = "nodebuffer"): HookMessage {
  return new HookMessage(rawData, { websocket: { binaryType } } as Peer);
}

const part = new Uint8Array([120, 97, 98, 120]).subarray(1, 3);

describe("HookMessage", () => {
  it("gives only its own part of a buffer, in each form", async () => {
    const given = message(part);
    expect(given.text()).toBe("ab");
    expect(given.uint8Array()).toBe(part);
    expect(new Uint8Array(given.arrayBuffer())).toEqual(new Uint8Array([97, 98]));
    expect(await given.blob().text()).toBe("ab");
    expect(given.data).toEqual(Buffer.from("ab"));
    expect(message(part, "arraybuffer").data).toEqual(new Uint8Array([97, 98]).buffer);
  });

  it("gives an ArrayBuffer without a copy if the message fills it", () => {
    const whole = new Uint8Array([1, 2]);
    expect(message(whole).arrayBuffer()).toBe(whole.buffer);
  });

  it("gives the data as it came for an unknown binaryType", () => {
    expect(message("text", "other").data).toBe("text");
    expect(message(part, "other").data).toBe(part);
  });

  it("gives a Buffer as it is", () => {
    const buffer = Buffer.from("ab");
    expect(message(buffer).data).toBe(buffer);
  });

  it("throws if the text is not JSON", () => {
    expect(() => message("{").json()).toThrow(SyntaxError);
  });

  it("has an id of its own, and no event", () => {
    const [one, other] = [message("a"), message("a")];
    expect(one.id).toBe(one.id);
    expect(one.id).not.toBe(other.id);
    expect(one.event).toBeUndefined();
  });
});
