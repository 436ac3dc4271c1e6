import { beforeEach, describe, expect, it } from "vitest";
import { Deadlines } from "../../src/clock.ts";
import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
} from "../../src/connection/backplane/backplane.ts";
import { newDeferred } from "../../src/deferred.ts";
import { BackplaneError } from "../../src/errors.ts";
import { Line } from "../../src/nodes/line.ts";
import { newMember, type TestMember } from "../support/backplane-member.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { macrotask } from "../support/turns.ts";

const signal = new AbortController().signal;

/** A driver that writes down what it is asked for. */
class Driver implements Backplane {
  member!: BackplaneMember;
  readonly lines: string[] = [];
  readonly histories = undefined;
  answers: (what: string) => unknown = () => undefined;
  joining: Promise<void> | undefined;

  join(member: BackplaneMember): BackplaneMembership | Promise<BackplaneMembership> {
    this.member = member;
    const act = (what: string): undefined => {
      this.lines.push(what);
      return this.answers(what) as undefined;
    };
    const membership: BackplaneMembership = {
      publish: (topic, bytes) => act(`publish ${topic} ${bytes.length}`),
      subscribe: (topic) => act(`subscribe ${topic}`),
      unsubscribe: (topic) => act(`unsubscribe ${topic}`),
      history: (topic) => act(`history ${topic}`)!,
      leave: () => act("leave"),
    };
    return this.joining === undefined ? membership : this.joining.then(() => membership);
  }
}

describe("Line", () => {
  let clock: FakeClock;
  let driver: Driver;
  let told: string[];
  let server: TestMember;
  let line: Line;

  beforeEach(() => {
    clock = new FakeClock();
    driver = new Driver();
    told = [];
    server = newMember();
    line = new Line(
      {
        deadlines: new Deadlines(clock),
        take: (topic, bytes) => void told.push(`${topic} ${[...bytes].join(" ")}`),
        changed: (now) => void told.push(now),
        gap: () => void told.push("gap"),
        leaving: () => void told.push("leaving"),
        refused: ({ cause }) => void told.push(String(cause)),
      },
      1000,
    );
  });

  const join = (): BackplaneMembership => line.join(driver, server) as BackplaneMembership;

  it("passes calls between the server and its driver", async () => {
    const membership = join();
    expect([line.state, driver.member.id]).toEqual(["up", server.id]);
    void membership.publish("t", new Uint8Array(3));
    void membership.subscribe("t");
    void membership.unsubscribe("t");
    void membership.history!("t", undefined);
    server.wanted.add("t");
    expect([driver.member.subscribers("t"), line.subscribers("t")]).toEqual([1, 1]);
    driver.member.deliver("t", Uint8Array.of(7));
    driver.member.gap(["t"]);
    driver.member.state("down", new Error("away"));
    driver.member.gap();
    expect(server.lines).toEqual(["t: 7", "gap of t", "down away", "gap"]);
    expect(driver.lines).toEqual(["publish t 3", "subscribe t", "unsubscribe t", "history t"]);
    await membership.leave(signal);
    expect(driver.lines.at(-1)).toBe("leave");
    expect([told, line.state]).toEqual([["up", "down", "gap", "leaving"], "left"]);
  });

  it("keeps reserved topics from the server, and what the server says from them", async () => {
    const membership = join();
    await line.subscribe("$framewire:x");
    driver.lines.length = 0;
    driver.member.deliver("$framewire:x", Uint8Array.of(1));
    driver.member.deliver("$framewire:unknown", Uint8Array.of(2));
    expect(await membership.subscribe("$framewire:x")).toBeUndefined();
    expect(await membership.unsubscribe("$framewire:x")).toBeUndefined();
    expect(() => membership.publish("$framewire:x", Uint8Array.of(3))).toThrow(
      new BackplaneError("REFUSED"),
    );
    driver.member.gap(["$framewire:x"]);
    driver.member.gap(["$framewire:x", "t"]);
    expect([server.lines, driver.lines]).toEqual([["gap of t"], []]);
    expect(told).toEqual(["up", "$framewire:x 1", "gap", "gap"]);
  });

  it("subscribes again with the server's topics when the broker is back, and sends what waited", async () => {
    const membership = join();
    server.wanted.add("t");
    expect(await line.subscribe("$framewire:x")).toBe(true);
    driver.member.state("down");
    driver.member.state("down");
    const carried = line.publish("$framewire:x", new Uint8Array(5));
    driver.lines.length = 0;
    expect([...driver.member.topics()]).toEqual(["t", "$framewire:x"]);
    driver.member.state("up");
    await carried;
    expect(driver.lines).toEqual(["publish $framewire:x 5"]);
    expect(told).toEqual(["up", "down", "up"]);
    line.unsubscribe("$framewire:x");
    clock.advance(5200);
    expect(driver.lines.at(-1)).toBe("unsubscribe $framewire:x");
    void membership.leave(signal);
  });

  it("waits for a driver that joins later, and respects what it reports before", async () => {
    driver.joining = macrotask();
    const joining = line.join(driver, server);
    driver.member.state("down", new Error("early"));
    expect([line.state, line.subscribers("t")]).toEqual(["joining", 0]);
    await joining;
    expect([line.state, told]).toEqual(["down", []]);
    driver.member.state("up");
    expect(told).toEqual(["up"]);
  });

  it("counts no subscribers before it has a server", () => {
    expect([line.subscribers("t"), line.state]).toEqual([0, "joining"]);
  });

  it("reports what the broker refuses, and not that it is away", async () => {
    join();
    driver.answers = () => Promise.reject(new Error("no such right"));
    expect(await line.subscribe("$framewire:x")).toBe(false);
    driver.answers = () => Promise.reject(new BackplaneError("DOWN"));
    expect(await line.subscribe("$framewire:y")).toBe(false);
    expect(told.slice(1)).toEqual(["Error: no such right"]);
  });

  it("rejects in time what nobody answers, and at once what exceeds the limit", async () => {
    join();
    const never = newDeferred<undefined>();
    driver.answers = () => never.promise;
    const published = line.publish("$framewire:x", new Uint8Array(900));
    await expect(line.publish("$framewire:x", new Uint8Array(900))).rejects.toMatchObject({
      code: "QUEUE_FULL",
    });
    const subscribed = line.subscribe("$framewire:x");
    clock.advance(10_200);
    await expect(published).rejects.toMatchObject({ code: "TIMEOUT" });
    expect(await subscribed).toBe(false);
  });

  it("leaves what is under way to the driver, until the driver has left", async () => {
    const membership = join();
    const never = newDeferred<undefined>();
    driver.answers = () => never.promise;
    const published = line.publish("$framewire:x", new Uint8Array(9));
    const left = newDeferred<undefined>();
    driver.answers = () => left.promise;
    void membership.leave(signal);
    driver.member.deliver("$framewire:x", Uint8Array.of(1));
    driver.member.state("down");
    left.resolve(undefined);
    await expect(published).rejects.toMatchObject({ code: "LEFT" });
    await expect(line.publish("$framewire:x", new Uint8Array(1))).rejects.toMatchObject({
      code: "LEFT",
    });
    expect(told).toEqual(["up", "leaving"]);
  });

  it("has no history if the driver has none", () => {
    const bare: Backplane = {
      join: () => ({ publish() {}, subscribe() {}, unsubscribe() {}, leave() {} }),
    };
    const membership = line.join(bare, server) as BackplaneMembership;
    expect(membership.history).toBeUndefined();
    expect(membership.leave(signal)).toBeUndefined();
  });
});
