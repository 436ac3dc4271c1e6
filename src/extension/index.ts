/**
 * The hook for extensions of the protocol: what is needed to write one (RFC 6455, 9).
 *
 * @module framewire/extension
 */

export type {
  Extension,
  ExtensionSession,
  OutgoingMessage,
  RecvExtension,
  SendExtension,
  Transform,
} from "./extension.ts";
export {
  acceptOffers,
  type AgreedExtension,
  Negotiation,
  closeSessions,
  openExtensions,
  takeAnswer,
} from "./negotiation.ts";
export { finish, RecvChain, recvChain, SendChain, sendChain } from "./chain.ts";
export { BoundedBuffer } from "./bounded-buffer.ts";
