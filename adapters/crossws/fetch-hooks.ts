/**
 * Hooks that an application gives by its `fetch`, as h3 does: it is asked about the request for the upgrade, and says in its answer, or
 * on the request, which hooks are the connection's.
 *
 * @module
 */

import type { HeaderPairs } from "../../src/errors.ts";
import { type GivenHeaders, toHeaderPairs } from "../../src/http/headers.ts";
import { isResponse } from "./decide.ts";
import type { HookRequest, Hooks, ResolveHooks } from "./types.ts";

/** Where hooks stand on a request, or in its context: responses are made anew on their way, and lose what they carry. */
const onRequest = Symbol.for("crossws.hooks");

/** An application, as far as it is asked for hooks. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- frameworks have types of their own for both
export type HookFetch = (request: any, ...info: any[]) => any;

/** The answer in place of a `Response`: hooks, and headers for the connection's own response. */
interface PlainAnswer {
  readonly crossws?: Hooks | undefined;
  readonly headers?: object | undefined;
}

/** Gives the way to ask an application for hooks. */
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

/** An answer that is a failure is the client's, unless it is the one that says that an upgrade is wanted. */
function hooksOfResponse(
  response: Response & PlainAnswer,
  hooks: Hooks | undefined,
): Hooks | undefined {
  const isFailure = !response.ok && !(response.status === 426 && hooks !== undefined);
  if (isFailure && response.crossws === undefined) return { upgrade: () => response };
  // Nobody reads it.
  response.body?.cancel().catch(() => {});
  return hooks;
}

/** Adds headers to those of an `upgrade` hook, which go first. */
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

/** Tells whether options have hooks themselves: then the application is not asked for any. */
export function hasHooks(hooks: Hooks): boolean {
  return names.some((name) => hooks[name] !== undefined);
}

/** Takes hooks out of options that have other things beside them. */
export function hooksOf(options: Hooks): Hooks {
  const hooks: Record<string, unknown> = {};
  for (const name of names) {
    // Called with the options as `this`, as they would be there.
    const hook = options[name] as ((...values: unknown[]) => unknown) | undefined;
    if (hook !== undefined) hooks[name] = hook.bind(options);
  }
  return hooks;
}
