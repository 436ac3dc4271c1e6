/**
 * What Node, Deno and Bun have in common beside their sockets: zlib, diagnostics, the environment.
 *
 * @module
 */

import process from "node:process";
import type { Host } from "../src/connection/host.ts";
import { observer } from "./diagnostics.ts";
import { zlibEngine } from "./zlib.ts";

let host: Host | undefined;

/** Gives what servers and clients take from the runtime. */
export function runtimeHost(): Host {
  return (host ??= {
    engine: zlibEngine(),
    observer,
    environment: (name) => process.env[name],
  });
}
