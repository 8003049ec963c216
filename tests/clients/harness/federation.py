"""A federation of real processes on this machine, as `fedflow up` runs it."""

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


class Federation:
    """`fedflow up` in a folder, on ports that the system chooses."""

    def __init__(self, folder, *arguments, environment=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log = open(self.folder / "up.log", "ab")
        command = [os.environ["FEDFLOW"], "up", "--dir", str(self.folder / "federation"), "--rest-port", "0", *arguments]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            ready = json.loads(self._line())
        except BaseException:
            self.end()
            raise
        self.door = ready["rest"]
        self.party_doors = {int(party): door for party, door in ready["parties"].items()}

    def _line(self):
        """The line that says that the federation can be used."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._process.poll() is None:
            readable, _, _ = select.select([self._process.stdout], [], [], 0.2)
            if readable:
                line = self._process.stdout.readline()
                if line.strip():
                    return line
        raise RuntimeError(f"the federation did not start: {(self.folder / 'up.log').read_text()[-4000:]}")

    def end(self):
        """Ends every process, agents first, and waits for them."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(60)
        self._process.stdout.close()
        self._log.close()


def address(door):
    """Host and port of a door's URL."""
    host, port = door.split("//", 1)[1].rstrip("/").rsplit(":", 1)
    return host, int(port)
