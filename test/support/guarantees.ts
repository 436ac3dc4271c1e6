import { expect } from "vitest";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import { encodeEnvelope } from "../../src/connection/backplane/envelope.ts";
import { OpText } from "../../src/frame/opcode.ts";
import { newMember } from "./backplane-member.ts";
import { type Node, type Nodes, nodesAt } from "./backplane-suite.ts";
import { CutProxy } from "./cut-proxy.ts";
import { nameOf } from "./server.ts";

/** A driver that is to be looked at. */
export interface Subject {
  /** Makes a backplane, of a driver with a broker by the port of that, which may be a proxy's. */
  newBackplane(port: number): Backplane | Promise<Backplane>;
  /** The broker's, of drivers whose connections can be cut; 0 of others. */
  readonly port: number;
  /** Lets the broker stand still, and go on; absent where there is none. */
  readonly stop?: { pause(): void; resume(): void };
}

/** What was seen: words for the table in docs/scaling.md, by the name of its row. */
export type Guarantees = Record<string, string>;

/** Sees what a driver does. What is seen differs between drivers, and not between runs of one. */
export async function seeGuarantees(subject: Subject): Promise<Guarantees> {
  const { newBackplane, port, stop } = subject;
  const seen: Guarantees = {};
  const nodes = nodesAt(() => newBackplane(port));
  try {
    Object.assign(seen, await seeOrder(nodes));
    Object.assign(seen, await seeHistory(nodes));
    seen["a message that a driver gives twice"] = await seeTwice(nodes, await newBackplane(port));
    Object.assign(seen, await seeCarried(nodes, stop));
    if (port > 0) Object.assign(seen, await seeCuts(nodes, subject));
  } finally {
    await nodes.stop();
  }
  return seen;
}

/** All publish at the same time, to subscribers of all. */
async function seeOrder({ three }: Nodes): Promise<Guarantees> {
  const nodes = await three();
  const listeners = await Promise.all(nodes.map((node) => node.listen("order")));
  const turns = 20;
  let delivered = 0;
  for (let turn = 0; turn < turns; turn++) {
    for (const [at, { server }] of nodes.entries()) {
      delivered += server.publish("order", `${at} ${turn}`).sent;
    }
  }
  for (const { heard } of listeners) {
    await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(3 * turns);
    for (const at of [0, 1, 2]) {
      const own = heard.filter((data) => String(data).startsWith(`${at} `));
      expect(own).toEqual(Array.from({ length: turns }, (_, turn) => `${at} ${turn}`));
    }
  }
  const [first, ...others] = listeners.map(({ heard }) => heard.join());
  const isOne = others.every((other) => other === first);
  return {
    "order of messages": isOne ? "one for all" : "that of each publisher",
    "subscribers of the publisher's server have it":
      delivered === 3 * turns ? "at once" : "when it has its place in the history",
  };
}

/** A connection says where it was. */
async function seeHistory({ start }: Nodes): Promise<Guarantees> {
  const { server, listen } = await start();
  const since = await server.publish("history", "1").carried;
  await server.publish("history", "2").carried;
  await listen("other");
  const [ws] = server.connections;
  const { complete, replayed } = await ws!.subscribe("history", { since });
  return { history: since !== undefined && complete && replayed === 1 ? "yes" : "none" };
}

/** One envelope goes to the broker twice, as it does where its answer was lost. */
async function seeTwice({ start }: Nodes, backplane: Backplane): Promise<string> {
  const { server, listen } = await start();
  const { heard } = await listen("twice");
  const membership = await backplane.join(newMember());
  const give = (sequence: number, text: string): unknown =>
    membership.publish(
      "twice",
      encodeEnvelope({
        ...{ node: "n".repeat(16), opcode: OpText, compress: true, series: 1, sequence },
        payload: new TextEncoder().encode(text),
      }),
    );
  await give(1, "hot");
  await give(1, "hot");
  await give(2, "the end");
  await expect.poll(() => heard.at(-1)).toBe("the end");
  await membership.leave(new AbortController().signal);
  if (heard.length > 2) return "is delivered twice";
  return server.backplane!.counters.duplicates > 0
    ? "arrives twice, and is delivered once"
    : "is kept once";
}

/** Who is asked stands still, where anybody is. */
async function seeCarried({ start }: Nodes, stop: Subject["stop"]): Promise<Guarantees> {
  const { server } = await start({ timeout: 200 });
  stop?.pause();
  try {
    const end = await server.publish("carried", "x").carried.then(() => "at once", nameOf);
    if (end === "at once") return { "`carried` resolves": end };
    return {
      "`carried` resolves": "when the broker has it",
      "of a message that waits too long": `\`carried\` rejects, \`${end}\``,
    };
  } finally {
    stop?.resume();
  }
}

/** Servers lose their connections with the broker. */
async function seeCuts({ start }: Nodes, { newBackplane, port }: Subject): Promise<Guarantees> {
  const proxy = await CutProxy.start(port);
  const behind = nodesAt(() => newBackplane(proxy.port));
  const state = (node: Node, wanted: string): Promise<void> =>
    expect
      .poll(() => node.server.backplane!.state, { timeout: 10_000 })
      .toBe(wanted) as Promise<void>;
  try {
    const [a, b] = await Promise.all([start(), behind.start()]);
    const [here, there] = await Promise.all([a.listen("tea"), b.listen("tea")]);
    proxy.cut();
    await state(b, "down");
    await a.server.publish("tea", "1").carried;
    const { carried } = b.server.publish("tea", "2");
    const late = await behind.start();
    const early = late.events.join();
    proxy.mend();
    await Promise.all([state(b, "up"), state(late, "up"), carried]);
    await a.server.publish("tea", "3").carried;
    await expect.poll(() => there.heard.at(-1)).toBe("3");
    await expect.poll(() => here.heard.at(-1)).toBe("3");
    const hasMissed = !there.heard.includes("1");
    return {
      delivery: hasMissed ? "at most once" : "once, as long as it is kept",
      "what others publish while a server is cut off": hasMissed
        ? "is lost for it"
        : "comes when it is back",
      "it is told of that": b.events.includes("gap") ? "“gap”" : "not: nothing is lost",
      "what it publishes itself meanwhile": here.heard.includes("2")
        ? "is carried when it is back"
        : "is lost",
      "a server that starts while the broker is away":
        early === "down DOWN" ? "starts “down”, and joins later" : early,
    };
  } finally {
    await behind.stop();
    proxy.close();
  }
}
