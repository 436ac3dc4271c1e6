/**
 * Status codes of close frames: their names, their ranges, and which ones may be sent (RFC 6455, 7.4).
 *
 * @module
 */

/**
 * A close frame's status code, 0 to 65535; 0 stands for "none". Any number is accepted. The constants are marked for the
 * compiler, so that a constant of another kind, such as an `Opcode`, does not compile in the place of a status code.
 */
export type StatusCode = number & {
  /** Exists only for the compiler: no value has it. */
  readonly "~kind"?: "status";
};

/** Normal closure: the purpose of the connection is fulfilled. */
export const StatusNormalClosure: StatusCode = 1000;
/** Going away: a server shuts down, or a page is left. */
export const StatusGoingAway: StatusCode = 1001;
/** A peer broke a rule of the protocol. */
export const StatusProtocolError: StatusCode = 1002;
/** A kind of data that the endpoint does not accept, such as binary where only text is understood. */
export const StatusUnsupportedData: StatusCode = 1003;
/** Reserved, without a meaning; never sent. */
export const StatusNoMeaningYet: StatusCode = 1004;
/** Reported, never sent: the close frame held no status code. */
export const StatusNoStatusRcvd: StatusCode = 1005;
/** Reported, never sent: the connection ended without a close frame. */
export const StatusAbnormalClosure: StatusCode = 1006;
/** Data that does not fit its message type, such as text that is not UTF-8. */
export const StatusInvalidFramePayloadData: StatusCode = 1007;
/** A peer broke a policy of the endpoint, and no other code fits. */
export const StatusPolicyViolation: StatusCode = 1008;
/** A message is larger than the endpoint accepts. */
export const StatusMessageTooBig: StatusCode = 1009;
/** The client needs an extension that the server did not negotiate. */
export const StatusMandatoryExt: StatusCode = 1010;
/** An unexpected condition keeps the server from fulfilling the request. */
export const StatusInternalServerError: StatusCode = 1011;
/** The service restarts (IANA registry). */
export const StatusServiceRestart: StatusCode = 1012;
/** Try again later: the service is overloaded (IANA registry). */
export const StatusTryAgainLater: StatusCode = 1013;
/** A gateway got an invalid response from a server behind it (IANA registry). */
export const StatusBadGateway: StatusCode = 1014;
/** Reported, never sent: the TLS handshake failed. */
export const StatusTLSHandshake: StatusCode = 1015;

/** A range of status codes, both ends included. */
export interface StatusCodeRange {
  /** The first code of the range. */
  readonly min: StatusCode;
  /** The last code of the range. */
  readonly max: StatusCode;
}

/** Codes that no endpoint uses. */
export const StatusRangeNotInUse: StatusCodeRange = { min: 0, max: 999 };
/** Codes that the protocol and its extensions define. */
export const StatusRangeProtocol: StatusCodeRange = { min: 1000, max: 2999 };
/** Codes that libraries, frameworks and applications register with IANA. */
export const StatusRangeApplication: StatusCodeRange = { min: 3000, max: 3999 };
/** Codes that two sides agree on between themselves. */
export const StatusRangePrivate: StatusCodeRange = { min: 4000, max: 4999 };

/** Tells whether `status` lies in `range`. */
export function isStatusIn(status: StatusCode, range: StatusCodeRange): boolean {
  return status >= range.min && status <= range.max;
}

/** Tells whether `status` is 0, which stands for a close frame without a code. */
export function isStatusEmpty(status: StatusCode): boolean {
  return status === 0;
}

/** Tells whether `status` is below 1000, where no code is in use. */
export function isStatusNotUsed(status: StatusCode): boolean {
  return isStatusIn(status, StatusRangeNotInUse);
}

/** Tells whether `status` is one that applications register, 3000 to 3999. */
export function isStatusApplicationSpec(status: StatusCode): boolean {
  return isStatusIn(status, StatusRangeApplication);
}

/** Tells whether `status` is for private use, 4000 to 4999. */
export function isStatusPrivateSpec(status: StatusCode): boolean {
  return isStatusIn(status, StatusRangePrivate);
}

/** Tells whether `status` lies in the protocol's own range, 1000 to 2999. */
export function isStatusProtocolSpec(status: StatusCode): boolean {
  return isStatusIn(status, StatusRangeProtocol);
}

/** Tells whether the protocol or IANA's registry gives `status` a meaning: 1000 to 1015 without 1004. */
export function isStatusProtocolDefined(status: StatusCode): boolean {
  return (
    status >= StatusNormalClosure && status <= StatusTLSHandshake && status !== StatusNoMeaningYet
  );
}

/** Tells whether `status` is only reported to an application and never sent: 1005, 1006, 1015. */
export function isStatusProtocolReserved(status: StatusCode): boolean {
  return (
    status === StatusNoStatusRcvd ||
    status === StatusAbnormalClosure ||
    status === StatusTLSHandshake
  );
}

/** Tells whether a close frame may carry `status` (RFC 6455, 7.4; IANA's registry for 1012 to 1014). */
export function isStatusSendable(status: StatusCode): boolean {
  if (!Number.isInteger(status)) return false;
  // Codes of libraries and of applications.
  if (status >= 3000) return status <= 4999;
  // 1004 has no meaning; 1005 and 1006 are only reported.
  return status >= 1000 && status <= 1014 && (status < 1004 || status > 1006);
}
