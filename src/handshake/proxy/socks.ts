/**
 * A tunnel through a SOCKS proxy of version 5 (RFC 1928), with user and password if the proxy asks for them (RFC 1929).
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

/** The meaning of a reply's codes (RFC 1928, 6). */
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
 * Makes a tunnel that asks a SOCKS proxy for a connection to `target`. A name is sent as it is, and the proxy looks it up; an
 * address is sent in binary form.
 *
 * @param credentials Offered in addition to "no authentication"; the proxy chooses. The user has 1 to 255 bytes of UTF-8, the
 * password at most 255.
 * @returns The tunnel. It fails with `TransportError` `PROXY_FAILED`. The cause is a {@link ProxyError} with the code of the
 * reply, or the error of the stream.
 * @throws {TypeError} The target or the credentials are too long for the protocol.
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

/** Writes the type of an address and the address. Before a name comes its length. */
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
  // RFC 1929 demands at least one byte. But if the user is a token, proxies accept an empty password, and curl sends one.
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

/** Reads the reply and the address after it, so that the next byte belongs to the target. */
async function readReply(stream: TunnelStream): Promise<void> {
  // Some proxies refuse with only these two bytes.
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

/** Reads exactly this many bytes. */
async function take(stream: TunnelStream, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await stream.read(bytes.subarray(at));
    if (count === 0) throw new ProxyError("SOCKS proxy closed the connection instead of an answer");
    at += count;
  }
  return bytes;
}
