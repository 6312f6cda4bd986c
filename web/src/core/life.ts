/**
 * What an account lives by: MLS, the rules of chats, the session, and the calls about its lines. It loads apart from the
 * start of the worker, as one chunk (vite.config.ts): the lead is taken and a server is asked without it.
 */
export { eventsOf } from "./events.ts";
export { Core } from "./rules/core.ts";
export { Tokens } from "./shell/login.ts";
export { Runner } from "./shell/runner.ts";
export { talkVerbs } from "./verbs/talk.ts";
