import { describe, expect, it } from "vitest";
import { deliver } from "../../../src/connection/server/delivery.ts";
import { PreparedMessage } from "../../../src/endpoint/prepared.ts";
import { Receiver } from "../../support/receiver.ts";

const news = new PreparedMessage("news");

describe("a receiver that does not keep up", () => {
  function slowAndFast(): { slow: Receiver; fast: Receiver } {
    const [slow, fast] = [new Receiver(), new Receiver()];
    slow.outbox.unsent = 101;
    fast.outbox.unsent = 100;
    return { slow, fast };
  }

  it.each([
    ["buffer", { sent: 2, dropped: 0, closed: 0 }, ["news"], 0],
    ["drop", { sent: 1, dropped: 1, closed: 0 }, [], 1],
    ["close", { sent: 1, dropped: 0, closed: 1 }, ["terminated TOO_MUCH_BUFFERED"], 0],
  ] as const)("meets the policy %s", (policy, delivery, lines, dropped) => {
    const { slow, fast } = slowAndFast();
    expect(deliver([slow, fast], news, { slow: policy })).toEqual(delivery);
    expect(deliver([], news, { slow: policy }).sent).toBe(0);
    expect(slow.lines).toEqual(lines);
    expect(slow.outbox.dropped).toBe(dropped);
    expect(fast.lines).toEqual(["news"]);
  });

  it("meets its own policy if a call names none", () => {
    const { slow, fast } = slowAndFast();
    const { slow: other } = slowAndFast();
    slow.delivery = { ...slow.delivery, slow: "drop" };
    expect(deliver([slow, fast, other], news, {})).toEqual({ sent: 2, dropped: 1, closed: 0 });
    expect(slow.lines).toEqual([]);
  });
});

describe("a policy that there is not", () => {
  it.each(["Buffer", "dropp", null, 1])("is refused, and no connection is dropped: %s", (slow) => {
    const receiver = new Receiver();
    receiver.outbox.unsent = 101;
    expect(() => deliver([receiver], news, { slow: slow as never })).toThrow(
      new TypeError(`slow must be one of buffer, drop, close: ${slow}`),
    );
    expect(receiver.lines).toEqual([]);
  });
});

describe("deliver(), for one that is dropped,", () => {
  it("reports the option whose limit was exceeded", () => {
    const slow = new Receiver();
    slow.outbox.unsent = 101;
    let said: unknown;
    slow.terminate = (error) => (said = error);
    deliver([slow], new PreparedMessage("x"), { slow: "close" });
    expect(said).toMatchObject({
      code: "TOO_MUCH_BUFFERED",
      message: "More than highWaterMark: 101 > 100",
    });
  });
});

describe("what became of a message", () => {
  it("does not count connections that are no longer open, which get nothing", () => {
    const [open, closing] = [new Receiver(), new Receiver()];
    closing.state = "closing";
    const delivery = deliver([open, closing], news, {});
    expect([delivery, closing.lines]).toEqual([{ sent: 1, dropped: 0, closed: 0 }, []]);
  });

  it("counts a message that does not fit as its limit decides, and not as sent", () => {
    const [full, ended] = [new Receiver(), new Receiver()];
    full.onSend = () => full.outbox.dropped++;
    ended.onSend = () => (ended.state = "closed");
    expect(deliver([full, ended], news, {})).toEqual({ sent: 0, dropped: 1, closed: 1 });
  });
});
