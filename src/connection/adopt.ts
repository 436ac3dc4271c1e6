/**
 * Makes a connection whose opening handshake other code has done.
 *
 * @module
 */

import { isBytes, wrongType } from "../arguments.ts";
import { noBytes } from "../bytes.ts";
import {
  anything,
  checkKind,
  checkOptions,
  clock,
  having,
  type Kind,
  object,
  oneOf,
  optionsOf,
  type OptionTable,
  text,
} from "../check-options.ts";
import { type Clock, type Deadlines, deadlinesOn } from "../clock.ts";
import type { Side } from "../endpoint/endpoint.ts";
import type { Extension, ExtensionSession } from "../extension/extension.ts";
import { openExtensions, takeAnswer } from "../extension/negotiation.ts";
import { StateClientSide, StateServerSide } from "../frame/check.ts";
import type { Peer } from "../handshake/server/peer.ts";
import { parseOptions, writeOptions } from "../http/option.ts";
import type { Transport } from "../transport.ts";
import type { Connection } from "./connection.ts";
import { type Handlers, handlerTable } from "./handlers.ts";
import { callAtOnce } from "./in-context.ts";
import { Link, type LinkOwner } from "./link.ts";
import {
  type ConnectionOptions,
  connectionTable,
  type LinkSettings,
  resolveClientExtensions,
  resolveConnectionOptions,
} from "./options.ts";
import type { RuntimeServices } from "./runtime-services.ts";
import { UnhandledErrorReporter } from "./unhandled-errors.ts";

/** Result of an opening handshake that other code has done. */
export interface AdoptOptions<Context = unknown> {
  /** The side that this program is: a client masks its frames. */
  readonly side: Side;
  /** The subprotocol of the connection. Default: "", none. */
  readonly protocol?: string | undefined;
  /**
   * The extensions of the connection: the value of the response's Sec-WebSocket-Extensions. `options` must contain each of them,
   * as `compression` or in `extensions`. Default: "", none.
   */
  readonly extensions?: string | undefined;
  /** Path and query of the request. Default: "/". */
  readonly target?: string | undefined;
  /** The `context` of the connection. */
  readonly context?: Context | undefined;
  /** Bytes of frames that were read after the handshake; they are copied. Default: none. */
  readonly early?: Uint8Array | undefined;
  /** The peer, if it is not the other end of the socket. Default: the other end of the socket. */
  readonly peer?: Peer | undefined;
  /**
   * Options of the connection. framewire resolves each object once, and all connections with the same object share one memory
   * budget for compression. So give one of a few constant objects instead of a new one each time.
   */
  readonly options?: ConnectionOptions | undefined;
  /** The source of time. Default: the runtime. */
  readonly clock?: Clock | undefined;
}

const bytes: Kind = { expected: "a Uint8Array", is: isBytes };

const adoptTable: OptionTable<AdoptOptions> = /* @__PURE__ */ ((): OptionTable<AdoptOptions> => ({
  side: oneOf("client", "server"),
  protocol: text,
  extensions: text,
  target: text,
  context: anything,
  early: bytes,
  peer: object("an object such as ws.peer"),
  options: optionsOf(connectionTable),
  clock,
}))();

/**
 * Like the table above, for options that were already checked. Checking them again would take a third of the time of adopting.
 */
const resolvedTable: OptionTable<AdoptOptions> =
  /* @__PURE__ */ ((): OptionTable<AdoptOptions> => ({
    ...adoptTable,
    options: anything,
  }))();

const transportKind: Kind = /* @__PURE__ */ having(
  "a Transport, such as socketTransport(socket) of framewire/node",
  "write",
  "pause",
  "resume",
  "end",
  "destroy",
);

/** Resolved options, for all connections that are adopted with them. */
class AdoptSettings {
  readonly link: LinkSettings;
  readonly host: RuntimeServices;
  readonly deadlines: Deadlines;
  readonly #extensions: readonly Extension[];
  readonly #choice: ConnectionOptions["unhandledErrors"];
  readonly #owners: { [side in Side]?: LinkOwner } = {};

  constructor(options: ConnectionOptions, host: RuntimeServices, deadlines: Deadlines) {
    this.link = resolveConnectionOptions(options, host);
    this.host = host;
    this.deadlines = deadlines;
    this.#extensions = resolveClientExtensions(options, host.engine, deadlines);
    this.#choice = options.unhandledErrors;
  }

  /** Gives the owner of the links of one side: one for all, unless the runtime keeps the async context of each call. */
  ownerOf(side: Side): LinkOwner {
    const owner = (this.#owners[side] ??= {
      settings: this.link,
      deadlines: this.deadlines,
      observer: this.host.observer,
      unhandled: new UnhandledErrorReporter(this.#choice, side),
      inContext: callAtOnce,
      topics: undefined,
      opened: nothing,
      ended: nothing,
    });
    const inContext = this.host.bindContext?.();
    return inContext === undefined ? owner : { ...owner, inContext };
  }

  /**
   * Opens the agreed extensions. @throws {TypeError} The value is malformed, or names an extension that the options do not allow.
   */
  open(agreed: string, side: Side): { written: string; sessions: readonly ExtensionSession[] } {
    const answer = parseOptions(agreed);
    if (answer === undefined) throw new TypeError(`extensions is no list of extensions: ${agreed}`);
    const taken = takeAnswer(this.#extensions, answer);
    const state = side === "server" ? StateServerSide : StateClientSide;
    const sessions = taken && openExtensions(taken, state);
    if (sessions === undefined) {
      throw new TypeError(
        `extensions must be such as options.compression or options.extensions allow: ${agreed}`,
      );
    }
    return { written: writeOptions(answer), sessions };
  }
}

const noOptions: ConnectionOptions = {};
const noSessions = { written: "", sessions: [] } as const;
const noHost: RuntimeServices = {};

/** The resolved options of each object. As a rule there is one runtime and one clock. */
const resolved: WeakMap<ConnectionOptions, AdoptSettings> = /* @__PURE__ */ new WeakMap();

function settingsOf(
  options: ConnectionOptions,
  host: RuntimeServices,
  deadlines: Deadlines,
): AdoptSettings {
  let settings = resolved.get(options);
  if (settings?.host !== host || settings.deadlines !== deadlines) {
    settings = new AdoptSettings(options, host, deadlines);
    resolved.set(options, settings);
  }
  return settings;
}

/**
 * Makes a connection from a transport whose opening handshake other code has done, as a server or as a client. Adapters wrap it
 * as their own `adopt`.
 *
 * @param transport Connected to the peer; the next byte in each direction is the first byte of a frame. The connection owns it
 * from now on.
 * @param adopted The result of the handshake.
 * @returns The connection, which is open. `open` has already been called, and `message` for the messages in `early`.
 * @throws {TypeError} An option or a handler is unknown, or of a wrong type; `extensions` names one that the options do not have.
 * @throws {RangeError} An option is out of its range. After an error the transport is unchanged.
 * @see RFC 6455, 4.1 and 4.2.2: _The WebSocket Connection is Established_
 */
export function adoptOn<Context = unknown>(
  transport: Transport,
  adopted: AdoptOptions<Context>,
  handlers: Handlers<Context> = {},
  host: RuntimeServices = noHost,
): Connection<Context> {
  checkKind("transport", transportKind, transport);
  const isResolved = resolved.has((adopted as AdoptOptions | undefined)?.options as object);
  checkOptions(adopted, isResolved ? resolvedTable : adoptTable, { elsewhere: handlerTable });
  checkOptions(handlers, handlerTable, { what: "handler", elsewhere: adoptTable });
  if (adopted.side === undefined) throw wrongType("side", '"client" or "server"', adopted.side);
  return open(transport, adopted, handlers, host);
}

/**
 * As {@link adoptOn}, for callers in framewire who pass users' options, and of their own only what is right. It checks options that
 * are new to it: to check all of it again would take 2 % of a handshake over HTTP.
 */
export function adoptKnown<Context>(
  transport: Transport,
  adopted: AdoptOptions<Context> & { readonly options: ConnectionOptions },
  handlers: Handlers<Context>,
  host: RuntimeServices,
): Connection<Context> {
  const isKnown = resolved.has(adopted.options);
  return (isKnown ? open<Context> : adoptOn<Context>)(transport, adopted, handlers, host);
}

function open<Context>(
  transport: Transport,
  adopted: AdoptOptions<Context>,
  handlers: Handlers<Context>,
  host: RuntimeServices,
): Connection<Context> {
  const { side, extensions = "", early = noBytes } = adopted;
  const deadlines = deadlinesOn(adopted.clock);
  const settings = settingsOf(adopted.options ?? noOptions, host, deadlines);
  const { written, sessions } = extensions === "" ? noSessions : settings.open(extensions, side);
  const { remoteAddress, remotePort } = transport;
  const link = new Link<Context>(settings.ownerOf(side), {
    side,
    transport,
    handlers,
    info: {
      protocol: adopted.protocol ?? "",
      extensions: written,
      target: adopted.target ?? "/",
      context: adopted.context as Context,
      remoteAddress,
      remotePort,
      peer: adopted.peer,
    },
    sessions,
  });
  link.start(noBytes, early);
  return link.connection;
}

function nothing(): void {}
