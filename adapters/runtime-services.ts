/**
 * What Node, Deno and Bun have in common beside their sockets: zlib, text, diagnostics, the environment.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import { setImmediate } from "node:timers";
import type { RuntimeServices } from "../src/connection/runtime-services.ts";
import { bufferText } from "./buffer-text.ts";
import { observer } from "./diagnostics.ts";
import { zlibEngine } from "./zlib/engine.ts";

let host: RuntimeServices | undefined;

/** Gives what servers and clients take from the runtime. */
export function runtimeServices(): RuntimeServices {
  return (host ??= {
    engine: zlibEngine(),
    observer,
    environment: (name) => process.env[name],
    ownBufferSize,
    afterTurn: (task) => void setImmediate(task),
    codec: bufferText(),
    bindContext: () => AsyncLocalStorage.snapshot(),
  });
}

/**
 * V8 has arrays of up to 64 bytes in its own heap, where they cost a fraction of others, but for Deno, whose V8 has none
 * there: bench/micro/copies.mjs. JavaScriptCore has larger ones too; but Bun's chunks lie in memory of their own, and a view on
 * one costs less than a copy from 64 bytes on.
 */
const ownBufferSize = "Deno" in globalThis ? 0 : 64;
