import { describe, expect, it } from "vitest";
import { type Backplane, localBackplane } from "../../../src/connection/server/backplane.ts";
import { PreparedMessage } from "../../../src/endpoint/prepared.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { latin1 } from "../../../src/bytes.ts";
import { broadcastChannelBackplane } from "../../support/broadcast-channel-backplane.ts";

/** A member that writes down what it is given. */
function joinTo(
  backplane: Backplane,
  lines: string[],
  name: string,
): ReturnType<Backplane["join"]> {
  return backplane.join({
    deliver({ topic, message: { bytes } }) {
      lines.push(`${name} ${topic} ${latin1(bytes, 0, bytes.length)}`);
    },
  });
}

describe("localBackplane()", () => {
  it("gives a publication to all other members at once, in order", () => {
    const backplane = localBackplane();
    const lines: string[] = [];
    const [a] = ["a", "b", "c"].map((name) => joinTo(backplane, lines, name));
    void a!.publish({ topic: "t", message: new PreparedMessage("1") });
    void a!.publish({ topic: "t", message: new PreparedMessage("2") });
    expect(lines).toEqual(["b t 1", "c t 1", "b t 2", "c t 2"]);
  });

  it("gives nothing to a member that has left", () => {
    const backplane = localBackplane();
    const lines: string[] = [];
    const a = joinTo(backplane, lines, "a");
    void joinTo(backplane, lines, "b").leave();
    void a.publish({ topic: "t", message: new PreparedMessage("1") });
    expect(lines).toEqual([]);
  });
});

describe("a backplane over a BroadcastChannel", () => {
  it("carries what is wanted, text as text and binary as binary", async () => {
    const name = "framewire backplane test";
    const seen = newDeferred<void>();
    const lines: string[] = [];
    const b = broadcastChannelBackplane(name).join({
      deliver({ topic, message: { opcode, bytes } }) {
        lines.push(`${topic} ${opcode} ${latin1(bytes, 0, bytes.length)}`);
        if (lines.length === 2) seen.resolve();
      },
    });
    const a = broadcastChannelBackplane(name).join({ deliver() {} });
    b.subscribe?.("news");
    b.subscribe?.("gone");
    b.unsubscribe?.("gone");
    void a.publish({ topic: "gone", message: new PreparedMessage("x") });
    void a.publish({ topic: "other", message: new PreparedMessage("x") });
    void a.publish({ topic: "news", message: new PreparedMessage("text") });
    void a.publish({ topic: "news", message: new PreparedMessage(Uint8Array.of(65)) });
    await seen.promise;
    expect(lines).toEqual(["news 1 text", "news 2 A"]);
    await Promise.all([a.leave(), b.leave()]);
  });
});
