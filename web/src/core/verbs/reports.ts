/** Calls that report messages of a private chat to the moderators of the server. */
import type { ReportResult } from "../api.ts";
import { Malformed, Refused } from "../../protocol/errors.ts";
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
      const { request, key } = await host.core().step("report", async (step) => {
        const items = reports.itemsOf(await reports.draftReport(step, chat, ids));
        const request = encodeReport({ reason, note, complaint, items });
        return { request, key: await reports.keyOf(step, request) };
      });
      const answered = () => host.core().step("reported", (step) => reports.noteAnswered(step, key));
      try {
        const taken = await sendReport(host, request, key);
        await answered();
        return { outcome: taken.verified ? "sent" : "sent-as-complaint", id: encodeB64(taken.report_id) };
      } catch (problem) {
        if (problem instanceof Malformed || problem instanceof Refused) await answered();
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
