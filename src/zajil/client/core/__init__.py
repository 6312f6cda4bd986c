"""The delivery rules: synchronous and deterministic. Each step is one transaction; time and randomness are arguments.

`core.Core` is the surface the asyncio shell and the tests drive. No module here opens a socket or reads a clock.
"""
