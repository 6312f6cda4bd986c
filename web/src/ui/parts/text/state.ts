/** The state of an own message as a word. */
import type { MessageState } from "../../../core/api.ts";
import { t } from "../../../i18n/catalogue.ts";

/** Empty for what somebody else wrote. */
export function sayState(state: MessageState): string {
  switch (state) {
    case "queued":
      return t.state_queued();
    case "sending":
      return t.state_sending();
    case "sent":
      return t.state_sent();
    case "delivered":
      return t.state_delivered();
    case "read":
      return t.state_read();
    case "failed":
      return t.state_failed();
    case "received":
      return "";
  }
}
