/** What one side, or both, have to write down. */
interface Scenario {
  readonly name: string;
  readonly expected: { readonly client: readonly string[]; readonly server: readonly string[] };
}

export declare const scenarios: readonly Scenario[];
