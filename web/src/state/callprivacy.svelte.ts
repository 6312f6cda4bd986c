/** Whether calls go through relays alone, whoever is called. A setting of this browser; others never learn of it. */
import { browser } from "./host.ts";

const NAME = "hide-address";

/** Read at the start of each call. */
export function isAddressHidden(): boolean {
  return browser().readPreference(NAME) === "yes";
}

class CallPrivacy {
  hideAddress = $state(isAddressHidden());

  set(hidden: boolean): void {
    this.hideAddress = hidden;
    browser().writePreference(NAME, hidden ? "yes" : "no");
  }
}

/** For the screen that shows the switch. */
export const callPrivacy = (): CallPrivacy => new CallPrivacy();
