/**
 * The errors of nodes, by their codes.
 *
 * @module
 */

/** Why a node gave no answer, or why a call failed. */
export type NodesCode =
  | "GONE"
  | "TIMEOUT"
  | "FAILED"
  | "UNHANDLED"
  | "BUSY"
  | "TOO_LARGE"
  | "UNREACHABLE"
  | "NOT_JOINED"
  | "LEFT"
  | "TOO_MANY_NODES"
  | "TOO_MANY_TOPICS"
  | "TOO_MANY_KEYS";

const failures: Record<NodesCode, string> = {
  GONE: "No node has this id, or it has left; nodes.list() has those that are there",
  TIMEOUT: "Node did not answer in time; the option timeout gives it longer",
  FAILED: "Request handler of the node has thrown; the logs of that node tell what",
  UNHANDLED: "Node has no request handler; give it one in its joinNodes()",
  BUSY: "Too many requests are under way; await some, or raise maxRequests",
  TOO_LARGE: "Message is too large; send less, or raise maxMessageSize on all nodes",
  UNREACHABLE: "Broker did not take the question; the cause tells why",
  NOT_JOINED: "Nodes have no server yet; give them to serve() as its backplane, and await that",
  LEFT: "Server of these nodes is shut down",
  TOO_MANY_NODES: "There are too many nodes, and some are not heard; raise maxNodes on all",
  TOO_MANY_TOPICS: "Too many topics have presence on this node; leave some, or raise maxTopics",
  TOO_MANY_KEYS: "Topic has too many keys on this node; raise maxKeys on all nodes",
};

/** A call of nodes or presence failed. `code` tells why; `cause` holds the error behind it, if there is one. */
export class NodesError extends Error {
  /** The class's own name. */
  override readonly name = "NodesError";
  /** The reason, as a word for programs. */
  readonly code: NodesCode;

  /**
   * Makes the error of a code.
   *
   * @param detail What was given, and what the limit is, for the message.
   * @param options The `cause`.
   */
  constructor(code: NodesCode, detail = "", options?: ErrorOptions) {
    super(detail === "" ? failures[code] : `${failures[code]}: ${detail}`, options);
    this.code = code;
  }
}

/** Gives the error of a code that has come from a node; that of "FAILED" if the code is not known. */
export function errorOf(code: unknown, node: string): NodesError {
  const isKnown = typeof code === "string" && Object.hasOwn(failures, code);
  return new NodesError(isKnown ? (code as NodesCode) : "FAILED", node);
}
