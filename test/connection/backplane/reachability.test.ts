import { describe, expect, it } from "vitest";
import { Reachability } from "../../../src/connection/backplane/reachability.ts";
import { BackplaneError } from "../../../src/errors.ts";

const down = (): BackplaneError => new BackplaneError("DOWN");

/** A node's view of its broker, and what is told: "up", "down TIMEOUT". */
function watched() {
  const told: string[] = [];
  const broker = new Reachability((event) => {
    told.push("error" in event ? `${event.type} ${event.error.code}` : event.type);
  });
  return { broker, told };
}

describe("Reachability", () => {
  it("is down until the broker is reached, and tells nothing of that", () => {
    const { broker, told } = watched();
    expect([broker.state, broker.isJoining, broker.hasLeft]).toEqual(["down", true, false]);
    expect(broker.enter()).toEqual({ now: "up", reason: undefined });
    broker.reach();
    broker.tell();
    expect([broker.state, broker.isJoining]).toEqual(["up", false]);
    expect(told).toEqual([]);
  });

  it("keeps the last state that the driver reports before it has joined", () => {
    const { broker } = watched();
    const reason = new Error("no route");
    expect(broker.report("up", undefined)).toBeUndefined();
    expect(broker.report("down", reason)).toBeUndefined();
    expect(broker.enter()).toEqual({ now: "down", reason });
  });

  it("sees a report as a change once, and tells each change once", () => {
    const { broker, told } = watched();
    broker.enter();
    broker.reach();
    expect(broker.report("up", undefined)).toBeUndefined();
    expect(broker.report("down", undefined)).toBe("down");
    broker.lose();
    broker.tell(down());
    broker.tell(down());
    expect(broker.report("down", undefined)).toBeUndefined();
    expect(broker.report("up", undefined)).toBe("up");
    broker.reach();
    broker.tell();
    expect(told).toEqual(["down DOWN", "up"]);
  });

  it("is down while an answer is overdue, and up with the next answer", () => {
    const { broker, told } = watched();
    broker.overdue();
    expect(broker.isSilent).toBe(false);
    broker.enter();
    broker.reach();
    expect(broker.answered()).toBe(false);
    broker.overdue();
    broker.overdue();
    expect([broker.state, broker.isSilent]).toEqual(["down", true]);
    expect(broker.answered()).toBe(true);
    broker.tell();
    expect([broker.state, told]).toEqual(["up", ["down TIMEOUT", "up"]]);
  });

  it("tells nothing after the node has left", () => {
    const { broker, told } = watched();
    broker.enter();
    broker.reach();
    broker.leave();
    broker.tell(down());
    expect([broker.hasLeft, broker.state, told]).toEqual([true, "down", []]);
    expect(broker.report("down", undefined)).toBeUndefined();
  });
});
