/** The table of endpoint/closing.ts as a picture, in the language that GitHub draws (Mermaid). */

import { type ClosingStage, closingTable } from "../../src/endpoint/closing.ts";

/** Gives the picture's lines, the fence included. */
export function closingPicture(): string[] {
  const stages = Object.keys(closingTable) as ClosingStage[];
  const arrows = stages.flatMap((stage) => {
    const events = Object.entries(closingTable[stage]);
    return stages.flatMap((next) => {
      const names = events.filter(([, to]) => to === next).map(([event]) => event);
      return names.length === 0 ? [] : [`  ${stage} --> ${next}: ${names.join(", ")}`];
    });
  });
  return ["```mermaid", "stateDiagram-v2", "  [*] --> open", ...arrows, "  closed --> [*]", "```"];
}
