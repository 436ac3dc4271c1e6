/**
 * Parses URLs without throwing.
 *
 * @module
 */

/**
 * Parses a URL; gives undefined if it is malformed.
 *
 * `URL.canParse` is not used: on Node 20, after some thousand calls, it refuses every URL with a letter that is not ASCII.
 */
export function parsedUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
