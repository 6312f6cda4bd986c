/** Whether calls are wanted in this tab. All else about them is loaded then; this little loads with the start. */
import type { CallKind } from "../core/calls/view.ts";
import { browser, canCall, listen } from "./host.ts";

/** Kept while a call lives: after a reload the call is offered again. */
export const LIVE = "call-live";

interface CallStart {
  wanted: boolean;
  /** What was pressed last; taken by the call's own state. */
  ask: { readonly chat: string; readonly kind: CallKind } | undefined;
  /** The call's screen covers all others. */
  full: boolean;
  /** This tab has a call. */
  here: boolean;
}

export const callStart = $state<CallStart>({ wanted: false, ask: undefined, full: false, here: false });

/** A press on Call. */
export function askCall(chat: string, kind: CallKind): void {
  callStart.ask = { chat, kind };
  callStart.wanted = true;
}

/** Wait for a call that rings, and for one that a reload cut off. */
export function followCalls(): void {
  if (!canCall()) return;
  const look = (): void => {
    if (browser().readPreference(LIVE) === "yes") callStart.wanted = true;
  };
  look();
  // A call of another tab is shown in this one, too.
  browser().onPreference(look);
  listen(({ event }) => {
    if (event === "calling") callStart.wanted = true;
  });
}
