/**
 * Remembers which connections of this node are in which topics, and with which key.
 *
 * @module
 */

import { ReturningMap } from "../../returning-map.ts";
import type { PresentConnection } from "./options.ts";

/** The topics and keys of connections, each until the connection ends. */
export class Seats {
  readonly #seats = new Map<PresentConnection, ReturningMap<string, string>>();
  readonly #over: (ws: PresentConnection) => void;

  /** @param over Called once when a connection ends that has been in any topic. */
  constructor(over: (ws: PresentConnection) => void) {
    this.#over = over;
  }

  /** Gives the key of a connection in a topic; undefined if it is not in the topic. */
  get(ws: PresentConnection, topic: string): string | undefined {
    return this.#seats.get(ws)?.get(topic);
  }

  /** A connection enters a topic, or changes its key. */
  set(ws: PresentConnection, topic: string, key: string): void {
    let own = this.#seats.get(ws);
    if (own === undefined) {
      this.#seats.set(ws, (own = new ReturningMap()));
      const over = (): void => {
        this.#over(ws);
        this.#seats.delete(ws);
      };
      ws.closed.then(over, over);
    }
    own.set(topic, key);
  }

  /** A connection leaves a topic. The connection itself is remembered until it ends, so that there is one handler for its end. */
  delete(ws: PresentConnection, topic: string): void {
    this.#seats.get(ws)?.delete(topic);
  }

  /** Gives the topics that a connection is in. */
  of(ws: PresentConnection): string[] {
    return this.#seats.get(ws)?.keys() ?? [];
  }
}
