"""Waking devices that are not connected: their subscriptions, and the queue of who is to be woken."""
