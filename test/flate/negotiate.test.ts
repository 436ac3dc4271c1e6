import { describe, expect, it } from "vitest";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { acceptOffer, checkAnswer, flateSides, Negotiator } from "../../src/flate/negotiate.ts";
import {
  defaultParameters,
  type Parameters,
  parametersOption,
  parseAnswer,
  parseOffer,
} from "../../src/flate/parameters.ts";
import { parseOptions, writeOptions } from "../../src/http/option.ts";

const anything: Parameters = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 0,
  clientMaxWindowBits: 0,
};

function parse(parameters: string, parser: typeof parseOffer): Parameters {
  const text = parameters === "" ? "permessage-deflate" : `permessage-deflate; ${parameters}`;
  return parser(parseOptions(text)![0]!)!;
}

function written(parameters: Parameters): string {
  return writeOptions([parametersOption(parameters)]).replace(/^permessage-deflate(; )?/, "");
}

/** What a server says to an offer. */
const answers: [offer: string, want: Partial<Parameters>, answer: string][] = [
  ["", {}, ""],
  // 7.1.1.1: repeated where it was offered, added where the server wants it
  ["server_no_context_takeover", {}, "server_no_context_takeover"],
  ["", { serverNoContextTakeover: true }, "server_no_context_takeover"],
  // 7.1.1.2: a hint in the offer
  ["client_no_context_takeover", {}, "client_no_context_takeover"],
  ["", { clientNoContextTakeover: true }, "client_no_context_takeover"],
  // 7.1.2.1: the same value or a smaller one
  ["server_max_window_bits=10", {}, "server_max_window_bits=10"],
  ["server_max_window_bits=10", { serverMaxWindowBits: 12 }, "server_max_window_bits=10"],
  ["server_max_window_bits=10", { serverMaxWindowBits: 9 }, "server_max_window_bits=9"],
  ["server_max_window_bits=8", {}, "server_max_window_bits=8"],
  ["server_max_window_bits=15", {}, "server_max_window_bits=15"],
  ["", { serverMaxWindowBits: 11 }, "server_max_window_bits=11"],
  ["", { serverMaxWindowBits: 15 }, ""],
  // 7.1.2.2: only where it was offered, and not larger
  ["", { clientMaxWindowBits: 11 }, ""],
  ["client_max_window_bits", {}, ""],
  ["client_max_window_bits", { clientMaxWindowBits: 11 }, "client_max_window_bits=11"],
  ["client_max_window_bits=10", {}, "client_max_window_bits=10"],
  ["client_max_window_bits=10", { clientMaxWindowBits: 11 }, "client_max_window_bits=10"],
  ["client_max_window_bits=10", { clientMaxWindowBits: 9 }, "client_max_window_bits=9"],
  ["client_max_window_bits=15", {}, ""],
];

describe("acceptOffer()", () => {
  it.each(answers)("answers %j with the options %o by %j", (offer, want, answer) => {
    expect(written(acceptOffer(parse(offer, parseOffer), { ...anything, ...want }))).toBe(answer);
  });

  it.each(answers)(
    "answers %j with the options %o so that the client may accept it",
    (offer, want) => {
      const offered = parse(offer, parseOffer);
      expect(checkAnswer(acceptOffer(offered, { ...anything, ...want }), offered)).toBe(true);
    },
  );
});

describe("checkAnswer()", () => {
  it.each([
    ["", "client_max_window_bits=10"],
    ["client_max_window_bits=10", "client_max_window_bits=11"],
    ["server_max_window_bits=10", "server_max_window_bits=11"],
    ["server_max_window_bits=10", ""],
    ["server_no_context_takeover", ""],
  ])("to %j refuses %j", (offer, answer) => {
    expect(checkAnswer(parse(answer, parseAnswer), parse(offer, parseOffer))).toBe(false);
  });

  it.each([
    ["", "server_no_context_takeover; client_no_context_takeover"],
    ["", "server_max_window_bits=9"],
    ["client_max_window_bits", "client_max_window_bits=15"],
    ["client_max_window_bits", ""],
    ["client_no_context_takeover", ""],
    ["server_max_window_bits=10", "server_max_window_bits=10"],
  ])("to %j accepts %j", (offer, answer) => {
    expect(checkAnswer(parse(answer, parseAnswer), parse(offer, parseOffer))).toBe(true);
  });
});

describe("flateSides()", () => {
  const agreed = parse("server_no_context_takeover; client_max_window_bits=10", parseAnswer);
  const server = { windowBits: 15, takeover: false };
  const client = { windowBits: 10, takeover: true };

  it("says how each side compresses", () => {
    expect(flateSides(agreed, StateServerSide)).toEqual({ deflate: server, inflate: client });
    expect(flateSides(agreed, StateClientSide)).toEqual({ deflate: client, inflate: server });
  });
});

describe("Negotiator", () => {
  it("agrees to the first legal offer, and to no other after it", () => {
    const negotiator = new Negotiator(defaultParameters);
    const offers = parseOptions(
      "x-other, permessage-deflate; server_max_window_bits=7, permessage-deflate; client_max_window_bits, permessage-deflate",
    )!;
    const answered = offers.map((offer) => negotiator.negotiate(offer));
    expect(answered.map((answer) => answer !== undefined)).toEqual([false, false, true, false]);
    expect(negotiator.accepted).toEqual(defaultParameters);
    negotiator.reset();
    expect(negotiator.accepted).toBeUndefined();
    expect(negotiator.negotiate(offers[3]!)).toBeDefined();
  });
});
