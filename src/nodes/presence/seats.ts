/**
 * Which connections of this node are in which topics, and by which key.
 *
 * @module
 */

import { ReturningMap } from "../../returning-map.ts";
import type { PresentConnection } from "./options.ts";

/** Remembers it until each connection is over. */
export class Seats {
  readonly #seats = new Map<PresentConnection, ReturningMap<string, string>>();
  readonly #over: (ws: PresentConnection) => void;

  /** @param over A connection that is in any topic is over. */
  constructor(over: (ws: PresentConnection) => void) {
    this.#over = over;
  }

  /** The key by which a connection is in a topic; undefined where it is not. */
  get(ws: PresentConnection, topic: string): string | undefined {
    return this.#seats.get(ws)?.get(topic);
  }

  /** A connection enters a topic. */
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

  /** A connection leaves a topic. It is remembered until its end, of which it tells once. */
  delete(ws: PresentConnection, topic: string): void {
    this.#seats.get(ws)?.delete(topic);
  }

  /** The topics that a connection is in. */
  of(ws: PresentConnection): string[] {
    return this.#seats.get(ws)?.keys() ?? [];
  }
}
