import { concat } from "../../src/bytes.ts";
import { Endpoint, type EndpointOptions, type Side } from "../../src/endpoint/endpoint.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import { drain } from "./sent.ts";
import { EventTrace, FrameTrace } from "./trace.ts";

/** Makes an endpoint that writes down its events, as `lines` of `trace`. */
export function newEndpoint(
  side: Side = "client",
  options?: EndpointOptions,
): { endpoint: Endpoint; lines: string[]; trace: EventTrace } {
  const trace = new EventTrace();
  return { endpoint: new Endpoint(side, trace, options), lines: trace.lines, trace };
}

/** All that an endpoint wants to send. */
export function sent({ output }: Endpoint): Uint8Array {
  return concat(drain(output));
}

/** All that an endpoint wants to send, as a trace of frames without their keys. */
export function sentLines(endpoint: Endpoint): string[] {
  const trace = new FrameTrace();
  new FrameDecoder(trace).feed(sent(endpoint));
  return trace.lines.map((line) => line.replace(/mask [0-9a-f]{8}/, "masked"));
}
