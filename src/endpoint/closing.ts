/**
 * How a connection ends, as one table: close frames, the ends of the stream, the socket (RFC 6455, 7.1).
 *
 * Theory of operation. The endpoint moves the stage on for frames and failures. The owner of the socket moves it on when bytes
 * have left, time has passed or the socket is gone. Each stage says what is still left to do, so that no other variable is
 * needed.
 *
 * - "open": messages go both ways.
 * - "closeSent": this side has sent its close frame, behind everything that it sent before. It waits for the peer's close frame;
 *   what comes before that is read and dropped.
 * - "answering": the peer's close frame has come, and nothing more is read. Messages that were sent before it still wait, for
 *   example for compression; they leave first, then this side's close frame.
 * - "flushing": nothing more is read. Close frames went both ways, or the connection has failed; what is gathered still leaves.
 * - "finSent": everything has left, and this side has ended its stream. It waits for the end of the peer's stream.
 * - "dropped": the socket was told to close at once, and unsent bytes are lost.
 * - "closed": the socket is gone, and everything that came from it has been read.
 *
 * A deadline runs from "closeSent" on.
 *
 * @module
 */

/** How far the end of a connection has come. */
export type ClosingStage =
  | "open"
  | "closeSent"
  | "answering"
  | "flushing"
  | "finSent"
  | "dropped"
  | "closed";

/**
 * What moves the stage on.
 *
 * - "sendClose": this side sends a close frame that answers none.
 * - "receiveClose": the peer's close frame has come; this side answers it, unless it has sent one before.
 * - "answered": this side's close frame is gathered, behind everything that waited.
 * - "fail": _Fail the WebSocket Connection_ (RFC 6455, 7.1.7). A stream that ends without a close frame is a failure too.
 * - "drained": the transport has taken everything that was gathered.
 * - "deadline": too much time has passed.
 * - "drop": the application does not want to wait.
 * - "socketClosed": the socket is gone, and everything that came from it has been read.
 */
export type ClosingEvent =
  | "sendClose"
  | "receiveClose"
  | "answered"
  | "fail"
  | "drained"
  | "deadline"
  | "drop"
  | "socketClosed";

/** The stage that follows each event; an event that is not named changes nothing. */
export const closingTable: Readonly<
  Record<ClosingStage, Readonly<Partial<Record<ClosingEvent, ClosingStage>>>>
> = {
  open: {
    sendClose: "closeSent",
    receiveClose: "answering",
    fail: "flushing",
    drop: "dropped",
    socketClosed: "closed",
  },
  closeSent: {
    receiveClose: "answering",
    fail: "flushing",
    deadline: "dropped",
    drop: "dropped",
    socketClosed: "closed",
  },
  answering: {
    answered: "flushing",
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

/** Tells whether frames are read: the peer has not closed, and the connection has not failed. */
export function isReadingAt(stage: ClosingStage): stage is "open" | "closeSent" {
  return stage === "open" || stage === "closeSent";
}

/** How far the closing handshake has come, in terms of frames: "closed" stands for every stage after "answering". */
export type ClosingState = "open" | "closeSent" | "answering" | "closed";

/** Gives what a stage means for frames: whether they may be sent, and whether they are read. */
export function closingStateOf(stage: ClosingStage): ClosingState {
  return isReadingAt(stage) || stage === "answering" ? stage : "closed";
}
