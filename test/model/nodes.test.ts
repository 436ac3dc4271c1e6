import { afterEach, describe, expect, it, vi } from "vitest";
import { seededRandom } from "../support/cuts.ts";
import { TestConnection, type TestNode, TestNodes } from "../support/test-nodes.ts";

const topics = ["t", "u"];
const keys = ["ann", "bob", "eve"];

/** Where a connection is: its topics, and the key in each. */
interface Visitor {
  readonly node: TestNode;
  readonly ws: TestConnection;
  readonly places: Map<string, string>;
}

/**
 * A story of nodes that come, die, pause and are cut off, that talk and ask, and watch topics for a while, with connections that enter and
 * leave, over a broker that loses messages and gives some twice.
 */
class Story {
  readonly group = new TestNodes();
  readonly #random: () => number;
  readonly #visitors: Visitor[] = [];
  readonly #paused = new Set<TestNode>();
  readonly #cut = new Set<TestNode>();
  /** Who watches which topics from the beginning to the end; others hear of those that connections of theirs are in. */
  readonly #watched = new Map<TestNode, readonly string[]>();
  /** Who watches which others for a while. */
  readonly #glances = new Map<TestNode, Set<string>>();
  /** Questions that have not settled, and who has asked. */
  readonly #questions = new Map<Promise<unknown>, TestNode>();
  #started = 0;
  #said = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    // Signs of life come a little earlier or later, the same in each run.
    vi.spyOn(Math, "random").mockImplementation(seededRandom(seed));
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  start(): void {
    const node = this.group.add(`${this.#started++}`, { handlers: { request: () => "yes" } });
    const watched = topics.filter(() => this.#random() < 0.6);
    for (const topic of watched) void node.presence.watch(topic);
    this.#watched.set(node, watched);
    this.#glances.set(node, new Set());
  }

  /** Whether a node watches a topic, or hears of it for its own connections alone, or not at all. */
  interest(node: TestNode, topic: string): "watched" | "entered" | "none" {
    if (this.#watched.get(node)!.includes(topic)) return "watched";
    const isIn = this.#visitors.some((each) => each.node === node && each.places.has(topic));
    return isIn || this.#glances.get(node)!.has(topic) ? "entered" : "none";
  }

  /** Who waits for an answer: none of those that live, after quiet. */
  get waiting(): TestNode[] {
    return [...this.#questions.values()].filter((node) => this.group.all.includes(node));
  }

  /** Does one thing that may happen. */
  act(): void {
    const { all, broker } = this.group;
    const node = this.#pick(all.filter((each) => !this.#paused.has(each)));
    const number = this.#random();
    if (node === undefined || (number < 0.03 && all.length < 5)) this.start();
    else if (number < 0.05 && all.length > 1) this.#die(node);
    else if (number < 0.07 && all.length > 1) this.#leave(node);
    else if (number < 0.1) this.#paused.add(node);
    else if (number < 0.14) this.#paused.clear();
    else if (number < 0.18) this.#cutOff(node);
    else if (number < 0.24) this.#mend();
    else if (number < 0.28) broker.loses = () => this.#random() < 0.4;
    else if (number < 0.3) broker.loses = () => false;
    else if (number < 0.32) broker.doubles = () => this.#random() < 0.3;
    else if (number < 0.36) this.#glance(node);
    else if (number < 0.39) void node.nodes.send(`${this.#said++}`);
    else if (number < 0.42) this.#ask(node);
    else if (number < 0.6) this.#enter(node);
    else if (number < 0.7) this.#update();
    else if (number < 0.85) this.#exit();
    else this.#end();
  }

  #gone(node: TestNode): void {
    this.#paused.delete(node);
    this.#cut.delete(node);
    for (const visitor of this.#visitors.filter((each) => each.node === node)) this.#drop(visitor);
  }

  #drop(visitor: Visitor): void {
    this.#visitors.splice(this.#visitors.indexOf(visitor), 1);
  }

  #die(node: TestNode): void {
    this.group.kill(node);
    this.#gone(node);
  }

  #leave(node: TestNode): void {
    for (const visitor of this.#visitors) if (visitor.node === node) visitor.ws.end();
    node.leave();
    this.group.kill(node);
    this.#gone(node);
  }

  #cutOff(node: TestNode): void {
    this.#cut.add(node);
    this.group.broker.cut(node.inner);
  }

  #mend(): void {
    for (const node of this.#cut) this.group.broker.mend(node.inner);
    this.#cut.clear();
  }

  #enter(node: TestNode): void {
    let visitor = this.#pick(this.#visitors.filter((each) => each.node === node));
    if (visitor === undefined || this.#random() < 0.5) {
      visitor = { node, ws: new TestConnection(), places: new Map() };
      this.#visitors.push(visitor);
    }
    const topic = this.#pick(topics)!;
    const key = this.#pick(keys)!;
    const state = this.#random() < 0.5 ? undefined : this.#random();
    void node.presence.enter(visitor.ws, topic, key, state);
    visitor.places.set(topic, key);
  }

  #glance(node: TestNode): void {
    const glances = this.#glances.get(node)!;
    const topic = this.#pick(topics)!;
    if (this.#watched.get(node)!.includes(topic)) return;
    if (glances.delete(topic)) node.presence.unwatch(topic);
    else {
      glances.add(topic);
      void node.presence.watch(topic);
    }
  }

  /** Asks one node, which may be itself, or all, for an answer or for a count. */
  #ask(node: TestNode): void {
    const { nodes, presence } = node;
    const to = this.#random() < 0.3 ? undefined : this.#pick(nodes.list())!.id;
    const timeout = this.#random() * 8000;
    const question = this.#pick<() => Promise<unknown>>([
      () => nodes.request("?", { to, timeout }),
      () => nodes.count("t", { timeout }),
      () => presence.gather("t", { timeout }),
    ])!();
    const settle = (): void => void this.#questions.delete(question);
    this.#questions.set(question, node);
    question.then(settle, settle);
  }

  #update(): void {
    const visitor = this.#pick(this.#visitors.filter(({ node }) => !this.#paused.has(node)));
    visitor?.node.presence.update(visitor.ws, this.#pick(topics)!, this.#random());
  }

  #exit(): void {
    const visitor = this.#pick(this.#visitors.filter(({ node }) => !this.#paused.has(node)));
    const topic = this.#pick(topics)!;
    visitor?.node.presence.leave(visitor.ws, topic);
    visitor?.places.delete(topic);
  }

  #end(): void {
    const visitor = this.#pick(this.#visitors.filter(({ node }) => !this.#paused.has(node)));
    if (visitor === undefined) return;
    visitor.ws.end();
    this.#drop(visitor);
  }

  /** Lets some time pass, in which some of what was said arrives. */
  async go(): Promise<void> {
    for (const node of this.group.all) {
      if (this.#paused.has(node)) continue;
      if (this.#random() < 0.3) node.clock.advance(this.#random() * 6000);
      this.group.broker.deliver(node.inner, Math.floor(this.#random() * 6));
    }
    if (this.#random() < 0.3) await Promise.resolve();
  }

  /** Everything works again, for a while. */
  async quiet(): Promise<void> {
    this.#paused.clear();
    this.group.broker.loses = () => false;
    this.#mend();
    await this.group.settle();
    await this.group.pass(45_000);
  }

  /** Who is in a topic in truth: "key connections". */
  truth(topic: string): string[] {
    const counts = new Map<string, number>();
    for (const { places } of this.#visitors) {
      const key = places.get(topic);
      if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return Array.from(counts, ([key, count]) => `${key} ${count}`).sort();
  }
}

/** Adds or takes out a name, which must not, or must, have been there. */
function toggle(there: Set<string>, name: string, isAdded: boolean, event: string): void {
  expect(there.has(name), event).toBe(!isAdded);
  if (isAdded) there.add(name);
  else there.delete(name);
}

/** Who is in a topic by what was told: each has joined, and has left, in turns. */
function toldBy({ events }: TestNode, topic: string): string[] {
  const there = new Set<string>();
  for (const event of events) {
    const [name, what = ""] = event.split(" ");
    if (name !== topic) continue;
    if (/^[+-]/.test(what)) toggle(there, what.slice(1), what.startsWith("+"), event);
    else expect(there.has(what.split("=")[0]!), event).toBe(true);
  }
  return [...there].sort();
}

/** Which nodes are there by what was told, likewise. */
function knownBy({ events }: TestNode): string[] {
  const there = new Set<string>();
  for (const event of events) {
    const [what, name = ""] = event.split(" ");
    if (what === "joined" || what === "left") toggle(there, name, what === "joined", event);
  }
  return [...there].sort();
}

/** No message was handed over twice, though some came twice. */
function checkMessages({ events }: TestNode): void {
  const heard = events
    .filter((event) => event.startsWith("message"))
    .map((event) => Number(event.split(" ")[1]));
  expect(new Set(heard).size).toBe(heard.length);
}

function checkTopic(story: Story, node: TestNode, topic: string): void {
  const members = node.presence.list(topic);
  const lines = members.map(({ key, connections }) => `${key} ${connections}`).sort();
  const interest = story.interest(node, topic);
  expect(lines).toEqual(interest === "none" ? [] : story.truth(topic));
  if (interest !== "watched") return;
  expect(toldBy(node, topic)).toEqual(members.map(({ key }) => key).sort());
  // All of them see the same states, too.
  const statesOf = ({ presence }: TestNode): unknown[] =>
    presence
      .list(topic)
      .map(({ key, state }) => `${key} ${JSON.stringify(state)}`)
      .sort();
  const others = story.group.all.filter((each) => story.interest(each, topic) !== "none");
  for (const other of others) expect(statesOf(other)).toEqual(statesOf(node));
}

describe("nodes with presence", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const seeds = Array.from({ length: 24 }, (_, index) => index + 1);

  it.each(seeds)("agree with the truth after quiet, whatever happened: story %i", async (seed) => {
    const story = new Story(seed);
    for (let count = 0; count < 3; count++) story.start();
    for (let chapter = 0; chapter < 2; chapter++) {
      for (let step = 0; step < 120; step++) {
        story.act();
        await story.go();
      }
      await story.quiet();
      const { all } = story.group;
      expect(story.waiting.map(({ nodes }) => nodes.id)).toEqual([]);
      const names = all.map(({ nodes }) => nodes.list()[0]!.info as string);
      for (const [at, node] of all.entries()) {
        const others = names.filter((_, index) => index !== at).sort();
        expect(
          node.nodes
            .list()
            .slice(1)
            .map(({ info }) => info)
            .sort(),
        ).toEqual(others);
        expect(knownBy(node)).toEqual(others);
        expect(node.errors).toEqual([]);
        checkMessages(node);
        for (const topic of topics) checkTopic(story, node, topic);
      }
    }
  });
});
