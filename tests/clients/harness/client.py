"""FATE's client, unmodified, with its settings in a folder of its own.

`flow init` and `pipeline init` write settings beside the client's code, and `pipeline` writes its logs there. The three packages are
therefore copied out of the environment for each federation, and the copy comes first on the path.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .federation import address

PACKAGES = ("flow_client", "flow_sdk", "pipeline")
LIMIT = 240


def _installed(package):
    folder = Path(sys.prefix) / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages" / package
    if not folder.is_dir():
        folder = Path(importlib.util.find_spec(package).submodule_search_locations[0])
    return folder


def copy_of_the_client(folder):
    """Copies the client's packages; the folder is for the front of the path."""
    for package in PACKAGES:
        shutil.copytree(_installed(package), Path(folder) / package, ignore=shutil.ignore_patterns("__pycache__", "logs"))
    return Path(folder)


class Client:
    """The commands `flow` and `pipeline`, for one federation."""

    def __init__(self, packages, endpoint, app_key=None, secret_key=None):
        self.packages = Path(packages)
        self.host, self.port = address(endpoint)
        self.keys = {"app_key": app_key, "secret_key": secret_key}
        keys = ["--app-key", app_key, "--secret-key", secret_key] if app_key else []
        where = ["--ip", self.host, "--port", str(self.port), *keys]
        said = reply_in(self.run("flow", "init", *where, cwd=self.packages).stdout)
        assert said["retcode"] == 0, said
        assert "succeeded" in self.run("pipeline", "init", *where, cwd=self.packages).stdout

    @property
    def environment(self):
        """What a process needs to find this client."""
        return {**os.environ, "PYTHONPATH": str(self.packages)}

    def run(self, program, *arguments, cwd):
        """Runs one command and gives what it printed; it must end well and without a traceback."""
        command = [str(Path(sys.prefix) / "bin" / program), *map(str, arguments)]
        done = subprocess.run(
            command, cwd=cwd, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT
        )
        said = f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0 and "Traceback" not in done.stderr, said
        return done

    def sdk(self, **keys):
        """`flow_sdk`, in this process."""
        from flow_sdk.client import FlowClient

        return FlowClient(self.host, self.port, "v1", **{**self.keys, **keys})


def reply_in(printed):
    """The JSON a command printed: before it stands a line about torch, or progress."""
    start = re.search(r"^\{", printed, re.MULTILINE)
    assert start, f"no reply in {printed!r}"
    return json.loads(printed[start.start() :])


class Commands:
    """The command line in a working directory of its own."""

    def __init__(self, client, folder):
        self.client = client
        self.folder = Path(folder)

    def __call__(self, *arguments):
        """Runs `flow` and gives the reply it printed."""
        return reply_in(self.text(*arguments))

    def text(self, *arguments):
        """Runs `flow` and gives all it printed."""
        return self.client.run("flow", *arguments, cwd=self.folder).stdout

    def file(self, name, document):
        """Writes a document and gives its path."""
        path = self.folder / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)
