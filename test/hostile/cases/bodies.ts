import {
  accepted,
  bytesFrom,
  type Row,
  fails,
  latin1Bytes,
  ping,
  type Plays,
  refused,
  request,
  row,
  only,
  type Piece,
  session,
  text,
} from "../support.ts";

/** Section C of the battery: what follows a request, as its body, as another one, or as frames. */

const badBody = refused(400, "BAD_BODY");
/** Frames behind a good request. */
function fromClient(...pieces: readonly Piece[]): Plays {
  return only("server", session(...pieces));
}

const nested = String.fromCharCode(...request());

/** A request with header lines for a body, and the body. */
function withBody(lines: readonly string[], ...body: readonly Piece[]): Uint8Array {
  return bytesFrom("client", request({ more: lines }), ...body);
}

export const bodyCases: readonly Row[] = [
  row(
    "C-58a",
    "a body of frames",
    withBody([`Content-Length: ${text("Hi").from("client").length}`], text("Hi")),
    badBody,
  ),
  row(
    "C-58b",
    "a body of another request",
    withBody([`Content-Length: ${nested.length}`], latin1Bytes(nested)),
    badBody,
  ),
  ...["-1", "+0", "0, 0", "0x0", "", "1e1", "99999999999999999999"].map((length) =>
    row(
      `C-58 ${JSON.stringify(length)}`,
      "an odd Content-Length",
      withBody([`Content-Length: ${length}`]),
      badBody,
    ),
  ),
  row(
    "C-58c",
    "a second Content-Length",
    withBody(["Content-Length: 0", "Content-Length: 5"]),
    badBody,
  ),
  row(
    "C-58d",
    "a Content-Length of 0",
    withBody(["Content-Length: 0"], text("Hi")),
    accepted({ messages: ["Hi"] }),
  ),
  row(
    "C-59a",
    "chunks",
    withBody(["Transfer-Encoding: chunked"], latin1Bytes("0\r\n\r\n")),
    badBody,
  ),
  row(
    "C-59b",
    "chunks and a length",
    withBody(["Content-Length: 0", "Transfer-Encoding: chunked"], latin1Bytes("0\r\n\r\n")),
    badBody,
  ),
  ...["identity", "xchunked", "", "gzip, chunked"].map((coding) =>
    row(
      `C-59 ${JSON.stringify(coding)}`,
      "another Transfer-Encoding",
      withBody([`Transfer-Encoding: ${coding}`]),
      badBody,
    ),
  ),
  row(
    "C-60a",
    "a wrong version with a good request behind it",
    bytesFrom("client", request({ headers: { "Sec-WebSocket-Version": "8" } }), request()),
    refused(426, "UPGRADE_REQUIRED", {
      "sec-websocket-version": "13",
      connection: "Upgrade, close",
    }),
  ),
  row(
    "C-60b",
    "a bad key with frames behind it",
    bytesFrom("client", request({ headers: { "Sec-WebSocket-Key": "" } }), text("Hi"), ping("a")),
    refused(400, "BAD_SEC_KEY"),
  ),
  row(
    "C-60c",
    "a plain request with a good one behind it",
    bytesFrom("client", request({ headers: { Upgrade: undefined } }), request()),
    refused(426, "BAD_UPGRADE", { connection: "Upgrade, close" }),
  ),
  row(
    "C-60d",
    "a good request with another one behind it",
    bytesFrom("client", request(), request()),
    fails(1002, "OPCODE_RESERVED"),
  ),
  row(
    "C-61a",
    "a frame in the packet of the request",
    fromClient(text("Hi")),
    accepted({ messages: ["Hi"] }),
  ),
  row(
    "C-61b",
    "many frames in the packet of the request",
    fromClient(text("1"), ping("a"), text("2"), ping("b"), text("3")),
    accepted({ messages: ["1", "2", "3"], replies: ['pong "a"', 'pong "b"'] }),
  ),
];
