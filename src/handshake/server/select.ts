/**
 * Ready choices for an Upgrader's `protocol`.
 *
 * @module
 */

import { spells } from "../../bytes.ts";

/**
 * Takes one subprotocol and no other.
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
 * Takes each subprotocol of a list: the one that the client likes best is chosen.
 *
 * @see gobwas SelectFromSlice
 */
export function selectFromSlice(names: readonly string[]): (offered: Uint8Array) => boolean {
  return (offered) => names.some((name) => spells(offered, 0, offered.length, name));
}
