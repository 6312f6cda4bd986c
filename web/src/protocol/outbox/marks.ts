/**
 * What a person sees of an own message: a clock, one tick, two ticks, two coloured ones, or a red mark; twin of
 * zajil.protocol.outbox.marks.
 *
 * A mark never goes backwards. A receipt proves that the server had the message, so it counts from any mark, and an
 * echo or receipt that comes after a red mark takes it away. `retry` is the person's: the message is queued again.
 */

export type MarkState = "queued" | "sending" | "sent" | "delivered" | "read" | "failed";
export type MarkEvent = "seal" | "accept" | "fail" | "delivered" | "read" | "retry";

// prettier-ignore
const TABLE: Readonly<Record<MarkEvent, Readonly<Record<MarkState, MarkState>>>> = {
  seal:      { queued: "sending",   sending: "sending",   sent: "sent",      delivered: "delivered", read: "read", failed: "failed" },
  accept:    { queued: "sent",      sending: "sent",      sent: "sent",      delivered: "delivered", read: "read", failed: "sent" },
  fail:      { queued: "failed",    sending: "failed",    sent: "sent",      delivered: "delivered", read: "read", failed: "failed" },
  delivered: { queued: "delivered", sending: "delivered", sent: "delivered", delivered: "delivered", read: "read", failed: "delivered" },
  read:      { queued: "read",      sending: "read",      sent: "read",      delivered: "read",      read: "read", failed: "read" },
  retry:     { queued: "queued",    sending: "sending",   sent: "sent",      delivered: "delivered", read: "read", failed: "queued" },
};

/** The mark of an own message after an event; the same one where it says nothing new. */
export function nextMark(mark: MarkState, event: MarkEvent): MarkState {
  return TABLE[event][mark];
}
