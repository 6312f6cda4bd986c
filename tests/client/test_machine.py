"""The Hypothesis state machine of the delivery rules over the real client cores and the real engine.

Being written by the builder "machine" together with `world.py`; please leave both to it.
"""
