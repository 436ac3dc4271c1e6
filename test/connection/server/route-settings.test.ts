import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../../adapters/zlib/engine.ts";
import { Deadlines } from "../../../src/clock.ts";
import type { RouteOptions } from "../../../src/connection/handlers.ts";
import { RouteSettings } from "../../../src/connection/server/route-settings.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { ShiftExtension } from "../../support/shift-extension.ts";

const parts = { host: { engine: zlibEngine() }, deadlines: new Deadlines(new FakeClock()) };

/** Those of a server, and of a route on it. */
function settings(
  ofServer: RouteOptions,
  ofRoute: RouteOptions,
): readonly [RouteSettings, RouteSettings] {
  const base = new RouteSettings(parts, ofServer);
  return [base, base.with(ofRoute, "options.")];
}

describe("RouteSettings", () => {
  it("use the route's options, and the server's options for all others", () => {
    const [base, route] = settings(
      { maxMessageSize: 10, pingInterval: 5, protocols: ["a"] },
      { maxMessageSize: 20, pingInterval: undefined, overflow: "wait" },
    );
    expect(base.link).toMatchObject({ messages: { maxMessageSize: 10 }, overflow: "close" });
    expect(route.link).toMatchObject({
      messages: { maxMessageSize: 20 },
      times: { pingInterval: 5 },
      overflow: "wait",
    });
    expect([base.protocols, route.protocols]).toEqual([["a"], ["a"]]);
  });

  it("include the route's own origins, topics and slow receivers", () => {
    const [base, route] = settings(
      { origins: "same", maxTopics: 5 },
      { origins: ["https://a.example"], slowReceivers: "drop" },
    );
    expect([base.origins, base.delivery]).toEqual(["same", { slow: "buffer", maxTopics: 5 }]);
    expect([route.origins, route.delivery]).toEqual([
      ["https://a.example"],
      { slow: "drop", maxTopics: 5 },
    ]);
    const [bare, open] = settings({}, { maxTopics: 0 });
    expect([bare.origins, bare.delivery.maxTopics]).toEqual(["cookies", 1024]);
    expect(open.delivery.maxTopics).toBe(Infinity);
  });

  it("are resolved once for one object of options", () => {
    const base = new RouteSettings(parts, {});
    const options = { maxMessageSize: 5 };
    expect(base.with(options, "")).toBe(base.with(options, ""));
    expect(base.with({ ...options }, "")).not.toBe(base.with(options, ""));
  });

  it("share the compression of the server, unless a route has its own options for it", () => {
    const shift = new ShiftExtension();
    const [base, same] = settings({ compression: { level: 3 }, extensions: [shift] }, {});
    expect(base.extensions).toHaveLength(2);
    expect(same.extensions).toEqual(base.extensions);
    expect(same.extensions[0]).toBe(base.extensions[0]);
    expect(base.with({ compression: true }, "").extensions[0]).toBe(base.extensions[0]);
    expect(base.with({ compression: false }, "").extensions).toEqual([shift]);
    const own = base.with({ compression: { level: 9 } }, "").extensions;
    expect(own[0]).not.toBe(base.extensions[0]);
    expect(own).toHaveLength(2);
    expect(settings({}, { compression: true })[1].extensions).toHaveLength(1);
  });

  it("name a wrong option by its whole path", () => {
    const path = 'routes["/upload"].options.';
    const base = new RouteSettings(parts, {});
    const wrong = (options: unknown) => () => base.with(options as RouteOptions, path);
    expect(wrong({ maxMessageSiz: 5 })).toThrow(
      new TypeError(`Unknown option ${path}maxMessageSiz: did you mean maxMessageSize?`),
    );
    expect(wrong({ maxMessageSize: "5" })).toThrow(
      new TypeError(`${path}maxMessageSize must be a number: "5" is a string; write 5`),
    );
    expect(wrong({ maxMessageSize: -1 })).toThrow(RangeError);
    expect(wrong({ maxMessageSize: -1 })).toThrow(/^routes\["\/upload"\]\.options\.maxMessageSize/);
    expect(wrong({ unhandledErrors: "print" })).toThrow("Unknown option");
    expect(wrong({ maxTopics: 1.5 })).toThrow(/^routes\["\/upload"\]\.options\.maxTopics/);
    for (const name of ["handshakeTimeout", "maxHeadSize", "maxTargetSize", "maxHeaders"]) {
      expect(wrong({ [name]: 5 })).toThrow(
        new TypeError(
          `${path}${name} counts before the path is known: it is an option of the server`,
        ),
      );
    }
    const bare = new RouteSettings({ ...parts, host: {} }, {});
    expect(() => bare.with({ compression: true }, path)).toThrow(TypeError);
  });
});
