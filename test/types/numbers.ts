/** Opcodes, states and status codes are numbers that do not mix. Compiled with no runtime's types; never run. */
import {
  checkCloseFrameData,
  checkHeader,
  type Header,
  isControl,
  isState,
  newFrame,
  newCloseFrameBody,
  newHeader,
  OpBinary,
  type Opcode,
  OpText,
  type State,
  StateClientSide,
  StateExtended,
  StateServerSide,
  type StatusCode,
  StatusGoingAway,
  StatusNormalClosure,
} from "../../src/frame/index.ts";
import { type ByteStream, Reader, writeMessage, Writer } from "../../src/stream/index.ts";

declare const stream: ByteStream;
declare const header: Header;
declare const bytes: Uint8Array;
declare const decoded: number;

/** Any number may be one: what was decoded, a literal, a combination of bits. */
export const opcodes: Opcode[] = [OpText, 0x3, decoded, decoded & 0xf, header.opcode];
export const states: State[] = [StateServerSide, 0, decoded, StateServerSide | StateExtended];
export const statuses: StatusCode[] = [StatusNormalClosure, 4000, decoded];
/** And is a number. */
export const numbers: number[] = [OpText, StateServerSide, OpText | 0x80, StatusNormalClosure];
export const isNormal: boolean = decoded === StatusNormalClosure || decoded === 1001;
export function reasonOf(status: StatusCode): string {
  switch (status) {
    case StatusNormalClosure:
      return "done";
    case StatusGoingAway:
      return "gone";
    default:
      return "";
  }
}
/** What is made by `|` is a number of no kind, unless its kind is written down. */
export const both: State = StateServerSide | StateExtended;
export const isText: boolean = header.opcode === OpText || header.opcode === 0x1;
export const values = [
  newHeader(OpText),
  newFrame(decoded, true, bytes),
  isControl(decoded),
  isState(StateServerSide | StateExtended, StateExtended),
  new Writer(stream, StateClientSide, OpBinary),
  new Reader(stream, StateServerSide | StateExtended),
  writeMessage(stream, StateServerSide, OpText, bytes),
];
checkHeader(header, StateServerSide);

// @ts-expect-error An opcode is no state, and a state no opcode.
export const writer = new Writer(stream, OpText, StateServerSide);
// @ts-expect-error An opcode is no state, and a state no opcode.
export const written = writeMessage(stream, OpText, StateServerSide, bytes);
// @ts-expect-error An opcode is no state, and a state no opcode.
export const reader = new Reader(stream, OpText);
// @ts-expect-error An opcode is no state, and a state no opcode.
export const frame = newFrame(StateServerSide, true, bytes);
// @ts-expect-error An opcode is no state, and a state no opcode.
export const control = isControl(StateServerSide);
// @ts-expect-error An opcode is no state, and a state no opcode.
checkHeader(header, OpText);
// @ts-expect-error A state whose kind is written down is no opcode either.
isControl(both);
// @ts-expect-error A status code is no opcode.
newFrame(StatusNormalClosure, true, bytes);
// @ts-expect-error A status code is no state.
checkHeader(header, StatusNormalClosure);
// @ts-expect-error An opcode is no status code.
newCloseFrameBody(OpText);
// @ts-expect-error A state is no status code.
checkCloseFrameData(StateServerSide);
