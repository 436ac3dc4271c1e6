/**
 * What went wrong between servers.
 *
 * @module
 */

/** What went wrong between servers. */
export type BackplaneCode =
  | "DOWN"
  | "TIMEOUT"
  | "QUEUE_FULL"
  | "REFUSED"
  | "LEFT"
  | "ENVELOPE_VERSION";

const backplaneFailures: Record<BackplaneCode, string> = {
  DOWN: "Broker cannot be reached",
  TIMEOUT: "Broker did not answer within the timeout of carrying",
  QUEUE_FULL: "More bytes wait for the broker than carrying.maxWaiting allows",
  REFUSED: "Broker refused it",
  LEFT: "Server has left its backplane",
  ENVELOPE_VERSION:
    "Another server publishes envelopes of a version that this one cannot read: use one version of framewire for all",
};

/**
 * A publication or a subscription did not reach the broker, nor the other servers. `cause` is the error of the broker's client.
 */
export class BackplaneError extends Error {
  /** The class's own name. */
  override readonly name = "BackplaneError";
  /** What went wrong. */
  readonly code: BackplaneCode;

  /**
   * Makes the error for a code.
   *
   * @param options The `cause`: the error of the broker's client.
   */
  constructor(code: BackplaneCode, options?: ErrorOptions) {
    super(backplaneFailures[code], options);
    this.code = code;
  }
}
