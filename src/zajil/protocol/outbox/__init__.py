"""The outbox of one device: each thing said exactly once, whatever breaks (web.md 5; mls.md 7.5, 7.6).

Four pure machines of the shape `step(state, event, now) -> (state, actions, next_deadline)`. None reads a clock or a
random source; ids, jitter and what MLS and the store find out are arguments.

- `items`: one item of the outbox from `queued` to `done`. Durable: the core runs it inside its transactions.
- `order`: which item of a chat may be sealed now. Run by the core before it seals.
- `sending`: the requests on S: on the wire, put off, answered. Volatile, run by the shell around S.
- `marks`: what a person sees of an own message: clock, one tick, two ticks, or why it failed.

The tables, readable: docs/protocol/delivery.md. The same in TypeScript: web/src/protocol/outbox. What ties them:
vectors/outbox.
"""
