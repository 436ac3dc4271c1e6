/**
 * The way through a SOCKS proxy of version 5 (RFC 1928), with a user and a password where it wants them (RFC 1929).
 *
 * @module
 */

import { encodeUtf8, writeUint16 } from "../../bytes.ts";
import type { Tunnel, TunnelStream } from "../../transport.ts";
import type { Credentials } from "../basic.ts";
import { parseAddress } from "../../ip-address.ts";
import type { ProxyTarget } from "./connect-tunnel.ts";
import { ProxyError, proxyTunnel } from "./proxy-error.ts";

const Version = 5;
const CommandConnect = 1;
const MethodNone = 0;
const MethodPassword = 2;
const MethodRefused = 0xff;
const PasswordVersion = 1;

const AddressIpv4 = 1;
const AddressName = 3;
const AddressIpv6 = 4;

/** What the codes of a reply mean (RFC 1928, 6). */
const replies: readonly string[] = [
  "",
  "general failure",
  "connection is not allowed by its rules",
  "network is unreachable",
  "host is unreachable",
  "connection was refused",
  "time to live has expired",
  "command is not supported",
  "address type is not supported",
];

/**
 * Makes a tunnel that asks a SOCKS proxy for the way to `target`. A name is given to the proxy as it is, which looks it
 * up; addresses go in their binary form.
 *
 * @param credentials Offered beside going without; the proxy chooses. The user has 1 to 255 bytes of UTF-8, the password
 * up to 255.
 * @returns It fails with a `TransportError` with `PROXY_FAILED`; its cause is a {@link ProxyError} with the code of the
 * reply where there was one, or what went wrong with the stream.
 * @throws {TypeError} The target or the credentials have no room in the protocol.
 */
export function socksTunnel({ hostname, port }: ProxyTarget, credentials?: Credentials): Tunnel {
  const request = writeRequest(hostname, port);
  const login = credentials && writeLogin(credentials);
  return proxyTunnel(async (stream) => {
    const methods = login === undefined ? [MethodNone] : [MethodNone, MethodPassword];
    await stream.write(Uint8Array.of(Version, methods.length, ...methods));
    const [version, method] = await take(stream, 2);
    checkVersion(version);
    if (method === MethodRefused) {
      throw new ProxyError(
        login === undefined
          ? "SOCKS proxy wants to know who asks"
          : "SOCKS proxy takes neither a password nor none",
      );
    }
    if (method === MethodPassword && login !== undefined) await logIn(stream, login);
    else if (method !== MethodNone) throw new ProxyError("SOCKS proxy chose what was not offered");
    await stream.write(request);
    await readReply(stream);
  });
}

function writeRequest(hostname: string, port: number): Uint8Array {
  const address = writeAddress(hostname);
  const bytes = new Uint8Array(3 + address.length + 2);
  bytes.set([Version, CommandConnect, 0]);
  bytes.set(address, 3);
  writeUint16(bytes, bytes.length - 2, port);
  return bytes;
}

/** Writes the type of an address and the address, with its length in front where it is a name. */
function writeAddress(hostname: string): Uint8Array {
  const address = parseAddress(hostname);
  if (address !== undefined) {
    return Uint8Array.of(address.length === 4 ? AddressIpv4 : AddressIpv6, ...address);
  }
  const name = encodeUtf8(hostname);
  if (name.length === 0 || name.length > 255) {
    throw new TypeError("A host for a SOCKS proxy has 1 to 255 bytes");
  }
  return Uint8Array.of(AddressName, name.length, ...name);
}

function writeLogin({ user, password }: Credentials): Uint8Array {
  const [userBytes, passwordBytes] = [encodeUtf8(user), encodeUtf8(password)];
  if (userBytes.length === 0 || userBytes.length > 255) {
    throw new TypeError("The user of a SOCKS proxy has 1 to 255 bytes");
  }
  // RFC 1929 wants a byte at least; where the user is a token, proxies take none, and curl sends none.
  if (passwordBytes.length > 255) {
    throw new TypeError("The password of a SOCKS proxy has at most 255 bytes");
  }
  return Uint8Array.of(
    PasswordVersion,
    userBytes.length,
    ...userBytes,
    passwordBytes.length,
    ...passwordBytes,
  );
}

async function logIn(stream: TunnelStream, login: Uint8Array): Promise<void> {
  await stream.write(login);
  const [version, status] = await take(stream, 2);
  if (version !== PasswordVersion) throw new ProxyError("SOCKS proxy answers in another protocol");
  if (status !== 0) throw new ProxyError("SOCKS proxy refused user or password");
}

/** Reads the reply with the address behind it, so that the first byte of the target is the next. */
async function readReply(stream: TunnelStream): Promise<void> {
  // Some proxies send only these two bytes when they refuse.
  const [version, reply] = await take(stream, 2);
  checkVersion(version);
  if (reply !== 0) {
    const words = replies[reply!] ?? `reply ${reply}`;
    throw new ProxyError(`SOCKS proxy refused the way: ${words}`, { status: reply! });
  }
  const [reserved, type] = await take(stream, 2);
  if (reserved !== 0) throw new ProxyError("SOCKS proxy answers in another protocol");
  await take(stream, (await addressLength(stream, type!)) + 2);
}

async function addressLength(stream: TunnelStream, type: number): Promise<number> {
  if (type === AddressIpv4) return 4;
  if (type === AddressIpv6) return 16;
  if (type !== AddressName)
    throw new ProxyError("SOCKS proxy answers with an unknown address type");
  return (await take(stream, 1))[0];
}

function checkVersion(version: number | undefined): void {
  if (version !== Version) throw new ProxyError("SOCKS proxy answers in another protocol");
}

/** Reads exactly so many bytes. */
async function take(stream: TunnelStream, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await stream.read(bytes.subarray(at));
    if (count === 0) throw new ProxyError("SOCKS proxy closed the connection instead of an answer");
    at += count;
  }
  return bytes;
}
