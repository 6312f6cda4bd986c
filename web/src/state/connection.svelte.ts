/** The connection as the whole page follows it: whether it calls for alarm, and what is read aloud of it. */
import { untrack } from "svelte";
import { RouteWatch } from "./route.ts";
import { session } from "./session.svelte.ts";
import { toasts } from "./toasts.svelte.ts";

/** calm: no alarm colour, there is a way or it was lost a moment ago. */
export const alarm = $state({ calm: true });

/** Follow the session, in a component that lives as long as the page. */
export function followConnection(): void {
  const watch = new RouteWatch({ calm: (calm) => (alarm.calm = calm), say: (words) => toasts.say(words) });
  $effect(() => {
    const status = session.status;
    if (status?.me) untrack(() => watch.see(status.connection));
  });
}
