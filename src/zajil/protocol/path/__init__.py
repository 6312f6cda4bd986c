"""Which way to the server: candidates, races, memory, freeze detection, and what a person is told. Sans-I/O.

Begin with `dialer`: its docstring is the design, event by event.
"""

from zajil.protocol.path.actions import Action, Carry, Prove, Route, Start, Stop
from zajil.protocol.path.candidates import Candidate, Failure, Mode, Preference, Strategy
from zajil.protocol.path.dialer import Dialer
from zajil.protocol.path.memory import Memory, encode_memory, parse_memory
from zajil.protocol.path.pace import Pace
from zajil.protocol.path.view import PathView, State, Try

__all__ = [
    "Action",
    "Candidate",
    "Carry",
    "Dialer",
    "Failure",
    "Memory",
    "Mode",
    "Pace",
    "PathView",
    "Preference",
    "Prove",
    "Route",
    "Start",
    "State",
    "Stop",
    "Strategy",
    "Try",
    "encode_memory",
    "parse_memory",
]
