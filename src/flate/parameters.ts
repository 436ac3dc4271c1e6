/**
 * Parses and writes the parameters of permessage-deflate (RFC 7692, 7.1).
 *
 * @module
 */

import { newOption, type Option, type OptionParameter } from "../http/option.ts";

/** The extension's registered token. @see gobwas ExtensionName */
export const ExtensionName = "permessage-deflate";

/** Bytes of the largest LZ77 window, which has 15 bits. @see gobwas MaxLZ77WindowSize */
export const MaxLZ77WindowSize: number = 1 << 15;

/** Base-2 logarithm of a window's size, 8 to 15; 0 if none is given, and see {@link Parameters}. */
export type WindowBits = number;

/** In an offer: the client can use any window, and names none. @see gobwas, where it is 1 too */
export const AnyWindowBits: WindowBits = 1;

/** Tells whether window bits are given. @see gobwas WindowBits.Defined */
export function isWindowBitsDefined(bits: WindowBits): boolean {
  return bits > 0;
}

/** Gives the size of a window in bytes. @param bits 8 to 15. @see gobwas WindowBits.Bytes */
export function windowSize(bits: WindowBits): number {
  return 1 << bits;
}

/** The parameters of one offer or one answer. @see gobwas Parameters */
export interface Parameters {
  /** The server begins each message with an empty window (7.1.1.1). */
  readonly serverNoContextTakeover: boolean;
  /** The client begins each message with an empty window (7.1.1.2). */
  readonly clientNoContextTakeover: boolean;
  /** The server's window (7.1.2.1); 0 if the parameter is absent. */
  readonly serverMaxWindowBits: WindowBits;
  /** The client's window (7.1.2.2); 0 if the parameter is absent, {@link AnyWindowBits} if an offer gives no value. */
  readonly clientMaxWindowBits: WindowBits;
}

/** Neither side keeps its window between messages. @see gobwas DefaultParameters */
export const defaultParameters: Parameters = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 0,
  clientMaxWindowBits: 0,
};

const serverNoContextTakeover = "server_no_context_takeover";
const clientNoContextTakeover = "client_no_context_takeover";
const serverMaxWindowBits = "server_max_window_bits";
const clientMaxWindowBits = "client_max_window_bits";

/**
 * Parses an offer.
 *
 * @returns undefined if the option has another name, or a parameter that is unknown, repeated or has an illegal value: the
 * offer must then be declined (7.1).
 * @see gobwas Parameters.Parse
 */
export function parseOffer(option: Option): Parameters | undefined {
  return parse(option, true);
}

/**
 * Parses an answer, in which client_max_window_bits needs a value (7.1.2.2).
 *
 * @returns undefined if it is a legal answer to no offer: the connection must then fail.
 */
export function parseAnswer(option: Option): Parameters | undefined {
  return parse(option, false);
}

function parse({ name, parameters }: Option, isOffer: boolean): Parameters | undefined {
  if (name !== ExtensionName) return undefined;
  const seen = new Set<string>();
  const parsed = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 0,
    clientMaxWindowBits: 0,
  };
  for (const [parameter, value] of parameters) {
    if (seen.has(parameter)) return undefined;
    seen.add(parameter);
    const bits = parseWindowBits(value);
    if (parameter === serverNoContextTakeover && value === undefined) {
      parsed.serverNoContextTakeover = true;
    } else if (parameter === clientNoContextTakeover && value === undefined) {
      parsed.clientNoContextTakeover = true;
    } else if (parameter === serverMaxWindowBits && bits !== undefined) {
      parsed.serverMaxWindowBits = bits;
    } else if (parameter === clientMaxWindowBits && bits !== undefined) {
      parsed.clientMaxWindowBits = bits;
    } else if (parameter === clientMaxWindowBits && value === undefined && isOffer) {
      parsed.clientMaxWindowBits = AnyWindowBits;
    } else {
      return undefined;
    }
  }
  return parsed;
}

/** "a decimal integer value without leading zeroes between 8 to 15, inclusive" (7.1.2) */
function parseWindowBits(value: string | undefined): WindowBits | undefined {
  return value !== undefined && /^(?:[89]|1[0-5])$/.test(value) ? Number(value) : undefined;
}

/**
 * Writes parameters, as an offer or as an answer.
 *
 * @throws {RangeError} Window bits are not 8 to 15, nor 0, nor {@link AnyWindowBits} for the client.
 * @see gobwas Parameters.Option
 */
export function parametersOption(parameters: Parameters): Option {
  const written: OptionParameter[] = [];
  if (parameters.serverNoContextTakeover) written.push([serverNoContextTakeover]);
  if (parameters.clientNoContextTakeover) written.push([clientNoContextTakeover]);
  const server = parameters.serverMaxWindowBits;
  const client = parameters.clientMaxWindowBits;
  if (isWindowBitsDefined(server)) written.push([serverMaxWindowBits, writeWindowBits(server)]);
  if (client === AnyWindowBits) written.push([clientMaxWindowBits]);
  else if (isWindowBitsDefined(client))
    written.push([clientMaxWindowBits, writeWindowBits(client)]);
  return newOption(ExtensionName, written);
}

function writeWindowBits(bits: WindowBits): string {
  const text = String(bits);
  if (parseWindowBits(text) === undefined) {
    throw new RangeError(`Window bits must be a whole number from 8 to 15: ${text}`);
  }
  return text;
}
