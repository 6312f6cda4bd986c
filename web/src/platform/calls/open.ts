/** The way to the calls of this tab. Absent: this client has none yet, and shows no button for them. */
import type { Host } from "../../state/host.ts";

export const openCalls: Host["openCalls"] = undefined;
