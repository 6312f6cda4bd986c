"""The mailbox of one device: every message once, in order, stored before it is acknowledged (service.md 4, web.md 5).

Two pure machines of the shape `step(state, event, now) -> (state, actions, next_deadline)`. Neither reads a clock or
a random source; what MLS and the store find out comes in as an event.

- `receiving` lives as long as the process and is run by the shell around R. It knows sessions and carriers: when to
  say HELLO, which messages make a batch, when to acknowledge, when to dial again.
- `intake` is durable and is run inside the transaction that stores a batch. It knows the mailbox's position, the
  drains and the messages held for a later epoch: what is taken, dropped or kept, and when to ask to be re-added.

The tables, readable: docs/protocol/delivery.md. The same in TypeScript: web/src/protocol/mailbox. What ties them:
vectors/mailbox.
"""
