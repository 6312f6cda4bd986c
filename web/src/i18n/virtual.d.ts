/** What the build provides: compiled catalogues, and what this build is. */
declare module "virtual:messages/*" {
  const words: readonly (string | ((values: Record<string, unknown>) => string) | undefined)[];
  export default words;
}
/** The keys of a part, in the order of its words in every language. */
declare module "virtual:messages/keys/*" {
  const keys: readonly string[];
  export default keys;
}
/** Version of the package this client was built with. */
declare const __ZAJIL_VERSION__: string;
