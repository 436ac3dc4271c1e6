import { describe, expect, it } from "vitest";
import { Namespaces, topicName } from "../../../adapters/crossws/namespaces.ts";
import type { Peer } from "../../../adapters/crossws/types.ts";

function peer(namespace: string): Peer {
  return { namespace } as Peer;
}

describe("Namespaces", () => {
  it("gives the same set of peers as long as a namespace has peers", () => {
    const namespaces = new Namespaces();
    const [a, b] = [peer("/x"), peer("/x")];
    namespaces.add(a);
    const peers = namespaces.of("/x");
    namespaces.add(b);
    namespaces.delete(a);
    expect(namespaces.of("/x")).toBe(peers);
    expect([...peers]).toEqual([b]);
  });

  it("forgets namespaces without peers, and makes none when asked about one", () => {
    const namespaces = new Namespaces();
    const a = peer("/x");
    namespaces.add(a);
    namespaces.delete(a);
    expect(namespaces.of("/y").size).toBe(0);
    expect(namespaces.all.size).toBe(0);
  });
});

describe("topicName()", () => {
  it("differs for each namespace and topic", () => {
    const names = [
      topicName("/a", "b"),
      topicName("/", "ab"),
      topicName("", "/ab"),
      topicName("/ab", ""),
      topicName("1:/a", "b"),
    ];
    expect(new Set(names).size).toBe(names.length);
  });
});
