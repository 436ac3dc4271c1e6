import { describe, expect, it } from "vitest";
import { Audience, Subscription } from "../../../src/connection/server/audience.ts";
import { seededRandom } from "../../support/cuts.ts";

describe("Audience", () => {
  it("lists the subscribers in the order in which they came, whoever leaves", () => {
    const random = seededRandom(3);
    const audience = new Audience<number>();
    let model: Subscription<number>[] = [];
    for (let step = 0; step < 4000; step++) {
      const isAdding = model.length === 0 || random() < (step % 1000 < 500 ? 0.8 : 0.2);
      if (isAdding) {
        const subscription = new Subscription(step);
        audience.add(subscription);
        model.push(subscription);
      } else {
        const leaver = model[Math.floor(random() * model.length)]!;
        audience.remove(leaver);
        model = model.filter((subscription) => subscription !== leaver);
      }
      expect(audience.size).toBe(model.length);
      if (step % 50 === 0) {
        expect(audience.receivers()).toEqual(model.map(({ receiver }) => receiver));
      }
    }
  });

  it("removes empty places if most subscribers have left, and those at its end", () => {
    const audience = new Audience<number>();
    const subscriptions = Array.from({ length: 1000 }, (_, i) => new Subscription(i));
    for (const subscription of subscriptions) audience.add(subscription);
    for (const subscription of subscriptions.slice(0, 990)) audience.remove(subscription);
    const last = subscriptions.at(-1)!;
    // Ten are left, and a few empty places.
    expect(last.at).toBeLessThan(10 + 10 + 32 + 1);
    for (let i = 0; i < 100; i++) {
      audience.remove(last);
      audience.add(last);
    }
    expect(last.at).toBeLessThan(10 + 10 + 32 + 1);
    expect(audience.receivers()).toEqual([990, 991, 992, 993, 994, 995, 996, 997, 998, 999]);
  });
});
