/**
 * Credentials in HTTP's Basic scheme (RFC 7617).
 *
 * @module
 */

import { encodeUtf8, latin1 } from "../bytes.ts";
import { base64Into } from "./base64.ts";

/** A user and a password, not encoded. */
export interface Credentials {
  /** The user's name, without a colon. */
  readonly user: string;
  /** The password; "" if there is none. */
  readonly password: string;
}

/**
 * Writes the value of an Authorization or Proxy-Authorization header. User and password are encoded as UTF-8. A server asks for
 * UTF-8 by `charset="UTF-8"` (RFC 7617, 2.1); for ASCII text all encodings are the same.
 *
 * @throws {TypeError} The user contains a colon, which would end the user's name; there is a control character (RFC 7617, 2). The
 * message does not contain user or password.
 */
export function basicCredentials({ user, password }: Credentials): string {
  if (user.includes(":")) throw new TypeError("The user of Basic credentials has no colon");
  // oxlint-disable-next-line no-control-regex -- "MUST NOT contain any control characters" (RFC 7617, 2)
  if (/[\0-\x1f\x7f]/.test(user + password)) {
    throw new TypeError("Basic credentials have no control characters");
  }
  const plain = encodeUtf8(`${user}:${password}`);
  const encoded = new Uint8Array(4 * Math.ceil(plain.length / 3));
  return `Basic ${latin1(encoded, 0, base64Into(encoded, 0, plain))}`;
}

/**
 * Gives the user and the password of a URL, decoded; undefined if it has neither.
 *
 * @param whose The owner of the URL, such as "a proxy's", for the message.
 * @throws {TypeError} They are not percent-encoded UTF-8.
 */
export function credentialsOf(
  { username, password }: Pick<URL, "username" | "password">,
  whose: string,
): Credentials | undefined {
  if (username === "" && password === "") return undefined;
  try {
    return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw new TypeError(`User and password in ${whose} URL must be percent-encoded UTF-8`);
  }
}
