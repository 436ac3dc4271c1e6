import { EventEmitter } from "node:events";
import type { ClusterChannel } from "../../adapters/cluster/index.ts";

/** One end of a channel between two processes that are one. */
export class ChannelEnd extends EventEmitter implements ClusterChannel {
  connected = true;
  other!: ChannelEnd;
  /** What has been sent from here, as it was given. */
  readonly sent: { readonly framewire?: string; readonly [name: string]: unknown }[] = [];
  readonly #encode: (message: object) => unknown;

  constructor(encode: (message: object) => unknown) {
    super();
    this.#encode = encode;
  }

  send(message: object, done: (error: Error | null) => void): boolean {
    this.sent.push(message as ChannelEnd["sent"][number]);
    const there = this.#encode(message);
    queueMicrotask(() => {
      done(null);
      if (this.connected) this.other.emit("message", there);
    });
    return true;
  }

  /** Closes it, as the end of a process does. */
  disconnect(): void {
    for (const end of [this, this.other]) {
      end.connected = false;
      end.emit("disconnect");
    }
  }
}

/** Makes a channel in memory: of those between real processes is test/runtime/cluster.test.ts. */
export function channelPair(
  serialization: "json" | "advanced" = "advanced",
): [parent: ChannelEnd, child: ChannelEnd] {
  const encode = (message: object): unknown =>
    serialization === "json" ? JSON.parse(JSON.stringify(message)) : structuredClone(message);
  const [parent, child] = [new ChannelEnd(encode), new ChannelEnd(encode)];
  parent.other = child;
  child.other = parent;
  return [parent, child];
}
