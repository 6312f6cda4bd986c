"""The whole laboratory of calls: network, servers, and two people's browsers, built once for a run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.calls.routes.network import CallNetwork
from tests.calls.routes.person import Person
from tests.calls.routes.site import Servers
from tests.calls.routes.voice import write_voice
from tests.censor.lab.certificates import Authority
from tests.censor.lab.network import Namespace


class CallLaboratory:
    """Everything that runs, and Anna and Boris, who know each other. `delete` ends it all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "certificates").mkdir()
        self.authority = Authority(folder / "certificates")
        self.network = CallNetwork(authority=self.authority.pem)
        try:
            self.servers = Servers(self.network.hosts, folder / "servers", self.authority)
            self.anna = self._person("Anna", self.network.anna, seed=1)
            self.boris = self._person("Boris", self.network.boris, seed=2)
            self._introduce()
        except BaseException:
            self.network.delete()
            raise

    def _person(self, name: str, namespace: Namespace, *, seed: int) -> Person:
        voice = write_voice(self.folder / f"{name}.wav", seed=seed)
        environment = {
            "LAB_PROFILE": tempfile.mkdtemp(dir=self.folder),
            "LAB_PIN": self.authority.spki_pin(),
            "LAB_SOUND": str(voice),
        }
        return Person(name, namespace, environment, log=self.folder / f"{name}.log")

    def _introduce(self) -> None:
        for person in (self.anna, self.boris):
            person.sign_up(self.servers.origin.invite_link())
        self.boris.add(self.anna.invite(), "hello")
        self.anna.open_chat("Boris", "hello")

    def delete(self) -> None:
        """Ends all of it."""
        for person in (self.anna, self.boris):
            person.leave()
        self.network.delete()
