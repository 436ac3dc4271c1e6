/**
 * A backplane for the workers of one process, over the standard's BroadcastChannel.
 *
 * @module
 */

import { checkOptions, type OptionTable, text } from "../../src/check-options.ts";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";

/** Says how workers find each other. */
export interface WorkerBackplaneOptions {
  /** The name of the BroadcastChannel. Default: "framewire". */
  readonly name?: string | undefined;
}

const table: OptionTable<WorkerBackplaneOptions> = { name: text };

/** A message on the BroadcastChannel. */
interface Broadcast {
  readonly topic: string;
  readonly envelope: Uint8Array;
}

/** The part of a BroadcastChannel that is used. The types of Node 20 do not have it among the globals. */
interface Channel {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onmessageerror: (() => void) | null;
  postMessage(message: Broadcast): void;
  close(): void;
  /** Deno does not have it. */
  unref?(): void;
}

/**
 * Makes a backplane for servers in the workers and the main thread of one process.
 *
 * @throws {TypeError} An option has a wrong type.
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
      // The channel alone must not keep the process running: its servers do that.
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
        // No other worker needs to know: each gets all messages, and drops those of other topics.
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
