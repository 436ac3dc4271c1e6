import { beforeEach, describe, expect, it } from "vitest";
import { concat, encodeUtf8, latin1 } from "../../../src/bytes.ts";
import { Deadlines } from "../../../src/clock.ts";
import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
} from "../../../src/connection/backplane/backplane.ts";
import { encodeEnvelope } from "../../../src/connection/backplane/envelope.ts";
import type { Position } from "../../../src/connection/backplane/history.ts";
import { localBackplane } from "../../../src/connection/backplane/local.ts";
import { HistoryLog } from "../../../src/connection/backplane/log.ts";
import { BackplaneNode } from "../../../src/connection/backplane/node.ts";
import type { BackplaneEvent, CarryingOptions } from "../../../src/connection/backplane/status.ts";
import type { Data } from "../../../src/connection/data.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { PreparedMessage } from "../../../src/endpoint/prepared.ts";
import { BackplaneError } from "../../../src/errors.ts";
import { OpText } from "../../../src/frame/opcode.ts";
import { FakeBroker } from "../../support/fake-broker.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { Receiver } from "../../support/receiver.ts";
import { macrotask } from "../../support/turns.ts";

interface TestNode {
  readonly node: BackplaneNode;
  /** What came for subscribers, and what was told. */
  readonly lines: string[];
  readonly events: BackplaneEvent[];
  readonly messages: PreparedMessage[];
}

let clock = new FakeClock();

beforeEach(() => {
  clock = new FakeClock();
});

function newNode(
  backplane: Backplane,
  options: CarryingOptions = {},
  receivers: Set<Receiver> = new Set(),
): TestNode {
  const lines: string[] = [];
  const events: BackplaneEvent[] = [];
  const messages: PreparedMessage[] = [];
  const node = new BackplaneNode(options, {
    deadlines: new Deadlines(clock),
    receive(topic, message) {
      messages.push(message);
      lines.push(`${topic} ${latin1(message.bytes, 0, message.size)}`);
    },
    receivers: () => [...receivers],
    isSubscribed: (receiver) => receivers.has(receiver as Receiver),
    stampFailed: (error) => void lines.push(`stamp ${(error as Error).message}`),
    tell(event) {
      events.push(event);
      const what = event.type === "gap" ? `${event.topics ?? "all"} ${event.missing ?? "?"}` : "";
      const why = "error" in event ? (event.error as { code: string }).code : "";
      lines.push([event.type, what, why].filter((word) => word !== "").join(" "));
    },
  });
  node.join(backplane);
  return { node, lines, events, messages };
}

const say = (text: string): PreparedMessage => new PreparedMessage(text);

/** Two nodes that want the topic "t". */
async function twoNodes(
  broker: FakeBroker,
  options: CarryingOptions = {},
): Promise<{ here: TestNode; there: TestNode }> {
  const [here, there] = [newNode(broker, options), newNode(broker, options)];
  for (const { node } of [here, there]) expect(await node.want("t")).toBe(true);
  return { here, there };
}

describe("BackplaneNode", () => {
  it("carries messages as they are: text, bytes, and what must not be compressed", async () => {
    const { here, there } = await twoNodes(new FakeBroker());
    await here.node.publish("t", say("text"), {});
    await here.node.publish("t", new PreparedMessage(Uint8Array.of(0, 255), false), {});
    const [text, bytes] = there.messages;
    expect([text!.opcode, text!.compress, bytes!.opcode, bytes!.compress]).toEqual([
      ...[1, true],
      ...[2, false],
    ]);
    expect([...bytes!.bytes]).toEqual([0, 255]);
  });

  it("drops its own echo, and has an id of its own", async () => {
    const { here, there } = await twoNodes(new FakeBroker());
    await here.node.publish("t", say("hello"), {});
    expect([here.lines, there.lines]).toEqual([[], ["t hello"]]);
    expect(here.node.id).toMatch(/^[0-9a-f]{32}$/);
    expect(here.node.id).not.toBe(there.node.id);
    expect(here.node.counters).toMatchObject({ published: 1, carried: 1, delivered: 0 });
    expect(there.node.counters).toMatchObject({ published: 0, delivered: 1, duplicates: 0 });
  });

  it("tells the driver how many connections are subscribed to a topic", () => {
    const broker = new FakeBroker();
    newNode(broker, {}, new Set([new Receiver(), new Receiver()]));
    expect([...broker.members][0]!.subscribers("t")).toBe(2);
  });

  it("delivers a message that comes twice once, and reports a missing one", async () => {
    const broker = new FakeBroker();
    const { here, there } = await twoNodes(broker);
    broker.onTheWay = (envelope) => [envelope, envelope];
    await here.node.publish("t", say("1"), {});
    broker.onTheWay = () => [];
    for (const text of ["2", "3"]) await here.node.publish("t", say(text), {});
    broker.onTheWay = (envelope) => [envelope];
    await here.node.publish("t", say("4"), {});
    expect(there.lines).toEqual(["t 1", "gap t 2", "t 4"]);
    expect(there.events).toEqual([{ type: "gap", topics: ["t"], missing: 2, node: here.node.id }]);
    expect(there.node.counters).toMatchObject({ delivered: 2, duplicates: 1, gaps: 1 });
  });

  it("drops and counts what is no envelope, and reports another version once", async () => {
    const broker = new FakeBroker();
    const { there } = await twoNodes(broker);
    const next = { node: "0".repeat(16), series: 0, sequence: 1, opcode: OpText, compress: true };
    const poison = encodeEnvelope({ ...next, payload: Uint8Array.of(0xff) });
    const later = encodeEnvelope({ ...next, payload: encodeUtf8("later") });
    later[2] = 2;
    for (const bytes of [encodeUtf8("hi"), poison, later, later, "FW" as never, null as never]) {
      broker.send("t", bytes);
    }
    later[2] = 3;
    broker.send("t", later);
    expect(there.lines).toEqual(["error ENVELOPE_VERSION", "error ENVELOPE_VERSION"]);
    const [event] = there.events as { error: Error }[];
    expect(event!.error.cause).toMatchObject({ message: "Version 2" });
    expect(there.node.counters).toMatchObject({ dropped: 7, delivered: 0 });
    // What is poisoned takes no place: the message that has it is delivered.
    broker.send("t", encodeEnvelope({ ...next, payload: encodeUtf8("fine") }));
    expect(there.lines.at(-1)).toBe("t fine");
  });

  it("copies bytes that the driver only lends", async () => {
    const broker = new FakeBroker();
    const { there } = await twoNodes(broker);
    const payload = Uint8Array.of(1, 2, 3);
    const next = { node: "0".repeat(16), series: 0, sequence: 1, opcode: 2, compress: true };
    const lent = concat([encodeEnvelope({ ...next, payload })]);
    broker.send("t", lent);
    lent.fill(9);
    expect([...there.messages[0]!.bytes]).toEqual([1, 2, 3]);
  });

  it("ignores messages of topics that it does not want", async () => {
    const broker = new FakeBroker();
    const { here, there } = await twoNodes(broker, { linger: 0 });
    const [, member] = broker.members;
    broker.onTheWay = (envelope) => {
      member!.deliver("other", envelope);
      return [];
    };
    await here.node.publish("other", say("1"), {});
    expect(there.lines).toEqual([]);
    there.node.release("t");
    expect(broker.lines.at(-1)).toBe("unsubscribe t");
  });

  it("keeps publications while the broker is away, and nobody gets one twice", async () => {
    const broker = new FakeBroker();
    const { here, there } = await twoNodes(broker);
    await here.node.publish("t", say("1"), {});
    broker.goDown(new Error("connection lost"));
    expect(here.node.state).toBe("down");
    const carried = [here.node.publish("t", say("2"), {}), here.node.publish("t", say("3"), {})];
    expect(here.node.counters.waiting).toBeGreaterThan(0);
    broker.comeUp();
    await Promise.all(carried);
    expect([here.node.state, here.node.counters.waiting]).toEqual(["up", 0]);
    expect(there.lines).toEqual(["t 1", "down DOWN", "up", "gap all ?", "t 2", "t 3"]);
    const [down] = there.events as { error: Error }[];
    expect(down!.error.cause).toMatchObject({ message: "connection lost" });
    expect(there.events[2]).toEqual({
      type: "gap",
      topics: undefined,
      missing: undefined,
      node: undefined,
    });
  });

  it("subscribes to nothing while the broker is away, and to all topics when it is back", async () => {
    const broker = new FakeBroker();
    const { here } = await twoNodes(broker);
    broker.goDown();
    expect(await here.node.want("u")).toBe(false);
    expect(broker.lines.filter((line) => line.endsWith("u"))).toEqual([]);
    broker.comeUp();
    expect(await here.node.want("u")).toBe(true);
  });

  it("is down when the broker does not answer in time, and up again with its next answer", async () => {
    const broker = new FakeBroker();
    const { here } = await twoNodes(broker);
    const gate = newDeferred<void>();
    broker.gate = gate.promise;
    const carried = here.node.publish("t", say("1"), {});
    carried.catch(() => {});
    clock.advance(5000);
    expect([here.node.state, here.node.counters.roundTripTime]).toEqual(["up", undefined]);
    clock.advance(5100);
    expect([here.lines, here.node.state]).toEqual([["down TIMEOUT"], "down"]);
    await expect(carried).rejects.toMatchObject({ code: "TIMEOUT" });
    // Nobody waits for a broker that is known to be silent.
    expect(await here.node.want("u")).toBe(false);
    gate.resolve();
    await macrotask();
    expect([here.lines, here.node.state]).toEqual([["down TIMEOUT", "up"], "up"]);
    expect(here.node.counters).toMatchObject({ failed: 1, carried: 1, roundTripTime: 10_100 });
  });

  it("is down when a subscription is not answered in time", async () => {
    const broker = new FakeBroker();
    const { here } = await twoNodes(broker);
    const gate = newDeferred<void>();
    broker.gate = gate.promise;
    const answer = here.node.want("u");
    clock.advance(10_100);
    expect([await answer, here.lines]).toEqual([false, ["down TIMEOUT"]]);
    broker.goDown();
    gate.resolve();
    broker.comeUp();
    expect(here.lines).toEqual(["down TIMEOUT", "up", "gap all ?"]);
  });

  it("reports gaps that the driver knows of, on some topics or on all", async () => {
    const broker = new FakeBroker();
    const { here, there } = await twoNodes(broker);
    const [, member] = broker.members;
    member!.gap(new Set(["t"]));
    await here.node.publish("t", say("1"), {});
    broker.onTheWay = () => [];
    await here.node.publish("t", say("2"), {});
    broker.onTheWay = (envelope) => [envelope];
    member!.gap();
    await here.node.publish("t", say("3"), {});
    // The second one was told with all others.
    expect(there.lines).toEqual(["gap t ?", "t 1", "gap all ?", "t 3"]);
  });

  it("waits without a limit if the time-out is 0", async () => {
    const broker = new FakeBroker();
    const { node } = newNode(broker, { maxWaiting: 0, timeout: 0 });
    broker.goDown();
    const all = Array.from({ length: 20 }, () => node.publish("t", say("x".repeat(1_000_000)), {}));
    clock.advance(100_000);
    expect(node.counters).toMatchObject({ published: 20, failed: 0 });
    broker.comeUp();
    await Promise.all(all);
  });

  it.each<[string, CarryingOptions, string]>([
    ["maxWaiting", { maxWaiting: NaN }, "RangeError"],
    ["timeout", { timeout: -1 }, "RangeError"],
    ["linger", { linger: NaN }, "RangeError"],
  ])("refuses a bad %s", (name, options, kind) => {
    expect(() => newNode(new FakeBroker(), options)).toThrow(
      expect.objectContaining({
        name: kind,
        message: expect.stringContaining(`carrying.${name}`) as string,
      }) as Error,
    );
  });
});

/** A driver whose memberships are as a test wants them. */
function driver(membership: Partial<BackplaneMembership>): Backplane & { member: BackplaneMember } {
  return {
    member: undefined as never,
    join(member) {
      this.member = member;
      return { publish() {}, subscribe() {}, unsubscribe() {}, leave() {}, ...membership };
    },
  };
}

describe("a BackplaneNode that joins", () => {
  it("has joined at once if the driver needs no time", async () => {
    const { node, lines } = newNode(new FakeBroker());
    expect(node.state).toBe("up");
    await node.joined();
    expect(lines).toEqual([]);
  });

  it("is waited for, and then carries what was published before", async () => {
    const joining = newDeferred<BackplaneMembership>();
    const broker = new FakeBroker();
    let member: BackplaneMember | undefined;
    const { node, lines } = newNode({
      join(given) {
        member = given;
        return joining.promise;
      },
    });
    let isJoined = false;
    const joined = node.joined().then(() => (isJoined = true));
    const carried = node.publish("t", say("early"), {});
    expect(await node.want("t")).toBe(false);
    await macrotask();
    expect([isJoined, node.state]).toEqual([false, "down"]);
    joining.resolve(broker.join(member!));
    await Promise.all([joined, carried]);
    expect([node.state, lines]).toEqual(["up", []]);
    expect(broker.lines).toEqual(["subscribe t", "publish t"]);
  });

  it("goes on without the broker if joining takes too long, and reports that", async () => {
    const joining = newDeferred<BackplaneMembership>();
    const { node, lines } = newNode({ join: () => joining.promise }, { timeout: 1000 });
    const joined = node.joined();
    clock.advance(1100);
    await joined;
    expect([node.state, lines]).toEqual(["down", ["down TIMEOUT"]]);
    joining.resolve({ publish() {}, subscribe() {}, unsubscribe() {}, leave() {} });
    await macrotask();
    expect([node.state, lines]).toEqual(["up", ["down TIMEOUT", "up"]]);
  });

  it.each<[string, () => Promise<never>]>([
    [
      "throws",
      () => {
        throw new Error("wrong password");
      },
    ],
    ["rejects", () => Promise.reject(new Error("wrong password"))],
  ])("reports that the driver %s", async (_, join) => {
    const { node, lines } = newNode({ join });
    await macrotask();
    expect([node.state, lines]).toEqual(["down", ["error REFUSED"]]);
    await expect(node.joined()).rejects.toThrow("wrong password");
  });

  it("tells an error to those who wait for joining, and to nobody else", async () => {
    const { node, lines } = newNode({ join: () => Promise.reject(new Error("wrong password")) });
    await expect(node.joined()).rejects.toThrow("wrong password");
    await macrotask();
    expect([node.state, lines]).toEqual(["down", []]);
  });

  it("reports a failure as an event when nobody waits any more", async () => {
    const joining = newDeferred<BackplaneMembership>();
    const { node, lines } = newNode({ join: () => joining.promise }, { timeout: 1000 });
    const joined = node.joined();
    clock.advance(1100);
    await joined;
    joining.reject(new Error("wrong password"));
    await macrotask();
    expect(lines).toEqual(["down TIMEOUT", "error REFUSED"]);
  });

  it("reports a BackplaneError of the driver as it is", async () => {
    const error = new BackplaneError("DOWN");
    const { events } = newNode({ join: () => Promise.reject(error) });
    await macrotask();
    expect(events).toEqual([{ type: "error", error, topic: undefined }]);
  });

  it("accepts the driver's state before it has joined and after", async () => {
    const backplane: Backplane = {
      join(member) {
        member.state("down", new Error("not yet"));
        return { publish() {}, subscribe() {}, unsubscribe() {}, leave() {} };
      },
    };
    const { lines, node } = newNode(backplane);
    expect([lines, node.state]).toEqual([["down DOWN"], "down"]);
    const later = driver({});
    const other = newNode(later);
    for (const state of ["up", "down", "down", "up", "up"] as const) later.member.state(state);
    expect(other.lines).toEqual(["down DOWN", "up"]);
  });

  it("reports a subscription that is refused, but not one that only waits for the broker", async () => {
    const refusing = newNode(driver({ subscribe: () => Promise.reject(new Error("not yours")) }));
    expect(await refusing.node.want("t")).toBe(false);
    expect(refusing.events).toMatchObject([
      { type: "error", topic: "t", error: { code: "REFUSED", cause: { message: "not yours" } } },
    ]);
    const away = newNode(driver({ subscribe: () => Promise.reject(new BackplaneError("DOWN")) }));
    expect(await away.node.want("t")).toBe(false);
    expect(away.events).toEqual([]);
  });
});

describe("a BackplaneNode that leaves", () => {
  it("ignores messages, rejects what waits, and reports nothing any more", async () => {
    const broker = new FakeBroker();
    const { here } = await twoNodes(broker);
    const [member] = broker.members;
    broker.goDown();
    const waiting = here.node.publish("t", say("1"), {});
    here.lines.length = 0;
    await here.node.leave(1000);
    await expect(waiting).rejects.toMatchObject({ code: "LEFT" });
    await expect(here.node.publish("t", say("2"), {})).rejects.toMatchObject({ code: "LEFT" });
    member!.state("up");
    member!.gap();
    member!.deliver("t", encodeUtf8("late"));
    expect([here.lines, here.node.state, clock.running]).toEqual([[], "down", 0]);
  });

  it("lets the driver finish what is under way, in the time that it has", async () => {
    const broker = new FakeBroker();
    const { here, there } = await twoNodes(broker);
    const gate = newDeferred<void>();
    broker.gate = gate.promise;
    const [early, late] = [
      here.node.publish("t", say("1"), {}),
      there.node.publish("t", say("2"), {}),
    ];
    const leaving = [here.node.leave(1000), there.node.leave(10)];
    clock.advance(200);
    await leaving[1];
    await expect(late).rejects.toMatchObject({ code: "LEFT" });
    gate.resolve();
    await Promise.all([early, leaving[0]]);
  });

  it("rejects with the driver's error, and is done at once if the driver needs no time", async () => {
    const failing = newNode(driver({ leave: () => Promise.reject(new Error("no")) }));
    await expect(failing.node.leave(1000)).rejects.toThrow("no");
    await newNode(driver({})).node.leave(1000);
  });

  it("leaves as soon as it has joined, if it joins later", async () => {
    const lines: string[] = [];
    const joining = newDeferred<BackplaneMembership>();
    const { node } = newNode({ join: () => joining.promise });
    await node.leave(1000);
    const membership = { publish() {}, subscribe() {}, unsubscribe() {} };
    const leave = (): Promise<void> => {
      lines.push("leave");
      return Promise.reject(new Error("no"));
    };
    joining.resolve({ ...membership, leave });
    await macrotask();
    expect(lines).toEqual(["leave"]);
  });
});

describe("a node whose backplane has a history", () => {
  interface Stage {
    readonly backplane: Backplane;
    readonly members: BackplaneMember[];
    /** Whether what is published gets lost on its way. */
    isAway: boolean;
  }

  /** A backplane of one process, which a test can take away. */
  function newBackplane(keeps?: (topic: string) => boolean): Stage {
    const { join, ...local } = localBackplane({ history: 10, keeps });
    const members: BackplaneMember[] = [];
    const stage: Stage = {
      members,
      isAway: false,
      backplane: {
        ...local,
        join(member) {
          members.push(member);
          const deliver: BackplaneMember["deliver"] = (...message) => {
            if (!stage.isAway) member.deliver(...message);
          };
          return join({ ...member, deliver });
        },
      },
    };
    return stage;
  }

  const heard = Promise.resolve(true);
  const start: Position = { epoch: "", offset: "0" };

  it("delivers its own publications to its subscribers in the order of the history", async () => {
    const { backplane } = newBackplane();
    const [a, b] = [new Receiver(), new Receiver()];
    const here = newNode(backplane, {}, new Set([a]));
    const there = newNode(backplane, {}, new Set([b]));
    for (const { node } of [here, there]) expect(await node.want("t")).toBe(true);
    expect(here.node.keeps("t")).toBe(true);
    expect(await here.node.publish("t", say("1"), {})).toMatchObject({ offset: "1" });
    await there.node.publish("t", say("2"), { except: b });
    expect([a.lines, b.lines]).toEqual([["1", "2"], ["1"]]);
    expect(here.node.counters).toMatchObject({ published: 1, carried: 1, delivered: 1 });
  });

  it("gives a connection what it has missed, and says if there is no history", async () => {
    const { backplane } = newBackplane((topic) => topic === "t");
    const a = new Receiver();
    const { node } = newNode(backplane, {}, new Set([a]));
    for (const topic of ["t", "u"]) {
      await node.want(topic);
      await node.publish(topic, say("1"), { except: a });
    }
    expect([node.keeps("t"), node.keeps("u")]).toEqual([true, false]);
    expect(await node.replay(a, "t", start, heard)).toMatchObject({ complete: false, replayed: 1 });
    const none = { replayed: 0, position: undefined };
    expect(await node.replay(a, "u", start, heard)).toEqual({ ...none, complete: false });
    expect(await node.replay(a, "u", undefined, heard)).toEqual({ ...none, complete: true });
    const unheard = Promise.resolve(false);
    expect(await node.replay(a, "u", undefined, unheard)).toEqual({ ...none, complete: false });
    expect(a.lines).toEqual(["1"]);
  });

  it.each([
    ["says that something may be lost", true],
    ["does not", false],
  ])(
    "reads from it what was published while the broker was away, if the driver %s",
    async (_, says) => {
      const stage = newBackplane();
      const { backplane, members } = stage;
      const a = new Receiver();
      const here = newNode(backplane, {}, new Set([a]));
      const there = newNode(backplane);
      await here.node.want("t");
      members[0]!.state("down");
      stage.isAway = true;
      await there.node.publish("t", say("1"), {});
      expect(await here.node.want("t")).toBe(false);
      stage.isAway = false;
      members[0]!.state("up");
      if (says) members[0]!.gap();
      await macrotask();
      expect(a.lines).toEqual(["1"]);
      expect(here.lines).toEqual(["down DOWN", "up"]);
    },
  );

  it("reports a gap only for topics without a history", async () => {
    const { backplane, members } = newBackplane((topic) => topic === "t");
    const { node, lines } = newNode(backplane);
    for (const topic of ["t", "u", "v"]) await node.want(topic);
    members[0]!.gap();
    members[0]!.gap(["t"]);
    members[0]!.gap(["v"]);
    expect(lines).toEqual(["gap u,v ?", "gap v ?"]);
  });

  it("counts dropped, repeated and missing messages, and reports what stamp throws", async () => {
    const { backplane, members } = newBackplane();
    const stamp = (data: Data): string => {
      if (data === "bad") throw new Error("cannot");
      return String(data);
    };
    const { node, lines } = newNode(backplane, { stamp }, new Set([new Receiver()]));
    await node.want("t");
    const next = { node: "0".repeat(16), series: 0, opcode: OpText, compress: true };
    const give = (offset: string, text: string, sequence: number, previous?: string): void => {
      const envelope = encodeEnvelope({ ...next, sequence, payload: encodeUtf8(text) });
      const { epoch } = position!;
      members[0]!.deliver("t", envelope, { epoch, offset }, previous);
    };
    const position = await node.publish("t", say("1"), {});
    give("2", "bad", 1);
    give("3", "good", 2);
    give("4", "again", 2);
    members[0]!.deliver("t", Uint8Array.of(1), position, undefined);
    give("9", "far", 3, "8");
    await macrotask();
    // The second duplicate is what the broker has kept: it is behind what came, and begins anew.
    expect(node.counters).toMatchObject({ delivered: 1, dropped: 2, duplicates: 2, gaps: 1 });
    expect(lines).toEqual(["stamp cannot", "gap t ?"]);
  });

  it("forgets a topic without subscribers, and all of them when it leaves", async () => {
    const { backplane } = newBackplane();
    const a = new Receiver();
    const { node } = newNode(backplane, { linger: 100 }, new Set([a]));
    await node.want("t");
    node.release("t");
    clock.advance(200);
    await node.publish("t", say("1"), {});
    expect(await node.want("t")).toBe(true);
    await node.publish("t", say("2"), {});
    expect(a.lines).toEqual(["2"]);
    await node.leave(100);
    await expect(node.publish("t", say("3"), {})).rejects.toMatchObject({ code: "LEFT" });
    expect(a.lines).toEqual(["2"]);
  });

  it("goes on as soon as a silent broker answers", async () => {
    const broker = new FakeBroker();
    const { histories, history } = {
      ...localBackplane({ history: 1 }),
      history: new HistoryLog("e", 9, 1000),
    };
    const a = new Receiver();
    const gate = newDeferred<void>();
    const { node, lines } = newNode(
      {
        histories,
        join(member) {
          const membership = broker.join(member);
          return { ...membership, history: (_, since) => history.read(since) };
        },
      },
      { timeout: 1000 },
      new Set([a]),
    );
    broker.gate = gate.promise;
    const wanted = node.want("t");
    clock.advance(1100);
    expect([await wanted, lines]).toEqual([false, ["down TIMEOUT"]]);
    history.add(new Uint8Array(1));
    gate.resolve();
    await macrotask();
    expect(lines).toEqual(["down TIMEOUT", "up"]);
    expect(await node.replay(a, "t", undefined, heard)).toMatchObject({
      complete: true,
      position: { epoch: "e", offset: "1" },
    });
  });
});
