/**
 * The value of a Date header (RFC 9110, 5.6.7 and 6.6.1).
 *
 * @module
 */

let second = NaN;
let text = "";
let line = "";

/** Gives the current date in HTTP's form, such as "Sun, 06 Nov 1994 08:49:37 GMT". It makes the text once a second. */
export function httpDate(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    text = new Date(now * 1000).toUTCString();
    line = `Date: ${text}\r\n`;
  }
  return text;
}

/** Gives the line of a Date header with the current date. */
export function httpDateLine(): string {
  httpDate();
  return line;
}
