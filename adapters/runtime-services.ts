/**
 * What Node, Deno and Bun have in common beside their sockets: zlib, text, diagnostics, the environment.
 *
 * @module
 */

import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import process from "node:process";
import { setImmediate } from "node:timers";
import type { InContext, RuntimeServices } from "../src/connection/runtime-services.ts";
import { bufferText } from "./buffer-text.ts";
import { observer } from "./diagnostics.ts";
import { responseBody, type ResponseBody } from "./response-body.ts";
import { responseType } from "./response-type.ts";
import { zlibEngine } from "./zlib/engine.ts";

let host: RuntimeServices | undefined;
let readBody: ResponseBody | undefined;

/** Gives what servers and clients take from the runtime. */
export function runtimeServices(): RuntimeServices {
  return (host ??= {
    engine: zlibEngine(),
    observer,
    environment: (name) => process.env[name],
    ownBufferSize,
    afterTurn: (task) => void setImmediate(task),
    codec: bufferText(),
    bodyOf,
    typeOf: responseType(),
    bindContext,
  });
}

/**
 * Keeps the context of the call. On Node 20 a snapshot costs 17 us to make, for each connection that is adopted, and what it is made
 * of 0.4; elsewhere the snapshot is the one that costs less.
 */
function bindContext(): InContext {
  if ("Deno" in globalThis || "Bun" in globalThis) return AsyncLocalStorage.snapshot();
  const context = new AsyncResource("framewire");
  return (task) => {
    context.runInAsyncScope(task);
  };
}

/**
 * V8 has arrays of up to 64 bytes in its own heap, where they cost a fraction of others, but for Deno, whose V8 has none
 * there: bench/micro/copies.mjs. JavaScriptCore has larger ones too; but Bun's chunks lie in memory of their own, and a view on
 * one costs less than a copy from 64 bytes on.
 */
const ownBufferSize = "Deno" in globalThis ? 0 : 64;

/** Looks for where the runtime keeps it with the first response: not every environment has a `Response`. */
function bodyOf(response: object): string | Uint8Array | undefined {
  readBody ??= responseBody();
  return readBody(response);
}
