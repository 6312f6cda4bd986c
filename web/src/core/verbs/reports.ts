/** Calls that report messages of a private chat to the moderators of the server. */
import type { ReportResult } from "../api.ts";
import { Malformed } from "../../protocol/errors.ts";
import { encodeB64 } from "../../protocol/ids.ts";
import { encodeReport, NOTE_CHARACTERS } from "../../protocol/report.ts";
import * as reports from "../rules/talk/reports.ts";
import type { Handlers, Host } from "./handlers.ts";
import { sendReport } from "./remote.ts";
import { personOf } from "./views.ts";

/** Calls about reports. */
export function reportVerbs(host: Host): Handlers<"report_draft" | "report"> {
  return {
    report_draft: ({ chat, ids }) =>
      host.core().look(async (look) => {
        const draft = await reports.draftReport(look, chat, ids);
        const texts = reports.showDraft(look, draft).map(({ text, sent }) => ({ text, at: sent }));
        return { person: await personOf(look, draft.account), texts, note_characters: NOTE_CHARACTERS };
      }),
    async report({ chat, ids, reason, note, complaint }) {
      const draft = await host.core().look((look) => reports.draftReport(look, chat, ids));
      try {
        const taken = await sendReport(host, encodeReport({ reason, note, complaint, items: reports.itemsOf(draft) }));
        return { outcome: taken.verified ? "sent" : "sent-as-complaint", id: encodeB64(taken.report_id) };
      } catch (problem) {
        return unproven(problem);
      }
    },
  };
}

function unproven(problem: unknown): ReportResult {
  if (!(problem instanceof Malformed) || problem.code !== "report-unverified") throw problem;
  const { item, check } = problem.detail;
  return { outcome: "unproven", item: typeof item === "number" ? item : 0, check: String(check) };
}
