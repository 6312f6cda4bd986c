/** What the build provides: compiled catalogues, and what this build is. */
declare module "virtual:messages/*" {
  const messages: Record<string, (values?: Record<string, unknown>) => string>;
  export default messages;
}
/** Version of the package this client was built with. */
declare const __ZAJIL_VERSION__: string;
