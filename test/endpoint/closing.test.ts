import { describe, expect, it } from "vitest";
import {
  type ClosingEvent,
  type ClosingStage,
  closingStateOf,
  closingTable,
  nextClosing,
} from "../../src/endpoint/closing.ts";

const stages: ClosingStage[] = [
  "open",
  "closeSent",
  "answering",
  "flushing",
  "finSent",
  "dropped",
  "closed",
];

const events: ClosingEvent[] = [
  "sendClose",
  "receiveClose",
  "answered",
  "fail",
  "drained",
  "deadline",
  "drop",
  "socketClosed",
];

/** What follows each stage, in the order of the events above. */
const followers: Readonly<Record<ClosingStage, readonly ClosingStage[]>> = {
  open: ["closeSent", "answering", "open", "flushing", "open", "open", "dropped", "closed"],
  closeSent: [
    ...(["closeSent", "answering", "closeSent", "flushing"] as const),
    ...(["closeSent", "dropped", "dropped", "closed"] as const),
  ],
  answering: [
    ...(["answering", "answering", "flushing", "flushing"] as const),
    ...(["answering", "dropped", "dropped", "closed"] as const),
  ],
  flushing: [
    ...(["flushing", "flushing", "flushing", "flushing"] as const),
    ...(["finSent", "dropped", "dropped", "closed"] as const),
  ],
  finSent: ["finSent", "finSent", "finSent", "finSent", "finSent", "dropped", "dropped", "closed"],
  dropped: ["dropped", "dropped", "dropped", "dropped", "dropped", "dropped", "dropped", "closed"],
  closed: ["closed", "closed", "closed", "closed", "closed", "closed", "closed", "closed"],
};

const cases = stages.flatMap((stage) =>
  events.map((event, index) => [stage, event, followers[stage][index]!] as const),
);

describe("nextClosing()", () => {
  it.each(cases)("leads from %s by %s to %s", (stage, event, next) => {
    expect(nextClosing(stage, event)).toBe(next);
  });
});

describe("the table of the end", () => {
  it("has no other stage and no other event", () => {
    expect(Object.keys(closingTable)).toEqual(stages);
    for (const stage of stages) {
      for (const event of Object.keys(closingTable[stage])) expect(events).toContain(event);
    }
  });

  it("never leads back: a stage is followed by itself or a later one", () => {
    for (const [stage, event, next] of cases) {
      const steps = stages.indexOf(nextClosing(stage, event)) - stages.indexOf(stage);
      expect(steps, `${stage}, ${event} → ${next}`).toBeGreaterThanOrEqual(0);
    }
  });

  it("leads to closed from every stage once the socket is gone, and from there nowhere", () => {
    for (const stage of stages) expect(nextClosing(stage, "socketClosed")).toBe("closed");
    for (const event of events) expect(nextClosing("closed", event)).toBe("closed");
  });

  it("reaches closed only when the socket is gone", () => {
    for (const [stage, event] of cases) {
      if (stage === "closed" || event === "socketClosed") continue;
      expect(nextClosing(stage, event), `${stage}, ${event}`).not.toBe("closed");
    }
  });

  it("has no endless wait: a deadline, or the application, ends each stage that waits", () => {
    for (const stage of stages) {
      const isOver = stage === "dropped" || stage === "closed";
      if (isOver) continue;
      expect(nextClosing(stage, "drop"), stage).toBe("dropped");
      if (stage !== "open") expect(nextClosing(stage, "deadline"), stage).toBe("dropped");
    }
  });

  it("reads no more once the peer has closed, or the connection has failed", () => {
    for (const event of ["receiveClose", "fail"] as const) {
      for (const stage of stages) {
        const state = closingStateOf(nextClosing(stage, event));
        const isAnswering = event === "receiveClose" && stages.indexOf(stage) <= 2;
        expect(state, `${stage}, ${event}`).toBe(isAnswering ? "answering" : "closed");
      }
    }
  });

  it("ends the stream of this side only behind all that was gathered", () => {
    for (const [stage, event, next] of cases) {
      if (next !== "finSent" || stage === "finSent") continue;
      expect([stage, event]).toEqual(["flushing", "drained"]);
    }
  });
});

describe("closingStateOf()", () => {
  it("says what a stage means for frames", () => {
    expect(stages.map(closingStateOf)).toEqual([
      "open",
      "closeSent",
      "answering",
      "closed",
      "closed",
      "closed",
      "closed",
    ]);
  });
});
