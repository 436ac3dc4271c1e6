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
let readType: RuntimeServices["typeOf"] | null = null;

/** Gives the services of the runtime for servers and clients. */
export function runtimeServices(): RuntimeServices {
  return (host ??= {
    engine: zlibEngine(),
    observer,
    environment: (name) => process.env[name],
    ownBufferSize,
    afterTurn: (task) => void setImmediate(task),
    codec: bufferText(),
    bodyOf,
    // Node loads a megabyte of code when it is asked for its `Response`, and few servers answer with one.
    get typeOf() {
      if (readType === null) readType = responseType();
      return readType;
    },
    valueNow: valueNow(),
    bindContext,
  });
}

/** The members of Bun that are used. */
interface BunPeek {
  readonly peek: ((promise: unknown) => unknown) & {
    status(promise: unknown): "fulfilled" | "pending" | "rejected";
  };
}

/** Bun tells the value of a promise without a wait: the first piece of most bodies is there when it is asked for. */
function valueNow(): RuntimeServices["valueNow"] {
  const { Bun } = globalThis as { readonly Bun?: BunPeek };
  if (Bun === undefined) return undefined;
  const { peek } = Bun;
  return <Value>(promise: Promise<Value>) =>
    promise instanceof Promise && peek.status(promise) === "fulfilled"
      ? (peek(promise) as Value)
      : undefined;
}

/**
 * Keeps the async context of the call. On Node 20 a snapshot costs 17 us for each adopted connection, and the `AsyncResource`
 * that it is made of 0.4; elsewhere the snapshot costs less.
 */
function bindContext(): InContext {
  if ("Deno" in globalThis || "Bun" in globalThis) return AsyncLocalStorage.snapshot();
  const context = new AsyncResource("framewire");
  return (task) => {
    context.runInAsyncScope(task);
  };
}

/**
 * V8 keeps arrays of up to 64 bytes in its own heap, where they cost a fraction of others; Deno's V8 does not:
 * bench/micro/copies.mjs. JavaScriptCore keeps larger ones there too. But on Bun each chunk lies in its own memory, and a view of
 * it costs less than a copy from 64 bytes on.
 */
const ownBufferSize = "Deno" in globalThis ? 0 : 64;

/** Finds where the runtime keeps bodies when the first response comes: not every environment has a `Response`. */
function bodyOf(response: object): string | Uint8Array | undefined {
  readBody ??= responseBody();
  return readBody(response);
}
