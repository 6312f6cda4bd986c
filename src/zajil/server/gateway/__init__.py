"""WebSocket gateway. `receiver`, `sender` and `connection` hold the rules and touch no socket; a shell moves the bytes.

Two kinds of session, never mixed: R (`/v1/ws`) belongs to one device and receives; S (`/v1/send`) carries no account
and sends. No frame names a sender.
"""
