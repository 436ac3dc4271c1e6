import { describe, expect, it } from "vitest";
import { Namespaces } from "../../../adapters/crossws/namespaces.ts";
import type { HookPeer } from "../../../adapters/crossws/peer.ts";
import { peerHandlers } from "../../../adapters/crossws/peer-handlers.ts";
import type { Hooks } from "../../../adapters/crossws/types.ts";
import type { Connection } from "../../../src/connection/connection.ts";
import { LimitError, ProtocolError, TimeoutError, TransportError } from "../../../src/errors.ts";

/** What is told of one connection to hooks of both kinds. */
function told(
  common: Hooks | undefined,
  own?: Hooks,
): ReturnType<typeof peerHandlers> & { ws: Connection<HookPeer> } {
  const ws = { context: { hooks: own, namespace: "/" } } as Connection<HookPeer>;
  return { ...peerHandlers(common, new Namespaces()), ws };
}

describe("peerHandlers()", () => {
  it.each([
    ["a network that fails", new TransportError("RESET")],
    ["a peer that answers no ping", new TimeoutError("PONG_TIMEOUT", 1)],
  ])("reports %s by close alone, with 1006", (_, error) => {
    const errors: unknown[] = [];
    const { ws, error: tell } = told({ error: (__, given) => void errors.push(given) });
    expect(tell!(ws, error)).toBeUndefined();
    expect(errors).toEqual([]);
  });

  it("reports errors to either hook", () => {
    const errors: string[] = [];
    const error = new ProtocolError("OPCODE_RESERVED");
    const common = told({ error: () => void errors.push("common") });
    common.error!(common.ws, error);
    const own = told(undefined, { error: () => void errors.push("own") });
    own.error!(own.ws, error);
    expect(errors).toEqual(["common", "own"]);
  });

  it("passes on what the application throws if no hook takes it, and not what a peer does wrong", () => {
    const { ws, error: tell } = told({});
    const thrown = new Error("mine");
    expect(() => tell!(ws, thrown)).toThrow(thrown);
    expect(tell!(ws, new ProtocolError("OPCODE_RESERVED"))).toBeUndefined();
    expect(tell!(ws, new LimitError("MESSAGE_TOO_BIG", 1, 2))).toBeUndefined();
  });

  it("gives the promise of the close hooks, so that a server that ends waits for them", async () => {
    const closure = { status: 1000, reason: "" } as never;
    const first = told({ close: async () => {} });
    await expect(first.close!(first.ws, closure)).resolves.toBeUndefined();
    const both = told({ close: async () => {} }, { close: async () => {} });
    await expect(both.close!(both.ws, closure)).resolves.toHaveLength(2);
    const none = told({ close() {} });
    expect(none.close!(none.ws, closure)).toBeUndefined();
  });

  it("calls the drain hook", () => {
    let drained = 0;
    const { ws, drain } = told({ drain: () => void drained++ });
    drain!(ws);
    expect(drained).toBe(1);
  });
});
