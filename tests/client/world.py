"""A deterministic world for the client cores: the real delivery engine, devices on disk, and faults.

Being written by the builder "machine" together with `test_machine.py`; please leave both to it.
"""
