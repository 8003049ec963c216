"""A federation whose Kubeflow API Kubeflow Pipelines' own clients speak to, in an environment of their own."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.federation import Daemons, Federation  # noqa: E402

import settings  # noqa: E402


class Raw:
    """The endpoint without a client."""

    def __init__(self, base, known=None):
        self.base = base
        self.known = known or {}

    def send(self, method, path, body=None, **headers):
        """Status, content type and text of an answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", **self.known, **headers}
        request = urllib.request.Request(f"{self.base}{path}", data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return SimpleNamespace(status=answer.status, kind=answer.headers["content-type"], text=answer.read().decode())
        except urllib.error.HTTPError as error:
            return SimpleNamespace(status=error.code, kind=error.headers["content-type"], text=error.read().decode())

    def json(self, method, path, body=None, **headers):
        """Status and value of an answer that must be JSON."""
        answer = self.send(method, path, body, **headers)
        assert answer.kind == "application/json", answer
        return answer.status, json.loads(answer.text)


@pytest.fixture(scope="session")
def federation(tmp_path_factory):
    running = Federation(tmp_path_factory.mktemp("kubeflow") / "main")
    yield running
    running.end()


@pytest.fixture(scope="session")
def open_federation(tmp_path_factory):
    """One that asks nobody, for the command `kfp`, which can show no token."""
    running = Federation(tmp_path_factory.mktemp("kubeflow") / "open", "--open")
    yield running
    running.end()


@pytest.fixture(scope="session")
def raw(federation):
    return Raw(federation.endpoint, federation.headers)


@pytest.fixture(scope="session")
def guarded(tmp_path_factory):
    """A coordinator that asks who comes."""
    daemons = Daemons(tmp_path_factory.mktemp("kubeflow") / "guarded", settings.ACCESS)
    yield daemons
    daemons.end()


@pytest.fixture(scope="session")
def namespaces(tmp_path_factory):
    """A coordinator in multi-user mode."""
    daemons = Daemons(tmp_path_factory.mktemp("kubeflow") / "namespaces", settings.MULTI_USER)
    yield daemons
    daemons.end()


@pytest.fixture
def name(request):
    """A name that no other test uses."""
    name.count = getattr(name, "count", 0) + 1
    return f"{request.node.name} {name.count}"
