import { accepted, type Row, type Outcome, refused, request, row, type Setup } from "../support.ts";

/** Section D of the battery: the negotiation of subprotocols. */

/** Tells in the response what the client offers, and takes the first. */
const takesFirst: Setup = {
  handlers: () => ({
    upgrade: ({ protocols }) => ({
      protocol: protocols[0],
      headers: [["X-Offered", protocols.join(" ")]],
    }),
  }),
};

function offers(id: string, name: string, values: readonly string[], outcome: Outcome): Row {
  const more = values.map((value) => `Sec-WebSocket-Protocol: ${value}`);
  return row(id, name, request({ more }), outcome, takesFirst);
}

/** The first is taken, and all are seen. */
function takes(...protocols: readonly string[]): Outcome {
  const first = protocols[0] ?? null;
  return accepted({
    headers: { "sec-websocket-protocol": first, "x-offered": protocols.join(" ") },
  });
}

const badOffer = refused(400, "BAD_SUBPROTOCOL");

export const subprotocolCases: readonly Row[] = [
  offers("D-68a", "an empty element", ["a,,b"], takes("a", "b")),
  offers("D-68b", "empty elements at both ends", [" , a ,, b , "], takes("a", "b")),
  offers("D-68c", "nothing but commas", [",,,"], badOffer),
  offers("D-68d", "an empty list", [""], badOffer),
  offers("D-68e", "a list over two headers", ["a, b", "c"], takes("a", "b", "c")),
  offers(
    "D-68f",
    "names of an object's own members",
    ["__proto__, constructor"],
    takes("__proto__", "constructor"),
  ),
  offers("D-69a", "one twice", ["a, a"], badOffer),
  offers("D-69b", "one twice over two headers", ["a, b", "b"], badOffer),
  offers("D-69c", "one twice but for its letters", ["a, A"], takes("a", "A")),
  ...["a b", "a;b", '"a"', "a/b", "a, b@c", "a=b", "\xe4", "a\tb"].map((value) =>
    offers(`D-70 ${JSON.stringify(value)}`, "one that is no token", [value], badOffer),
  ),
  ...["", " ", ", ,"].map((value) =>
    row(
      `D-69e ${JSON.stringify(value)}`,
      "none in the header",
      request({ more: [`Sec-WebSocket-Protocol: ${value}`] }),
      badOffer,
    ),
  ),
  offers("D-69f", "none in one of two lines", ["", "a"], takes("a")),
  row(
    "D-69d",
    "one twice, where no hook asks",
    request({ more: ["Sec-WebSocket-Protocol: a, a"] }),
    badOffer,
  ),
  row(
    "D-70",
    "one that is no token, where no hook asks",
    request({ more: ["Sec-WebSocket-Protocol: a b"] }),
    badOffer,
  ),
  offers("D-71a", "8000 blanks inside one", [`b${" ".repeat(8000)}x`], badOffer),
  offers("D-71b", "8000 blanks between two", [`b${" ".repeat(8000)},x`], takes("b", "x")),
  offers("D-71c", "8000 commas between two", [`b${",".repeat(8000)}x`], takes("b", "x")),
];
