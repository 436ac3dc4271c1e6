/**
 * What the connections of a server have done in all, those included that are over.
 *
 * @module
 */

import { Traffic } from "../../endpoint/traffic.ts";
import { addTraffic, countersOf, type ServerCounters } from "../counters.ts";

/** A connection that counts. */
export interface CountedConnection {
  readonly endpoint: { readonly received: Traffic; readonly sent: Traffic };
  readonly outbox: { readonly unsent: number; readonly dropped: number };
}

/** Sums over all connections that are over. */
export class Totals {
  /** Connections that were opened. */
  opened = 0;
  /** Handshakes that were refused. */
  refused = 0;
  readonly #received = new Traffic();
  readonly #sent = new Traffic();
  #dropped = 0;

  /** Adds the counters of a connection that is over. */
  add({ endpoint, outbox }: CountedConnection): void {
    addTraffic(this.#received, endpoint.received);
    addTraffic(this.#sent, endpoint.sent);
    this.#dropped += outbox.dropped;
  }

  /** Gives the counters of the server. @param opening Number of handshakes under way. */
  countersOf(connections: Iterable<CountedConnection>, opening: number): ServerCounters {
    const received = new Traffic();
    const sent = new Traffic();
    addTraffic(received, this.#received);
    addTraffic(sent, this.#sent);
    let open = 0;
    let queued = 0;
    let dropped = this.#dropped;
    for (const { endpoint, outbox } of connections) {
      open++;
      addTraffic(received, endpoint.received);
      addTraffic(sent, endpoint.sent);
      queued += outbox.unsent;
      dropped += outbox.dropped;
    }
    return {
      open,
      opening,
      opened: this.opened,
      refused: this.refused,
      received: countersOf(received),
      sent: countersOf(sent),
      queued,
      dropped,
    };
  }
}
