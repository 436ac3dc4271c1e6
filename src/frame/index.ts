/**
 * Frames of RFC 6455, section 5: encoding and decoding of bytes, without a stream or a connection.
 *
 * @example
 * import { decodeHeader, newHeader, cipher } from "framewire/frame";
 *
 * const header = newHeader();
 * const size = decodeHeader(header, bytes, 0, bytes.length);
 * if (size > 0) cipher(bytes, header.maskKey, 0, size, size + header.length);
 *
 * @module framewire/frame
 */

export { ProtocolError, type ViolationCode } from "../errors.ts";
export {
  isStatusApplicationSpec,
  isStatusEmpty,
  isStatusIn,
  isStatusNotUsed,
  isStatusPrivateSpec,
  isStatusProtocolDefined,
  isStatusProtocolReserved,
  isStatusProtocolSpec,
  isStatusSendable,
  StatusAbnormalClosure,
  StatusBadGateway,
  type StatusCode,
  type StatusCodeRange,
  StatusGoingAway,
  StatusInternalServerError,
  StatusInvalidFramePayloadData,
  StatusMandatoryExt,
  StatusMessageTooBig,
  StatusNoMeaningYet,
  StatusNormalClosure,
  StatusNoStatusRcvd,
  StatusPolicyViolation,
  StatusProtocolError,
  StatusRangeApplication,
  StatusRangeNotInUse,
  StatusRangePrivate,
  StatusRangeProtocol,
  StatusServiceRestart,
  StatusTLSHandshake,
  StatusTryAgainLater,
  StatusUnsupportedData,
} from "../status.ts";
export {
  checkCloseFrameData,
  checkHeader,
  isClientSide,
  isExtended,
  isFragmented,
  isServerSide,
  isState,
  type State,
  StateClientSide,
  StateExtended,
  StateFragmented,
  StateServerSide,
} from "./check.ts";
export { cipher, cipherInto } from "./cipher.ts";
export {
  type CloseFrameData,
  MaxReasonSize,
  newCloseFrameBody,
  parseCloseFrameData,
  putCloseFrameBody,
} from "./close.ts";
export { FrameDecoder, type FrameDecoderOptions, type FrameSink } from "./decoder.ts";
export {
  compiledClose,
  compiledCloseGoingAway,
  compiledCloseInternalServerError,
  compiledCloseInvalidFramePayloadData,
  compiledCloseMandatoryExt,
  compiledCloseMessageTooBig,
  compiledCloseNormalClosure,
  compiledClosePolicyViolation,
  compiledCloseProtocolError,
  compiledCloseUnsupportedData,
  compiledPing,
  compiledPong,
  compileFrame,
  type Frame,
  maskFrame,
  maskFrameInPlace,
  maskFrameInPlaceWith,
  maskFrameWith,
  newBinaryFrame,
  newCloseFrame,
  newFrame,
  newPingFrame,
  newPongFrame,
  newTextFrame,
  unmaskFrame,
  unmaskFrameInPlace,
} from "./frame.ts";
export {
  decodeHeader,
  encodeHeader,
  type Header,
  headerSize,
  MaxControlFramePayloadSize,
  MaxHeaderSize,
  maskKeyBytes,
  MinHeaderSize,
  newHeader,
  readMaskKey,
  rsv,
  rsv1,
  rsv2,
  rsv3,
  rsvBits,
  writeMaskKey,
} from "./header.ts";
export { newMask } from "./mask.ts";
export {
  isControl,
  isData,
  isReserved,
  OpBinary,
  OpClose,
  type Opcode,
  OpContinuation,
  OpPing,
  OpPong,
  OpText,
} from "./opcode.ts";
export type { TextCodec } from "./text-codec.ts";
export { characterEnd, decodeUtf8, Utf8Validator } from "./utf8.ts";
