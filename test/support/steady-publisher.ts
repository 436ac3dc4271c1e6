import type { Server } from "../../src/connection/server/serve.ts";

/** What has been published at a steady pace. */
export interface SteadyPublisher {
  /** How many messages until now: "0", "1", and so on. */
  readonly count: number;
  /** Those that the broker has taken. */
  readonly carried: readonly string[];
  /** Publishes no more. */
  stop(): void;
  /** Resolves when all are carried, and rejects where one is not. */
  all(): Promise<unknown>;
}

/** Publishes numbers, one every two milliseconds: so messages are on their way at every moment, whatever becomes of the broker. */
export function publishSteadily(server: Server, topic: string): SteadyPublisher {
  const carried: string[] = [];
  const published: Promise<unknown>[] = [];
  const timer = setInterval(() => {
    const text = `${published.length}`;
    const taken = server.publish(topic, text).carried.then(() => carried.push(text));
    taken.catch(() => {});
    published.push(taken);
  }, 2);
  return {
    carried,
    get count() {
      return published.length;
    },
    stop() {
      clearInterval(timer);
    },
    all: () => Promise.all(published),
  };
}
