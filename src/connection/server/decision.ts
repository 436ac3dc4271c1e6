/**
 * Checks what an `upgrade` hook has returned.
 *
 * @module
 */

import {
  anything,
  boolean,
  checkOptions,
  type Kind,
  number,
  object,
  type OptionTable,
  text,
} from "../../check-options.ts";
import { headersKind } from "../../http/headers.ts";
import type { Refusal, RouteOptions, Upgrade } from "../handlers.ts";

/** The decision of the hook: how to accept the connection, or why to refuse it. */
export type Decision<Context> = Upgrade<Context> | Refusal;

/** Compression options of one connection would need a memory budget for each connection. So only a route may have them. */
const options: Kind = {
  ...object("an object such as { maxMessageSize: 1024 }"),
  look(value, name) {
    const { compression, origins } = value as RouteOptions;
    if (origins !== undefined) {
      throw new TypeError(
        `${name}.origins come too late: they were asked before upgrade. Return { status: 403 }, or give them to the route`,
      );
    }
    if (compression === undefined || boolean.is(compression)) return;
    throw new TypeError(`${name}.compression must be true or false: options of it go to a route`);
  },
};

const body: Kind = { ...anything, expected: "a string or a Uint8Array" };

const decisionTable: OptionTable<Omit<Upgrade<unknown>, never> & Refusal> = {
  protocol: text,
  headers: headersKind,
  context: anything,
  options,
  status: number,
  body,
};

/**
 * Checks what a hook has returned.
 *
 * @throws {TypeError} It is not an object: neither false nor null refuses, and neither true nor a string accepts.
 */
export function checkDecision(decision: unknown): void {
  if (typeof decision === "object" && decision !== null) {
    checkOptions(decision, decisionTable, { path: "upgrade()." });
    return;
  }
  throw new TypeError(
    `upgrade must return nothing or an object such as { protocol, context } to let in, ` +
      `and { status: 403 } to refuse: ${String(decision)}`,
  );
}
