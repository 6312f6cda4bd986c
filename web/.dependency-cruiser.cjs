/** Who may import whom (docs/develop/developing.md). Each rule has a planted violation in tests/web. */
const TEST = "\\.test\\.ts$";
const rule = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });
module.exports = {
  forbidden: [
    rule("no-cycles", "Cycles hide who depends on whom.", { pathNot: TEST }, { circular: true }),
    rule(
      "ui-through-state",
      "ui reaches the core through state alone.",
      { path: "^src/ui/", pathNot: TEST },
      { path: "^src/(core/(?!(api|calls/view)\\.ts$)|protocol/|platform/)" },
    ),
    rule(
      "state-through-link",
      "state talks to the worker through api and link.",
      { path: "^src/state/", pathNot: TEST },
      { path: "^src/(core/(?!(api|link|calls/view)\\.ts$)|protocol/|ui/)" },
    ),
    rule(
      "core-in-the-worker",
      "Keys, MLS and sync are reachable from the workers' entries alone; types cross to the page.",
      { path: "^src/(?!core/)", pathNot: TEST },
      { path: "^src/core/(?!(api|link|worker|callorders|callworker|calls/view)\\.ts$)" },
    ),
    rule(
      "core-knows-no-page",
      "The worker knows no page.",
      { path: "^src/core/", pathNot: TEST },
      { path: "^src/(ui|state|platform|i18n)/" },
    ),
    rule(
      "link-is-thin",
      "The page's side of the boundary carries types only.",
      { path: "^src/core/(api|link|callorders|calls/view|files/view|kept/view|search/view)\\.ts$" },
      { path: "^src/(?!core/api\\.ts$)|node_modules/", dependencyTypesNot: ["type-only"] },
    ),
    rule(
      "protocol-is-pure",
      "protocol imports its codecs and hashes only.",
      { path: "^src/protocol/", pathNot: TEST },
      { pathNot: "^src/protocol/|(^|/)node_modules/(cborg|@msgpack/msgpack|@noble/hashes)/" },
    ),
    rule(
      "public-side-apart",
      "The public side touches no private content: no MLS, no rules of chats, no verbs.",
      { path: "^src/core/public/", pathNot: TEST },
      { path: "^src/core/(mls|rules|verbs|shell)/" },
    ),
    rule(
      "mls-behind-the-wrapper",
      "ts-mls is imported under core/mls only.",
      { path: "^src/", pathNot: "^src/core/mls/" },
      { path: "(^|/)node_modules/ts-mls/" },
    ),
    rule(
      "service-worker-is-blind",
      "The service worker imports nothing.",
      { path: "^src/sw\\.ts$" },
      { path: "." },
    ),
    rule(
      "console-apart",
      "The moderators' page shares parts, words and look with the messenger, and nothing that knows a chat.",
      { path: "^src/(review\\.ts$|(ui|state)/review/)", pathNot: TEST },
      {
        path: "^src/(core/|platform/|protocol/|state/(?!review/|(ask|toasts)\\.svelte\\.ts$|public/shapes\\.ts$)|ui/(?!review/|parts/))",
      },
    ),
    rule(
      "messenger-without-console",
      "Nothing of the moderators' page is loaded or kept by the messenger.",
      { path: "^src/", pathNot: "^src/(review\\.ts$|(ui|state)/review/)" },
      { path: "^src/(review\\.ts$|(ui|state)/review/)" },
    ),
    rule(
      "i18n-stands-alone",
      "Words know no screens.",
      { path: "^src/i18n/", pathNot: TEST },
      { path: "^src/(ui|state|core|platform|protocol)/" },
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".svelte"],
      exportsFields: ["exports"],
      conditionNames: ["import", "default", "svelte"],
    },
  },
};
