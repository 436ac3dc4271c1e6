import type { Case, Role, Row } from "../support.ts";
import { bodyCases } from "./bodies.ts";
import { closingCases } from "./closing.ts";
import { deflateCases } from "./deflate.ts";
import { extensionCases } from "./extensions.ts";
import { fieldCases } from "./fields.ts";
import { fragmentCases } from "./fragments.ts";
import { frameCases } from "./frames.ts";
import { headerCases } from "./headers.ts";
import { hookCases } from "./hooks.ts";
import { lengthCases } from "./lengths.ts";
import { proxyCases } from "./proxies.ts";
import { requestLineCases } from "./request-line.ts";
import { responseCases } from "./responses.ts";
import { subprotocolCases } from "./subprotocols.ts";
import { utf8Cases } from "./utf8.ts";

const rows: readonly (readonly [subject: string, rows: readonly Row[]])[] = [
  ["a request line", requestLineCases],
  ["headers", headerCases],
  ["fields of the handshake", fieldCases],
  ["what follows a request", bodyCases],
  ["what an application decides", hookCases],
  ["proxies", proxyCases],
  ["subprotocols", subprotocolCases],
  ["offers of extensions", extensionCases],
  ["responses", responseCases],
  ["headers of frames", frameCases],
  ["lengths of frames", lengthCases],
  ["fragmented messages", fragmentCases],
  ["close frames", closingCases],
  ["UTF-8", utf8Cases],
  ["compressed messages", deflateCases],
];

/** The battery's table: for each role and subject its cases. */
export const tables: readonly (readonly [role: Role, subject: string, cases: readonly Case[]])[] = (
  ["server", "client"] as const
).flatMap((role) =>
  rows
    .map(
      ([subject, all]) => [role, subject, all.flat().filter((one) => one.role === role)] as const,
    )
    .filter(([, , cases]) => cases.length > 0),
);

/** All cases of a role. */
export function casesOf(role: Role): readonly Case[] {
  return tables.flatMap(([own, , cases]) => (own === role ? cases : []));
}
