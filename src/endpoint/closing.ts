/**
 * How a connection ends, as one table: close frames, the ends of the stream, the socket (RFC 6455, 7.1).
 *
 * The endpoint moves it on for frames and failures, and the owner of the socket for what becomes of that. Each stage says what is
 * still to be done, so that nothing else has to be asked.
 *
 * - "open": messages go both ways.
 * - "closeSent": this side has sent its close frame, behind all that it sent before. The peer's is awaited; what comes in
 *   front of it is read and dropped.
 * - "flushing": nothing more is read. Close frames went both ways, or the connection has failed; what is gathered leaves.
 * - "finSent": all has left, and this side has ended its stream. The peer's end is awaited.
 * - "dropped": the socket was told to go, and what was unsent is lost.
 * - "closed": the socket is gone, and all that came from it has been read.
 *
 * From "closeSent" on a deadline runs.
 *
 * @module
 */

/** Where the end of a connection stands. */
export type ClosingStage = "open" | "closeSent" | "flushing" | "finSent" | "dropped" | "closed";

/**
 * What moves it on.
 *
 * - "sendClose": this side sends a close frame of its own accord.
 * - "receiveClose": the peer's close frame has come; it is answered where none was sent.
 * - "fail": _Fail the WebSocket Connection_ (RFC 6455, 7.1.7), which the end of the stream in front of a close frame is too.
 * - "drained": all that was gathered has been taken.
 * - "deadline": too much time has passed.
 * - "drop": the application does not want to wait.
 * - "socketClosed": the socket is gone, and nothing that came from it is left.
 */
export type ClosingEvent =
  "sendClose" | "receiveClose" | "fail" | "drained" | "deadline" | "drop" | "socketClosed";

/** What follows what; an event that is not named changes nothing. */
export const closingTable: Readonly<
  Record<ClosingStage, Readonly<Partial<Record<ClosingEvent, ClosingStage>>>>
> = {
  open: {
    sendClose: "closeSent",
    receiveClose: "flushing",
    fail: "flushing",
    drop: "dropped",
    socketClosed: "closed",
  },
  closeSent: {
    receiveClose: "flushing",
    fail: "flushing",
    deadline: "dropped",
    drop: "dropped",
    socketClosed: "closed",
  },
  flushing: {
    drained: "finSent",
    deadline: "dropped",
    drop: "dropped",
    socketClosed: "closed",
  },
  finSent: { deadline: "dropped", drop: "dropped", socketClosed: "closed" },
  dropped: { socketClosed: "closed" },
  closed: {},
};

/** Gives the stage that follows. */
export function nextClosing(stage: ClosingStage, event: ClosingEvent): ClosingStage {
  return closingTable[stage][event] ?? stage;
}

/** Where the closing handshake stands, as far as frames go: "closed" is all that is behind it. */
export type ClosingState = "open" | "closeSent" | "closed";

/** Gives what a stage means for frames: whether they may be sent, and are read. */
export function closingStateOf(stage: ClosingStage): ClosingState {
  return stage === "open" || stage === "closeSent" ? stage : "closed";
}
