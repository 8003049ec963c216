"""A federation of real processes on this machine, as `fedflow up` runs it, or one daemon after the other."""

import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

GUEST = 9999
HOST = 10000
PATIENCE = 120


class Process:
    """A process of fedflow that says in one line that it can be used."""

    def __init__(self, log, *arguments, environment=None):
        self._log = open(log, "ab")
        self._process = subprocess.Popen(
            [os.environ["FEDFLOW"], *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            self.ready = json.loads(self._line())
        except BaseException:
            self.end()
            raise RuntimeError(f"fedflow {arguments[0]} did not start: {Path(log).read_text()[-4000:]}") from None

    def _line(self):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._process.poll() is None:
            readable, _, _ = select.select([self._process.stdout], [], [], 0.2)
            line = self._process.stdout.readline() if readable else b""
            if line.strip():
                return line
        return b""

    def end(self):
        """Ends it and what it started."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(60)
        self._process.stdout.close()
        self._log.close()


class Federation:
    """`fedflow up` in a folder, on ports that the system chooses. It asks for the credentials in its access.json, unless it is told
    to be `--open`."""

    def __init__(self, folder, *arguments):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        where = ["--dir", str(self.folder / "federation"), "--rest-port", "0", "--parties", f"{GUEST},{HOST}"]
        self._process = Process(self.folder / "up.log", "up", *where, *arguments)
        self.endpoint = self._process.ready["rest"]
        self.party_endpoints = {int(party): endpoint for party, endpoint in self._process.ready["parties"].items()}
        self.access = self._process.ready.get("access")
        known = json.loads(Path(self.access).read_text()) if self.access else {}
        self.token = known.get("token")
        self.keys = (known.get("app_key"), known.get("secret"))

    @property
    def headers(self):
        """What a request carries that no client makes."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def environment(self):
        """What the examples read."""
        return {**os.environ, **({"FEDFLOW_ACCESS": self.access} if self.access else {})}

    def end(self):
        """Ends every process, agents first, and waits for them."""
        self._process.end()


class Daemons:
    """The daemons of a folder that `fedflow up --open` made, started one by one, with more in the coordinator's settings."""

    def __init__(self, folder, settings, agents=True):
        self.folder = Path(folder)
        Federation(self.folder, "--open").end()
        made = self.folder / "federation"
        coordinator = made / "coordinator" / "coordinator.toml"
        coordinator.write_text(coordinator.read_text() + settings)
        agents = [made / f"party-{party}" / "agent.toml" for party in (GUEST, HOST) if agents]
        self._processes = []
        try:
            for kind, settings in [("coordinator", coordinator), *(("agent", agent) for agent in agents)]:
                log = self.folder / f"{settings.parent.name}.log"
                self._processes.append(Process(log, kind, "--config", str(settings)))
        except BaseException:
            self.end()
            raise
        self.endpoint = f"http://{self._processes[0].ready['rest']}"
        self.token, self.keys, self.headers = None, (None, None), {}

    def end(self):
        """Ends every process, agents first."""
        while self._processes:
            self._processes.pop().end()


def address(endpoint):
    """Host and port of an endpoint's URL."""
    host, port = endpoint.split("//", 1)[1].rstrip("/").rsplit(":", 1)
    return host, int(port)
