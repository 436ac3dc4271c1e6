import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
} from "../../src/connection/backplane/backplane.ts";
import { newDeferred } from "../../src/deferred.ts";
import { joinNodes, type Nodes } from "../../src/nodes/nodes.ts";
import type { NodesHandlers, NodesOptions } from "../../src/nodes/options.ts";
import type { PresenceOptions, PresentConnection } from "../../src/nodes/presence/options.ts";
import { type Presence, presenceOf } from "../../src/nodes/presence/presence.ts";
import { newMember, type TestMember } from "./backplane-member.ts";
import { FakeClock } from "./fake-clock.ts";
import { LossyBroker } from "./lossy-broker.ts";
import { macrotask } from "./turns.ts";

/** A connection that ends when a test says so. */
export class TestConnection implements PresentConnection {
  state = "open";
  readonly #closed = newDeferred<unknown>();
  readonly closed: Promise<unknown> = this.#closed.promise;

  end(): void {
    this.state = "closed";
    this.#closed.resolve(undefined);
  }
}

/** A node with presence, whose server is a member that writes down what it is told. */
export interface TestNode {
  readonly nodes: Nodes;
  readonly presence: Presence;
  readonly clock: FakeClock;
  /** What the server is on the backplane. */
  readonly member: TestMember;
  /** What it is for the driver. */
  readonly inner: BackplaneMember;
  /** What the server has of the backplane. */
  readonly membership: BackplaneMembership;
  /** "joined info", "left info silent", "state", "message data", and of presence "topic +key", "topic -key", "topic key=state". */
  readonly events: string[];
  readonly errors: unknown[];
  /** Subscribers that it says it has. */
  subscribers: (topic: string) => number;
  leave(): void;
}

/** How a node is made. */
export interface TestNodeOptions extends NodesOptions {
  readonly presence?: PresenceOptions | undefined;
  readonly handlers?: NodesHandlers | undefined;
}

/** Makes a node on a broker that joins at once. @param name What it says of itself. */
export function newTestNode(
  broker: Backplane,
  name: string,
  { presence: limits, handlers: own = {}, ...options }: TestNodeOptions = {},
): TestNode {
  const clock = new FakeClock();
  const events: string[] = [];
  const errors: unknown[] = [];
  let inner: BackplaneMember | undefined;
  const handlers: NodesHandlers = {
    joined: ({ info }) => void events.push(`joined ${String(info)}`),
    left: ({ info }, why) => void events.push(`left ${String(info)} ${why}`),
    state: (now) => void events.push(now),
    message: (data) => void events.push(`message ${String(data)}`),
    ...own,
  };
  const noting: Backplane = {
    join(member) {
      inner = member;
      return broker.join(member);
    },
  };
  const nodes = joinNodes(
    noting,
    { info: name, clock, unhandledErrors: (error) => void errors.push(error), ...options },
    handlers,
  );
  const presence = presenceOf(nodes, limits, {
    joined: (topic, { key }) => void events.push(`${topic} +${key}`),
    left: (topic, { key }) => void events.push(`${topic} -${key}`),
    updated: (topic, { key, state }) =>
      void events.push(`${topic} ${key}=${JSON.stringify(state)}`),
  });
  const member = newMember();
  const node: Pick<TestNode, "subscribers"> = { subscribers: () => 0 };
  const membership = nodes.join({
    ...member,
    subscribers: (topic) => node.subscribers(topic),
  }) as BackplaneMembership;
  return Object.assign(node, {
    nodes,
    presence,
    clock,
    member,
    inner: inner!,
    membership,
    events,
    errors,
    leave: () => void membership.leave(new AbortController().signal),
  });
}

/** Nodes on one lossy broker, whose time goes on together. */
export class TestNodes {
  readonly broker = new LossyBroker();
  readonly all: TestNode[] = [];

  /** Makes one. */
  add(name: string, options?: TestNodeOptions): TestNode {
    const node = newTestNode(this.broker, name, options);
    this.all.push(node);
    return node;
  }

  /** Makes several, which know each other when it resolves. */
  async three(options?: TestNodeOptions): Promise<[TestNode, TestNode, TestNode]> {
    const nodes = ["a", "b", "c"].map((name) => this.add(name, options));
    await this.settle();
    return nodes as [TestNode, TestNode, TestNode];
  }

  /** Delivers until nothing is on its way. */
  async settle(): Promise<void> {
    do await macrotask();
    while (this.broker.deliver() > 0);
  }

  /** Lets time pass for all that live, and delivers on the way. */
  async pass(milliseconds: number, nodes: readonly TestNode[] = this.all): Promise<void> {
    for (let left = milliseconds; left > 0; left -= 500) {
      for (const { clock } of nodes) clock.advance(Math.min(left, 500));
      await this.settle();
    }
  }

  /** One dies: its time stands still, and nothing comes from it. */
  kill(node: TestNode): void {
    this.broker.kill(node.inner);
    this.all.splice(this.all.indexOf(node), 1);
  }
}
