/**
 * The settings of the connections to one path: the options of its route or its `upgrade` hook, and the server's options for all
 * others.
 *
 * Each object of options is resolved once, not for each connection.
 *
 * @module
 */

import { resolveLimits } from "../../arguments.ts";
import { checkOptions } from "../../check-options.ts";
import type { Deadlines } from "../../clock.ts";
import type { Extension } from "../../extension/extension.ts";
import type { OriginPolicy } from "../../handshake/server/origin.ts";
import {
  type RouteHandlers,
  type RouteOptions,
  routeOptionsTable,
  type ServerHandlers,
} from "../handlers.ts";
import { type LinkSettings, resolveConnectionOptions, resolveExtensions } from "../options.ts";
import type { RuntimeServices } from "../runtime-services.ts";
import type { DeliverySettings } from "./delivery.ts";

type TopicLimits = Pick<DeliverySettings, "maxTopics">;

const defaultTopicLimits: TopicLimits = { maxTopics: 1024 };

/** What the settings of all routes of one server need. */
export interface RouteSettingsParts {
  readonly host: RuntimeServices;
  readonly deadlines: Deadlines;
}

/** The options of a path with all defaults filled in. */
export class RouteSettings {
  readonly link: LinkSettings;
  /** The extensions that a client may use. */
  readonly extensions: readonly Extension[];
  /** The origins whose pages may connect. */
  readonly origins: OriginPolicy;
  /** Settings for messages that go to many connections. */
  readonly delivery: DeliverySettings;
  /** The subprotocols that the path supports. */
  readonly protocols: readonly string[];
  readonly #parts: RouteSettingsParts;
  readonly #options: RouteOptions;
  /**
   * The compression extension with its memory budget, or an empty list. Routes without compression options of their own share it.
   */
  readonly #compression: readonly Extension[];
  readonly #made = new WeakMap<RouteOptions, RouteSettings>();

  /** @param base Settings for the options that are absent. Default: the library's defaults. */
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
   * Gives these settings with some options changed. The same object gives the same settings, so it must not change afterwards.
   *
   * @param path Text before the options' names in messages.
   * @throws {TypeError} An option is unknown, or of a wrong type.
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

/** Gives the settings of a server's own handlers, and of each of its routes. */
export function settingsOfRoutes<Context>(
  parts: RouteSettingsParts,
  options: RouteOptions,
  handlers: ServerHandlers<Context>,
): ReadonlyMap<RouteHandlers<Context>, RouteSettings> {
  const base = new RouteSettings(parts, options);
  const settings = new Map<RouteHandlers<Context>, RouteSettings>([[handlers, base]]);
  for (const [pattern, route] of Object.entries(handlers.routes ?? {})) {
    const path = `routes[${JSON.stringify(pattern)}].options.`;
    settings.set(route, route.options === undefined ? base : base.with(route.options, path));
  }
  return settings;
}

/** Gives the options without those that are undefined, which count as absent. */
function given(options: RouteOptions): RouteOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
