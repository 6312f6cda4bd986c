"""Registration by proof of work, in the format of ALTCHA v2; see docs/protocol/gate.md."""
