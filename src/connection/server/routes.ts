/**
 * Finds the handlers for a path.
 *
 * @module
 */

/** The match of a path, with its parameters. */
export interface RouteMatch<Target> {
  readonly target: Target;
  /** The parameters of the pattern, decoded. The parameter of `*` is called "*". */
  readonly params: Readonly<Record<string, string>>;
}

/**
 * The names of a pattern's parameters: for "/rooms/:room/*" they are `room` and `*`. Any names, if the pattern is not known at
 * compile time.
 *
 * @typeParam Names Names of earlier segments; only for the type's own recursion.
 */
export type RouteParams<Pattern, Names extends string = never> = string extends Pattern
  ? Readonly<Record<string, string>>
  : Pattern extends `${infer Segment}/${infer Rest}`
    ? RouteParams<Rest, Names | (Segment extends `:${infer Name}` ? Name : never)>
    : {
        readonly [
          Name in Names | (Pattern extends `:${infer Last}` ? Last : Extract<Pattern, "*">)
        ]: string;
      };

interface Route<Target> {
  readonly segments: readonly string[];
  readonly target: Target;
}

/**
 * Finds the target that belongs to a path. Patterns are compared segment by segment, decoded: `:name` stands for one segment that
 * is not empty, `*` at the end for all remaining ones. A pattern without parameters wins; otherwise the first pattern that
 * matches.
 *
 * @example
 * new Routes({ "/chat": chat, "/rooms/:room": room, "/*": other }).find("/rooms/tea") // room, { room: "tea" }
 */
export class Routes<Target> {
  readonly #exact = new Map<string, Target>();
  readonly #patterns: Route<Target>[] = [];

  /** @throws {TypeError} A pattern does not begin with "/", or has a `*` before its end. */
  constructor(routes: Readonly<Record<string, Target>>) {
    for (const [pattern, target] of Object.entries(routes)) {
      const segments = pattern.split("/").slice(1);
      if (!pattern.startsWith("/") || segments.slice(0, -1).includes("*")) {
        throw new TypeError(`A route begins with "/", and has "*" at its end alone: ${pattern}`);
      }
      const isExact = !segments.some((segment) => segment === "*" || segment.startsWith(":"));
      if (isExact) this.#exact.set(pattern, target);
      else this.#patterns.push({ segments, target });
    }
  }

  /**
   * Gives the match of a path, or undefined if no pattern matches.
   *
   * @param path The path of the request, still encoded and without the query.
   */
  find(path: string): RouteMatch<Target> | undefined {
    const segments = path.split("/").slice(1).map(decode);
    const exact = this.#exact.get(`/${segments.join("/")}`);
    // An encoded "/" does not separate segments.
    if (exact !== undefined && segments.every((segment) => !segment.includes("/"))) {
      return { target: exact, params: {} };
    }
    for (const { segments: pattern, target } of this.#patterns) {
      const params = match(pattern, segments);
      if (params !== undefined) return { target, params };
    }
    return undefined;
  }
}

function match(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  const params: Record<string, string> = Object.create(null);
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index];
    if (segment === undefined) return undefined;
    if (part === "*") {
      params["*"] = segments.slice(index).join("/");
      return params;
    }
    if (part.startsWith(":") && segment !== "") params[part.slice(1)] = segment;
    else if (part !== segment) return undefined;
  }
  return pattern.length === segments.length ? params : undefined;
}

/** Decodes a segment. A malformed encoding stays unchanged. */
function decode(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
