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
  GONE: "Node is not known, or has left: nodes.list() tells who is there",
  TIMEOUT: "Node did not answer within the timeout",
  FAILED: "Handler of the other node has thrown: its own logs tell what",
  UNHANDLED: "Other node has no request handler: give it one in joinNodes()",
  BUSY: "More requests are under way than maxRequests",
  TOO_LARGE: "More bytes than the limit",
  UNREACHABLE: "Broker did not take the message",
  NOT_JOINED: "Nodes have no server yet: give them to serve() as its backplane",
  LEFT: "Server is shut down",
  TOO_MANY_NODES: "More nodes than maxNodes: those beyond it are not heard",
  TOO_MANY_TOPICS: "More topics with presence on this node than maxTopics",
  TOO_MANY_KEYS: "More keys in a topic on this node than maxKeys",
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

/** Gives the error of a code that has come from another node; that of "FAILED" if the code is not known. */
export function errorOf(code: unknown): NodesError {
  const isKnown = typeof code === "string" && Object.hasOwn(failures, code);
  return new NodesError(isKnown ? (code as NodesCode) : "FAILED");
}
