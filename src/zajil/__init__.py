"""Zajil: an end-to-end encrypted messenger that stays reachable."""

from zajil import native

# Before any module that can be compiled is imported: a program has all of them compiled or none.
native.install()
