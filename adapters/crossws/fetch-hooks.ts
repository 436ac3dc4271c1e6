/**
 * Hooks that an application gives through its `fetch`, as h3 does. `fetch` is called with the request for the upgrade, and gives
 * the connection's hooks in its response, or on the request.
 *
 * @module
 */

import type { HeaderPairs } from "../../src/errors.ts";
import { type GivenHeaders, toHeaderPairs } from "../../src/http/headers.ts";
import { isResponse } from "./decide.ts";
import type { HookRequest, Hooks, ResolveHooks } from "./types.ts";

/** The key of the hooks on a request, or in its context: a response is copied on its way, and loses its extra members. */
const onRequest = Symbol.for("crossws.hooks");

/** An application's `fetch`, which can give hooks. */
// oxlint-disable-next-line typescript/no-explicit-any -- frameworks have their own types for both
export type HookFetch = (request: any, ...info: any[]) => any;

/** An answer that is no `Response`: hooks, and headers for the response that opens the connection. */
interface PlainAnswer {
  readonly crossws?: Hooks | undefined;
  readonly headers?: object | undefined;
}

/** Gives the function that asks an application for hooks. */
export function hooksByFetch(fetch: HookFetch): ResolveHooks {
  return async (request: HookRequest) => {
    const answer = (await fetch(request)) as (Response & PlainAnswer) | PlainAnswer | undefined;
    const ofRequest = hooksOn(request) ?? hooksOn(request.context);
    const hooks = answer?.crossws ?? ofRequest;
    if (isResponse(answer)) return hooksOfResponse(answer as Response & PlainAnswer, hooks);
    const headers = answer?.headers;
    return headers === undefined ? hooks : withHeaders(hooks, headers);
  };
}

function hooksOn(holder: object | undefined): Hooks | undefined {
  return (holder as { readonly [onRequest]?: Hooks } | undefined)?.[onRequest];
}

/** Gives the hooks. A response with an error goes to the client, unless it only says that an upgrade is required. */
function hooksOfResponse(
  response: Response & PlainAnswer,
  hooks: Hooks | undefined,
): Hooks | undefined {
  const isFailure = !response.ok && !(response.status === 426 && hooks !== undefined);
  if (isFailure && response.crossws === undefined) return { upgrade: () => response };
  // Nobody reads the body.
  response.body?.cancel().catch(() => {});
  return hooks;
}

/** Adds headers to those of an `upgrade` hook; the hook's come first. */
function withHeaders(hooks: Hooks | undefined, headers: object): Hooks {
  return {
    ...hooks,
    async upgrade(request) {
      const result = (await hooks?.upgrade?.(request)) ?? {};
      if (isResponse(result)) return result;
      const own = pairsOf((result as PlainAnswer).headers);
      const names = new Set(own.map(([name]) => name.toLowerCase()));
      const others = pairsOf(headers).filter(([name]) => !names.has(name.toLowerCase()));
      return { ...result, headers: [...others, ...own] };
    },
  };
}

function pairsOf(headers: object = []): HeaderPairs {
  return toHeaderPairs(headers as GivenHeaders);
}

const names = ["upgrade", "open", "message", "drain", "ping", "pong", "error", "close"] as const;

/** Tells whether options contain hooks: then the application is not asked for any. */
export function hasHooks(hooks: Hooks): boolean {
  return names.some((name) => hooks[name] !== undefined);
}

/** Takes the hooks out of options that also contain other things. */
export function hooksOf(options: Hooks): Hooks {
  const hooks: Record<string, unknown> = {};
  for (const name of names) {
    // The hook is called with the options as `this`, as if it were called on them.
    const hook = options[name] as ((...values: unknown[]) => unknown) | undefined;
    if (hook !== undefined) hooks[name] = hook.bind(options);
  }
  return hooks;
}
