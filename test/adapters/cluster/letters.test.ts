import { describe, expect, it } from "vitest";
import { isLetter, toBytes, toCarry } from "../../../adapters/cluster/letters.ts";

describe("isLetter()", () => {
  it.each([undefined, null, 5, "publish", {}, { framewire: 1 }, { framewire: "join" }, []])(
    "says no to the application's own messages: %o",
    (message) => {
      expect(isLetter(message)).toBe(false);
    },
  );

  it("says yes to a message with a kind and a server", () => {
    expect(isLetter({ framewire: "join", node: "0" })).toBe(true);
  });
});

describe("toCarry()", () => {
  const bytes = Uint8Array.of(9, 0, 127, 128, 255, 9).subarray(1, 5);

  it("makes text where a channel carries no bytes, and toBytes() bytes of it", () => {
    const text = toCarry(bytes, false);
    expect(text).toBe("AH+A/w==");
    expect([...toBytes(text)]).toEqual([0, 127, 128, 255]);
  });

  it("leaves a letter as it is if its form is right", () => {
    expect(toCarry(bytes, true)).toBe(bytes);
    expect(toCarry("AH+A/w==", false)).toBe("AH+A/w==");
    expect(toBytes(bytes)).toBe(bytes);
  });

  it("makes bytes of text for a channel that carries them", () => {
    expect([...(toCarry("AH+A/w==", true) as Uint8Array)]).toEqual([0, 127, 128, 255]);
  });
});
