/**
 * What a text is as a URL.
 *
 * @module
 */

/**
 * Parses a URL. Gives undefined where it is none.
 *
 * Not by `URL.canParse`: on Node 20 that says no to each URL with a letter that is not ASCII, once it was called some thousand times.
 */
export function parsedUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
