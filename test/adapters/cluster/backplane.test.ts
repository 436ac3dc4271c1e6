import process from "node:process";
import { describe, expect, it } from "vitest";
import { clusterBackplane, clusterRelay } from "../../../adapters/cluster/index.ts";
import { newMember } from "../../support/backplane-member.ts";
import { channelPair } from "../../support/channel-pair.ts";

/** Between real processes: test/runtime/cluster.test.ts. */

describe("clusterBackplane()", () => {
  it.each<[object, RegExp]>([
    [{ channel: 5 }, /^channel must be a child process .*: 5 is a number$/],
    [{ chanel: {} }, /^Unknown option chanel: did you mean channel\?$/],
    [{ channel: { on() {}, off() {} } }, /^channel must be .* send\(\), on\(\) and off\(\): /],
  ])("refuses options that are none: %o", (options, message) => {
    expect(() => clusterBackplane(options)).toThrow(TypeError);
    expect(() => clusterBackplane(options)).toThrow(message);
  });

  it("refuses a process that has no channel, and says how it gets one", () => {
    const own = process as { send?: unknown };
    const { send } = own;
    own.send = undefined;
    try {
      expect(() => clusterBackplane()).toThrow(
        /^This process has no channel to a parent: .*fork\(\)/,
      );
    } finally {
      own.send = send;
    }
  });

  it("waits for a parent that makes its relay later", async () => {
    const [parent, channel] = channelPair();
    const early: unknown[] = [];
    parent.on("message", (letter) => early.push(letter));
    const joined = clusterBackplane({ channel }).join(newMember());
    await Promise.resolve();
    parent.removeAllListeners();
    clusterRelay().add(parent);
    for (const letter of early) parent.emit("message", letter);
    await joined;
  });

  it("takes no listener away but its own, and leaves none when the server has left", async () => {
    const [parent, channel] = channelPair();
    clusterRelay().add(parent);
    channel.on("message", () => {});
    const membership = await clusterBackplane({ channel }).join(newMember());
    await membership.leave(new AbortController().signal);
    expect(["message", "disconnect"].map((event) => channel.listenerCount(event))).toEqual([1, 0]);
  });

  it("lets out what was published before it leaves", async () => {
    const relay = clusterRelay();
    const [one, other] = [channelPair(), channelPair()];
    relay.add(one[0]);
    relay.add(other[0]);
    const there = newMember();
    const a = await clusterBackplane({ channel: one[1] }).join(newMember());
    const b = await clusterBackplane({ channel: other[1] }).join(there);
    await b.subscribe("tea");
    void a.publish("tea", Uint8Array.of(1));
    await a.leave(new AbortController().signal);
    expect(there.lines).toEqual(["tea: 1"]);
  });

  it("tells that the channel is closed, refuses what waits, and all that comes", async () => {
    const [parent, channel] = channelPair();
    clusterRelay().add(parent);
    const member = newMember();
    const membership = await clusterBackplane({ channel }).join(member);
    const waiting = membership.publish("tea", Uint8Array.of(1));
    parent.disconnect();
    await expect(waiting).rejects.toMatchObject({ code: "DOWN" });
    await expect(membership.subscribe("tea")).rejects.toMatchObject({ code: "DOWN" });
    expect(member.lines).toEqual(["down The channel to the relay is closed"]);
    await membership.leave(new AbortController().signal);
  });

  it("tells that the channel is closed where only sending shows it", async () => {
    const [parent, channel] = channelPair();
    clusterRelay().add(parent);
    const member = newMember();
    const membership = await clusterBackplane({ channel }).join(member);
    channel.send = (_, done) => {
      done(new Error("EPIPE"));
      return false;
    };
    await expect(membership.publish("tea", Uint8Array.of(1))).rejects.toMatchObject({
      code: "DOWN",
    });
    expect(member.lines).toEqual(["down EPIPE"]);
  });

  it("leaves at once where nobody waits any longer", async () => {
    const [parent, channel] = channelPair();
    clusterRelay().add(parent);
    const membership = await clusterBackplane({ channel }).join(newMember());
    parent.removeAllListeners();
    const patience = new AbortController();
    const waiting = membership.publish("tea", Uint8Array.of(1));
    const left = membership.leave(patience.signal);
    patience.abort();
    await left;
    await expect(waiting).rejects.toMatchObject({ code: "DOWN" });
  });
});
