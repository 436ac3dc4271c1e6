/**
 * Functions for an Upgrader's option `protocol`.
 *
 * @module
 */

import { spells } from "../../bytes.ts";

/**
 * Accepts one subprotocol only.
 *
 * @example
 * new Upgrader({ protocol: selectEqual("chat.v2") });
 *
 * @see gobwas SelectEqual
 */
export function selectEqual(name: string): (offered: Uint8Array) => boolean {
  return (offered) => spells(offered, 0, offered.length, name);
}

/**
 * Accepts each subprotocol of a list. The client's preferred one is chosen.
 *
 * @see gobwas SelectFromSlice
 */
export function selectFromSlice(names: readonly string[]): (offered: Uint8Array) => boolean {
  return (offered) => names.some((name) => spells(offered, 0, offered.length, name));
}
