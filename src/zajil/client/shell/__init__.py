"""The asyncio shell: sockets, HTTP, clock and randomness around the core. It decides nothing about delivery."""
