import { vi } from "vitest";

/** Counts how often what `task` imports anew asks for the runtime's `Response`; `task` gets what tells that. */
export async function countingResponse(
  task: (questions: () => number) => Promise<void>,
): Promise<void> {
  const own = Object.getOwnPropertyDescriptor(globalThis, "Response")!;
  const { Response } = globalThis;
  let questions = 0;
  const get = (): unknown => {
    questions++;
    return Response;
  };
  vi.resetModules();
  Object.defineProperty(globalThis, "Response", { configurable: true, get });
  try {
    await task(() => questions);
  } finally {
    Object.defineProperty(globalThis, "Response", own);
  }
}
