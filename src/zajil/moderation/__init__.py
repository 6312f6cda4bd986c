"""The moderation service: what public posts say, what policy makes of it, and how people answer for it.

Needs the extra `zajil[moderation]`. Private chats never come here: what the pipeline takes are `PublicPost` and
`VerifiedReport` (`protocol/public`), and the packages `normalise`, `match` and `classify` take bare strings without any
identifier. Design: docs of the issue, `design/moderation.md`.
"""
