/**
 * A backplane for the children of one parent. The parent's relay carries publications over its channels to the children.
 *
 * Theory of operation. Each request to the relay is a letter with a number. The relay handles letters in order, and its answer
 * "done" has the number of the last one that it has handled: that settles all requests up to there. If the channel closes, the
 * server is "down" and stays so, since a lost parent does not come back.
 *
 * @module
 */

import process from "node:process";
import { checkOptions, having, type OptionTable } from "../../src/check-options.ts";
import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
} from "../../src/connection/backplane/backplane.ts";
import { type Deferred, newDeferred, rejected } from "../../src/deferred.ts";
import { BackplaneError } from "../../src/errors.ts";
import { Fifo } from "../../src/fifo.ts";
import type { RuntimeSignal } from "../../src/transport.ts";
import {
  type ClusterChannel,
  isLetter,
  type RelayLetter,
  type ServerLetter,
  toBytes,
  toCarry,
} from "./letters.ts";

/** Says how a child reaches its relay. */
export interface ClusterBackplaneOptions {
  /** The channel to the process with the relay. Default: `process`, the channel to the parent. */
  readonly channel?: ClusterChannel | undefined;
}

const table: OptionTable<ClusterBackplaneOptions> = {
  channel: /* @__PURE__ */ having(
    "a child process with an IPC channel, or another object with send(), on() and off()",
    ...["send", "on", "off"],
  ),
};

/**
 * Makes the backplane of a child whose parent has a `clusterRelay`.
 *
 * @throws {TypeError} An option has a wrong type, or this process has no channel to a parent.
 */
export function clusterBackplane(options: ClusterBackplaneOptions = {}): Backplane {
  checkOptions(options, table);
  const { channel = process } = options;
  if (typeof channel.send !== "function") {
    throw new TypeError(
      'This process has no channel to a parent: start it by cluster.fork(), by fork(), or by spawn() with "ipc" in stdio; workers of one process have workerBackplane()',
    );
  }
  return {
    async join(member) {
      const membership = new ClusterMembership(channel, member);
      await membership.open();
      return membership;
    },
  };
}

/** One server in a child. */
class ClusterMembership implements BackplaneMembership {
  readonly #channel: ClusterChannel;
  readonly #member: BackplaneMember;
  /** Whether the channel carries bytes unchanged. */
  #asBytes = false;
  /** "joining"; "joined"; "lost": the channel is closed, and stays closed; "left". */
  #state: "joining" | "joined" | "lost" | "left" = "joining";
  readonly #joined = newDeferred<void>();
  /** Requests that wait for the relay's answer, in the order of their numbers. The last one has the number `#lastCall`. */
  readonly #calls = new Fifo<Deferred<void>>();
  #lastCall = 0;

  constructor(channel: ClusterChannel, member: BackplaneMember) {
    this.#channel = channel;
    this.#member = member;
  }

  /** Registers this server at the relay. Resolves when the relay has answered. */
  async open(): Promise<void> {
    this.#channel.on("message", this.#onMessage);
    this.#channel.on("disconnect", this.#onDisconnect);
    this.#send({ framewire: "join", node: this.#member.id, probe: Uint8Array.of(1) });
    await this.#joined.promise;
  }

  publish(topic: string, envelope: Uint8Array): Promise<void> {
    const call = ++this.#lastCall;
    const carried = toCarry(envelope, this.#asBytes);
    return this.#ask({
      framewire: "publish",
      node: this.#member.id,
      call,
      topic,
      envelope: carried,
    });
  }

  subscribe(topic: string): Promise<void> {
    const call = ++this.#lastCall;
    return this.#ask({ framewire: "subscribe", node: this.#member.id, call, topic });
  }

  unsubscribe(topic: string): Promise<void> {
    const call = ++this.#lastCall;
    return this.#ask({ framewire: "unsubscribe", node: this.#member.id, call, topic });
  }

  async leave(signal: RuntimeSignal): Promise<void> {
    if (this.#state === "joined") {
      const call = ++this.#lastCall;
      const over = newDeferred<void>();
      signal.addEventListener("abort", () => {
        over.resolve();
      });
      const left = this.#ask({ framewire: "leave", node: this.#member.id, call });
      await Promise.race([Promise.allSettled([left]), over.promise]);
    }
    this.#end("left");
  }

  /** Sends a letter that the relay answers, after the answers to all earlier ones. */
  #ask(letter: ServerLetter): Promise<void> {
    if (this.#state !== "joined") return rejected(new BackplaneError("DOWN"));
    const answer = newDeferred<void>();
    this.#calls.push(answer);
    this.#send(letter);
    return answer.promise;
  }

  #send(letter: ServerLetter): void {
    if (this.#channel.connected === false) {
      this.#onDisconnect();
      return;
    }
    this.#channel.send!(letter, (error) => {
      if (error !== null && error !== undefined) this.#lose(error);
    });
  }

  readonly #onMessage = (message: unknown): void => {
    if (!isLetter(message) || message.node !== this.#member.id) return;
    const letter = message as RelayLetter;
    switch (letter.framewire) {
      case "joined":
        this.#asBytes = letter.bytes;
        if (this.#state !== "joining") return;
        this.#state = "joined";
        this.#joined.resolve();
        break;
      case "done":
        // The number of the first request that waits is `#lastCall` less the number of requests behind it.
        while (this.#calls.length > this.#lastCall - letter.call) this.#calls.shift()!.resolve();
        break;
      case "message":
        this.#member.deliver(letter.topic, toBytes(letter.envelope));
        break;
      case "gap":
        this.#member.gap(letter.topics);
        break;
    }
  };

  readonly #onDisconnect = (): void => {
    this.#lose(new Error("The channel to the relay is closed"));
  };

  /** The relay is gone. It does not come back, since it was in the parent. */
  #lose(error: Error): void {
    const before = this.#state;
    if (before === "lost" || before === "left") return;
    this.#end("lost");
    if (before === "joined") this.#member.state("down", error);
    else this.#joined.reject(error);
  }

  #end(state: "lost" | "left"): void {
    this.#state = state;
    this.#channel.off("message", this.#onMessage);
    this.#channel.off("disconnect", this.#onDisconnect);
    const gone = new BackplaneError("DOWN");
    for (let call = this.#calls.shift(); call !== undefined; call = this.#calls.shift()) {
      call.reject(gone);
    }
  }
}
