import { describe, expect, it } from "vitest";
import { nudge } from "../../../adapters/http2/nudge.ts";

/** A session that counts its pings; http2.test.ts shows on each runtime what they are for. */
function newSession() {
  const answers: (() => void)[] = [];
  const session = {
    destroyed: false,
    pings: 0,
    ping(answered: () => void) {
      session.pings++;
      answers.push(answered);
    },
    answer: () => answers.shift()!(),
  };
  return session;
}

describe("nudge()", () => {
  it("has one ping at a time under way on a session", () => {
    const [session, other] = [newSession(), newSession()];
    nudge(session);
    nudge(session);
    nudge(other);
    expect([session.pings, other.pings]).toEqual([1, 1]);
  });

  it("pings once more for all that was kept back meanwhile, and then no more", () => {
    const session = newSession();
    nudge(session);
    nudge(session);
    nudge(session);
    session.answer();
    expect(session.pings).toBe(2);
    session.answer();
    expect(session.pings).toBe(2);
    nudge(session);
    expect(session.pings).toBe(3);
  });

  it("leaves a session alone that is over, and a stream that has none", () => {
    const session = newSession();
    nudge(session);
    nudge(session);
    session.destroyed = true;
    session.answer();
    expect(session.pings).toBe(1);
    nudge(session);
    nudge(undefined);
    expect(session.pings).toBe(1);
  });
});
