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
    ownBufferSize: ownBufferSize(),
  });
}

/**
 * Arrays in the engine's own heap cost a fraction of others: JavaScriptCore has all but large ones there, V8 those of up
 * to 64 bytes, but for Deno, whose V8 has none: bench/micro/copies.mjs.
 */
function ownBufferSize(): number {
  if ("Bun" in globalThis) return 1000;
  return "Deno" in globalThis ? 0 : 64;
}
