/**
 * What holds for the connections of one path: the server's options, but for those that a route, or its `upgrade` hook, gives itself.
 *
 * Options are resolved once for each object that holds them, and not for each connection.
 *
 * @module
 */

import { resolveLimits } from "../../arguments.ts";
import { checkOptions } from "../../check-options.ts";
import type { Deadlines } from "../../clock.ts";
import type { Extension } from "../../extension/extension.ts";
import type { OriginPolicy } from "../../handshake/server/origin.ts";
import { type RouteOptions, routeOptionsTable } from "../handlers.ts";
import { type LinkSettings, resolveConnectionOptions, resolveExtensions } from "../options.ts";
import type { RuntimeServices } from "../runtime-services.ts";
import type { DeliverySettings } from "./delivery.ts";

type TopicLimits = Pick<DeliverySettings, "maxTopics">;

/** The limit in force where none is given. */
const defaultTopicLimits: TopicLimits = { maxTopics: 1024 };

/** What the settings of all routes of one server are made with. */
export interface RouteSettingsParts {
  readonly host: RuntimeServices;
  readonly deadlines: Deadlines;
}

/** The options of a path with nothing left open. */
export class RouteSettings {
  readonly link: LinkSettings;
  /** The extensions that are agreed to. */
  readonly extensions: readonly Extension[];
  /** Whose pages may connect. */
  readonly origins: OriginPolicy;
  /** What holds for its connections where something is sent to many. */
  readonly delivery: DeliverySettings;
  /** The subprotocols that are known here. */
  readonly protocols: readonly string[];
  readonly #parts: RouteSettingsParts;
  readonly #options: RouteOptions;
  /** What compresses, with its memory: none, or one. Shared with whatever does not ask for another one. */
  readonly #compression: readonly Extension[];
  readonly #made = new WeakMap<RouteOptions, RouteSettings>();

  /** @param base What holds where the options say nothing. Default: the library's defaults. */
  constructor(parts: RouteSettingsParts, options: RouteOptions, base?: RouteSettings) {
    this.#parts = parts;
    this.#options = base === undefined ? options : { ...base.#options, ...given(options) };
    this.link = resolveConnectionOptions(this.#options, parts.host);
    const { origins = "cookies", slowReceivers: slow = "buffer" } = this.#options;
    this.origins = origins;
    this.delivery = { slow, ...resolveLimits<TopicLimits>(this.#options, defaultTopicLimits) };
    const { compression } = options;
    const isShared = compression === undefined || compression === true;
    this.#compression =
      base !== undefined && isShared && (compression === undefined || base.#compression.length > 0)
        ? base.#compression
        : resolveExtensions({ compression }, parts.host.engine, parts.deadlines);
    this.extensions = [...this.#compression, ...(this.#options.extensions ?? [])];
    this.protocols = this.#options.protocols ?? [];
  }

  /**
   * Gives the settings with some options changed. The same ones for the same object: it must not be changed afterwards.
   *
   * @param path What is in front of the options' names in a message.
   * @throws {TypeError} An option is not known, or of a wrong type.
   * @throws {RangeError} An option is out of its range.
   */
  with(options: RouteOptions, path: string): RouteSettings {
    let settings = this.#made.get(options);
    if (settings !== undefined) return settings;
    checkOptions(options, routeOptionsTable, { path });
    try {
      settings = new RouteSettings(this.#parts, options, this);
    } catch (error) {
      if (error instanceof RangeError)
        throw new RangeError(`${path}${error.message}`, { cause: error });

      throw error;
    }
    this.#made.set(options, settings);
    return settings;
  }
}

/** The options without those that are undefined, which stand for what is not given. */
function given(options: RouteOptions): RouteOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
