import { describe, expect, it } from "vitest";
import { selectEqual, selectFromSlice } from "../../../src/handshake/server/select.ts";
import { latin1Bytes } from "../streams.ts";

const offers = ["chat", "Chat", "chat.v2", "cha", "", "caf\u00E9"];

function taken(select: (offered: Uint8Array) => boolean): string[] {
  return offers.filter((offer) => select(latin1Bytes(offer)));
}

describe("selectEqual()", () => {
  it("takes the one name, letter for letter", () => {
    expect(taken(selectEqual("chat"))).toEqual(["chat"]);
    expect(taken(selectEqual("other"))).toEqual([]);
  });
});

describe("selectFromSlice()", () => {
  it("takes each name of the list", () => {
    expect(taken(selectFromSlice(["chat.v2", "chat", "other"]))).toEqual(["chat", "chat.v2"]);
  });

  it("takes nothing from an empty list", () => {
    expect(taken(selectFromSlice([]))).toEqual([]);
  });
});
