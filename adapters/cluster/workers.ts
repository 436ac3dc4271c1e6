/**
 * A backplane for the workers of one process, by the standard's BroadcastChannel.
 *
 * @module
 */

import { checkOptions, type OptionTable, text } from "../../src/check-options.ts";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";

/** How workers find each other. */
export interface WorkerBackplaneOptions {
  /** The name of the BroadcastChannel. Default: "framewire". */
  readonly name?: string | undefined;
}

const table: OptionTable<WorkerBackplaneOptions> = { name: text };

/** What goes over it. */
interface Broadcast {
  readonly topic: string;
  readonly envelope: Uint8Array;
}

/** What is used of a BroadcastChannel, which the types of Node 20 do not have among the globals. */
interface Channel {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onmessageerror: (() => void) | null;
  postMessage(message: Broadcast): void;
  close(): void;
  /** Not on Deno. */
  unref?(): void;
}

/**
 * Makes a backplane for servers in the workers of one process, its main thread among them.
 *
 * @throws {TypeError} An option is of a wrong type.
 */
export function workerBackplane(options: WorkerBackplaneOptions = {}): Backplane {
  checkOptions(options, table);
  const { name = "framewire" } = options;
  return {
    join(member) {
      const { BroadcastChannel } = globalThis as unknown as {
        BroadcastChannel: new (name: string) => Channel;
      };
      const channel = new BroadcastChannel(name);
      // A process lives for its servers, and not for what joins them.
      channel.unref?.();
      const topics = new Set<string>();
      channel.onmessage = ({ data }) => {
        const { topic, envelope } = (data ?? {}) as Partial<Broadcast>;
        if (topics.has(topic!)) member.deliver(topic!, envelope!);
      };
      channel.onmessageerror = () => {
        member.gap();
      };
      return {
        publish(topic, envelope) {
          channel.postMessage({ topic, envelope });
        },
        // Nobody is told: what others publish comes to all, and is dropped here.
        subscribe: (topic) => void topics.add(topic),
        unsubscribe: (topic) => void topics.delete(topic),
        leave() {
          channel.onmessage = channel.onmessageerror = null;
          channel.close();
        },
      };
    },
  };
}
