/**
 * Decides about a request: calls the hooks, and converts their results to those of framewire's `upgrade` hook.
 *
 * @module
 */

import type { Refusal, Upgrade } from "../../src/connection/handlers.ts";
import { type GivenHeaders, toHeaderPairs } from "../../src/http/headers.ts";
import type { Opening } from "./opening.ts";
import { HookPeer, type PeerOwner } from "./peer.ts";
import type { AdapterOptions, Hooks, UpgradeResult } from "./types.ts";

/** Headers that only this server writes, not a hook or an application. */
const own =
  /^(?:connection|upgrade|keep-alive|transfer-encoding|content-length|sec-websocket-(?:accept|extensions|protocol))$/i;

const compressed = { compression: true } as const;
const uncompressed = { compression: false } as const;

/** Recognizes a `Response` by its members, not by its class, since frameworks have their own classes. */
export function isResponse(value: unknown): value is Response {
  const { status, headers, arrayBuffer } = (value ?? {}) as Partial<Response>;
  return typeof status === "number" && headers !== undefined && typeof arrayBuffer === "function";
}

/** Calls the hooks for a request. */
export async function decide(
  options: AdapterOptions,
  opening: Opening,
  owner: PeerOwner,
): Promise<Upgrade<HookPeer> | Refusal> {
  const { getNamespace, handleProtocols } = options;
  const namespace = getNamespace?.(opening.request) ?? opening.path;
  // A request that a framework has made has its own context, or none.
  const context = wantsRequest(options) ? (opening.request.context ?? {}) : {};
  const asked = await ask(options, opening);
  if (isResponse(asked.result)) return refusalOf(asked.result);
  const result = asked.result ?? {};
  if (result.handled === true) {
    throw new TypeError(
      "upgrade() returned handled: true, but handleUpgrade() has the socket already: pass such requests to their own handler instead",
    );
  }
  Object.assign(context, result.context);
  const headers = toHeaderPairs((result.headers ?? []) as GivenHeaders);
  const protocol =
    result.protocol ??
    headers.find(([name]) => /^sec-websocket-protocol$/i.test(name))?.[1] ??
    (handleProtocols && (await chosen(handleProtocols, opening)));
  const facts = {
    opening,
    namespace: result.namespace ?? namespace,
    context,
    hooks: asked.hooks,
  };
  return {
    context: new HookPeer(owner, facts),
    headers: headers.filter(isForClient),
    protocol: protocol || undefined,
    options: compressionOf(result.perMessageDeflate),
  };
}

/** Tells whether a hook or an option needs the request before the connection is open. */
function wantsRequest({ hooks, resolve, getNamespace, handleProtocols }: AdapterOptions): boolean {
  return (hooks?.upgrade ?? resolve ?? getNamespace ?? handleProtocols) !== undefined;
}

interface AskedHooks {
  readonly hooks?: Hooks | undefined;
  readonly result: UpgradeResult | Response | undefined;
}

/** Asks for the hooks of the request, then calls both `upgrade` hooks. A thrown `Response` counts as a returned one. */
async function ask(options: AdapterOptions, opening: Opening): Promise<AskedHooks> {
  try {
    const first = await options.hooks?.upgrade?.(opening.request);
    const hooks = (await options.resolve?.(opening.request)) ?? undefined;
    const second = await hooks?.upgrade?.(opening.request);
    return { hooks, result: (second ?? first ?? undefined) as AskedHooks["result"] };
  } catch (thrown) {
    // Errors of frameworks contain the response.
    const response = (thrown as { readonly response?: unknown } | null)?.response ?? thrown;
    if (isResponse(response)) return { result: response };
    throw thrown;
  }
}

async function chosen(
  handleProtocols: NonNullable<AdapterOptions["handleProtocols"]>,
  { asked, request }: Opening,
): Promise<string | undefined> {
  const offered = new Set(asked.protocols);
  if (offered.size === 0) return undefined;
  return (await handleProtocols(offered, request)) || undefined;
}

function isForClient([name]: readonly [name: string, value: string]): boolean {
  return !own.test(name);
}

async function refusalOf(response: Response): Promise<Refusal> {
  return {
    status: response.status,
    headers: toHeaderPairs(response.headers).filter(isForClient),
    body: new Uint8Array(await response.arrayBuffer()),
  };
}

/** Gives the options of a connection. There are few objects for all connections, since each object is resolved once. */
function compressionOf(wanted: UpgradeResult["perMessageDeflate"]): Upgrade<HookPeer>["options"] {
  if (wanted === undefined) return undefined;
  return wanted === false ? uncompressed : compressed;
}
