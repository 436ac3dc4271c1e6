/**
 * Version 1 of the PROXY protocol: one line of text (proxy-protocol.txt, 2.1).
 *
 * @module
 */

import { parseAddress, unmapped, writeAddress } from "../../ip-address.ts";
import { plainProxied, type Proxied, type ProxiedAddress } from "./proxied.ts";

/** "the largest possible line ... 107 chars", including its CRLF. */
export const MaxTextSize = 107;

const families: Readonly<Record<string, number>> = { TCP4: 4, TCP6: 16 };

/**
 * Reads a line.
 *
 * @param line Without its CRLF.
 * @returns undefined if it is malformed.
 */
export function parseTextHeader(line: string): Proxied | undefined {
  const [name, family, ...rest] = line.split(" ") as [string, string?, ...string[]];
  if (name !== "PROXY" || family === undefined) return undefined;
  // "the receiver must ignore anything presented before the CRLF"
  if (family === "UNKNOWN") return plainProxied(1);
  const size = Object.hasOwn(families, family) ? families[family] : undefined;
  if (size === undefined || rest.length !== 4) return undefined;
  const [from, to, fromPort, toPort] = rest as [string, string, string, string];
  const source = toAddress(from, fromPort, size);
  const destination = toAddress(to, toPort, size);
  if (source === undefined || destination === undefined) return undefined;
  return plainProxied(1, source, destination);
}

function toAddress(text: string, port: string, size: number): ProxiedAddress | undefined {
  const bytes = parseAddress(text);
  if (bytes?.length !== size) return undefined;
  // "0 <= port <= 65535", and "heading zeroes are not permitted"
  if (!/^(?:0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65_535) return undefined;
  return { address: writeAddress(unmapped(bytes)), port: Number(port) };
}
