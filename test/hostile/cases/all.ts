import type { Case } from "../support.ts";
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
import { requestLineCases } from "./request-line.ts";
import { subprotocolCases } from "./subprotocols.ts";
import { utf8Cases } from "./utf8.ts";

/** The battery's table by what each part is about. */
export const tables: readonly (readonly [subject: string, cases: readonly Case[]])[] = [
  ["a request line", requestLineCases],
  ["headers", headerCases],
  ["fields of the handshake", fieldCases],
  ["what follows a request", bodyCases],
  ["what an application decides", hookCases],
  ["subprotocols", subprotocolCases],
  ["offers of extensions", extensionCases],
  ["headers of frames", frameCases],
  ["lengths of frames", lengthCases],
  ["fragmented messages", fragmentCases],
  ["close frames", closingCases],
  ["UTF-8", utf8Cases],
  ["compressed messages", deflateCases],
];

export const allCases: readonly Case[] = tables.flatMap(([, cases]) => cases);
