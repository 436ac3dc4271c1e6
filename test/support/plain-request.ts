/**
 * A plain request as hooks are given it, with a body that tests feed.
 *
 * @module
 */

import { encodeUtf8 } from "../../src/bytes.ts";
import { HttpRequest } from "../../src/connection/http/request.ts";
import { RequestBody } from "../../src/connection/http/request-body.ts";
import { HeadParser } from "../../src/http/parser.ts";

/** A request, and its body. */
export interface PlainRequest {
  readonly request: HttpRequest;
  /** The body, of which nothing has come yet. */
  readonly body: RequestBody;
}

/** Makes a request. @param from Its first line, the bytes that its body has, and its header lines. */
export function plainRequest({
  line = "GET /a?b=c HTTP/1.1",
  length = 0,
  headers = "Host: localhost:80\r\n",
} = {}): PlainRequest {
  const parser = new HeadParser("request");
  parser.feed(encodeUtf8(`${line}\r\n${headers}\r\n`));
  const nothing = (): void => {};
  const body = new RequestBody(length, 1000, {
    onFull: nothing,
    onRoom: nothing,
    onWanted: nothing,
  });
  return { request: new HttpRequest(parser.head, {}, body), body };
}
