"""Disappearing messages: the timer of a chat, spans that begin when something is read, and what goes at their end."""
