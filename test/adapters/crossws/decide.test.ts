import { describe, expect, it } from "vitest";
import { decide, isResponse } from "../../../adapters/crossws/decide.ts";
import type { Opening } from "../../../adapters/crossws/opening.ts";
import { HookPeer, type PeerOwner } from "../../../adapters/crossws/peer.ts";
import type { AdapterOptions } from "../../../adapters/crossws/types.ts";

const owner: PeerOwner = { peersOf: () => new Set(), carry() {}, failed() {} };

/** A request that counts how often somebody has looked at it. */
function opening(context?: object): { opening: Opening; looks: () => number } {
  let looks = 0;
  const request = Object.assign(new Request("http://localhost/path"), { context });
  const asked = { path: "/path", protocols: ["a", "b"] };
  return {
    looks: () => looks,
    opening: {
      asked,
      path: "/path",
      get request() {
        looks++;
        return request;
      },
    } as unknown as Opening,
  };
}

describe("decide()", () => {
  it("makes no Request if nobody looks at it", async () => {
    const { opening: given, looks } = opening();
    const decision = await decide({ hooks: { message() {} } }, given, owner);
    expect(looks()).toBe(0);
    expect(decision).toMatchObject({ headers: [], protocol: undefined, options: undefined });
  });

  it("puts what the upgrade hook returns into the context of the request, which the peer shares", async () => {
    const context = { before: 1 };
    const { opening: given } = opening(context);
    const options: AdapterOptions = { hooks: { upgrade: () => ({ context: { user: "ann" } }) } };
    const decision = await decide(options, given, owner);
    const { context: peer } = decision as { context: HookPeer };
    expect(peer).toBeInstanceOf(HookPeer);
    expect(peer.context).toBe(context);
    expect(context).toEqual({ before: 1, user: "ann" });
    expect(peer.namespace).toBe("/path");
  });

  it("gives the same objects of options again, since each is resolved once", async () => {
    const all = [true, { serverNoContextTakeover: true }, false].map((perMessageDeflate) =>
      decide({ hooks: { upgrade: () => ({ perMessageDeflate }) } }, opening().opening, owner),
    );
    const [yes, also, no] = (await Promise.all(all)).map(
      (decision) => (decision as { options: unknown }).options,
    );
    expect(yes).toEqual({ compression: true });
    expect(also).toBe(yes);
    expect(no).toEqual({ compression: false });
  });

  it("refuses with status, headers and body of a Response, but for headers of the connection", async () => {
    const upgrade = (): Response =>
      new Response("later", {
        status: 429,
        headers: { "Content-Type": "text/plain", "Retry-After": "9", Connection: "close" },
      });
    const refusal = await decide({ hooks: { upgrade } }, opening().opening, owner);
    expect(refusal).toEqual({
      status: 429,
      headers: [
        ["content-type", "text/plain"],
        ["retry-after", "9"],
      ],
      body: new TextEncoder().encode("later"),
    });
  });

  it("refuses with the Response that resolve throws", async () => {
    const resolve = (): never => {
      throw new Response(null, { status: 401 });
    };
    expect(await decide({ resolve }, opening().opening, owner)).toMatchObject({ status: 401 });
  });

  it("rejects with whatever else is thrown", async () => {
    for (const thrown of [new Error("no"), null, "text"]) {
      const upgrade = (): never => {
        throw thrown;
      };
      await expect(decide({ hooks: { upgrade } }, opening().opening, owner)).rejects.toBe(thrown);
    }
  });
});

describe("isResponse()", () => {
  it.each([
    [new Response(), true],
    [{ status: 200, headers: new Headers(), arrayBuffer: () => {} }, true],
    [{ status: 200, headers: new Headers() }, false],
    [{}, false],
    [undefined, false],
    [null, false],
    ["text", false],
  ])("tells by what %s has", (value, expected) => {
    expect(isResponse(value)).toBe(expected);
  });
});
