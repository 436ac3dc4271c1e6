/**
 * How publications get from one server to others: of this process, of other processes, of other machines.
 *
 * @module
 */

import type { PreparedMessage } from "../../endpoint/prepared.ts";

/** A message that was published. */
export interface Publication {
  /** The topic's name, as `publish` was given it. */
  readonly topic: string;
  /** The message: `opcode` (OpText or OpBinary) and `bytes` are all that another process needs to make it anew. */
  readonly message: PreparedMessage;
}

/** A server, as a backplane sees it. */
export interface BackplaneMember {
  /** Gives a publication of another member to the subscribers here. Never throws. */
  deliver(publication: Publication): void;
}

/** What a server has of a backplane. */
export interface BackplaneMembership {
  /**
   * Carries a publication to the other members; the publisher's own connections have it already.
   *
   * @returns Nothing, or a promise that settles when it is on its way; where it rejects, so does `publish`.
   */
  publish(publication: Publication): void | Promise<void>;
  /** The topic has got its first subscriber here: from now on its publications are wanted. */
  subscribe?(topic: string): void;
  /** The topic has lost its last subscriber here. */
  unsubscribe?(topic: string): void;
  /** The server is shut down: nothing is delivered any more. */
  leave(): void | Promise<void>;
}

/**
 * Joins servers, so that what is published on one reaches the subscribers of all. What comes from one publisher arrives
 * in its order, as far as the network below keeps it.
 */
export interface Backplane {
  /** Takes a server in, once; what it gives is that server's own. `leave` ends it. */
  join(member: BackplaneMember): BackplaneMembership;
}

/** Makes a backplane for the servers of one process: what joins it shares its topics, and delivery is immediate. */
export function localBackplane(): Backplane {
  const members = new Set<BackplaneMember>();
  return {
    join(member) {
      members.add(member);
      return {
        publish(publication) {
          for (const other of members) {
            if (other !== member) other.deliver(publication);
          }
        },
        leave() {
          members.delete(member);
        },
      };
    },
  };
}
