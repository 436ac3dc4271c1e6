import { describe, expect, it } from "vitest";
import { hasHooks, hooksByFetch, hooksOf } from "../../../adapters/crossws/fetch-hooks.ts";
import type { Hooks } from "../../../adapters/crossws/types.ts";

const key = Symbol.for("crossws.hooks");
const hooks: Hooks = { message() {} };

/** Asks an application that answers so. */
async function ask(answer: (request: Request) => unknown): Promise<Hooks | undefined> {
  const request = Object.assign(new Request("http://localhost/"), { context: {} });
  return (await hooksByFetch(answer)(request)) as Hooks | undefined;
}

/** An answer that says that an upgrade is wanted. */
function wanted(): Response {
  return new Response("upgrade", { status: 426 });
}

describe("hooksByFetch()", () => {
  it("finds hooks on the answer, on the request and in its context", async () => {
    expect(await ask(() => Object.assign(wanted(), { crossws: hooks }))).toBe(hooks);
    expect(await ask((request) => (Object.assign(request, { [key]: hooks }), wanted()))).toBe(
      hooks,
    );
    const inContext = ask((request) => {
      Object.assign((request as unknown as { context: object }).context, { [key]: hooks });
      return wanted();
    });
    expect(await inContext).toBe(hooks);
    expect(await ask(() => ({ crossws: hooks }))).toBe(hooks);
  });

  it("cancels the body of an answer that nobody reads", async () => {
    let isCancelled = false;
    const body = new ReadableStream({
      cancel() {
        isCancelled = true;
      },
    });
    await ask(() => Object.assign(new Response(body), { crossws: hooks }));
    expect(isCancelled).toBe(true);
  });

  it.each([404, 401, 500, 426])(
    "refuses with an answer of %d that has no hooks",
    async (status) => {
      const response = new Response("no", { status });
      const given = await ask(() => response);
      expect(await given!.upgrade!(new Request("http://localhost/") as never)).toBe(response);
    },
  );

  it("gives no hooks for a successful answer without hooks", async () => {
    expect(await ask(() => new Response("ok"))).toBeUndefined();
    expect(await ask(() => undefined)).toBeUndefined();
  });

  it("adds the headers of a plain answer to those of the upgrade hook, which go first", async () => {
    const own: Hooks = { upgrade: () => ({ protocol: "p", headers: { "X-A": "hook" } }) };
    const given = await ask(() => ({ crossws: own, headers: { "X-A": "answer", "X-B": "b" } }));
    const result = (await given!.upgrade!({} as never)) as { headers: object[]; protocol: string };
    expect(result.protocol).toBe("p");
    expect(result.headers).toEqual([
      ["X-B", "b"],
      ["X-A", "hook"],
    ]);
  });

  it("leaves a refusal of the upgrade hook as it is", async () => {
    const refusal = new Response(null, { status: 403 });
    const own: Hooks = { upgrade: () => refusal };
    const given = await ask(() => ({ crossws: own, headers: {} }));
    expect(await given!.upgrade!({} as never)).toBe(refusal);
  });
});

describe("hooksOf()", () => {
  it("takes only the hooks out of the options, and keeps the options as their this", () => {
    const options = {
      resolve: () => {},
      text: "",
      open() {
        this.text = "opened";
      },
    };
    const taken = hooksOf(options as Hooks);
    expect(Object.keys(taken)).toEqual(["open"]);
    void taken.open!({} as never);
    expect(options.text).toBe("opened");
  });
});

describe("hasHooks()", () => {
  it("tells whether there is a hook", () => {
    expect(hasHooks({ close() {} })).toBe(true);
    expect(hasHooks({ resolve() {} } as Hooks)).toBe(false);
  });
});
