"""What the suites of several clients begin with: one federation, its endpoint, two files; a conftest.py takes what it needs."""

from types import SimpleNamespace

import pytest

from . import tables
from .endpoint import Endpoint
from .federation import Federation


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the end of what the federation's processes logged."""
    report = (yield).get_result()
    federation = item.funcargs.get("federation") if report.failed else None
    if federation is not None:
        for log in sorted(federation.folder.glob("federation/*/*.log")):
            lines = log.read_text(errors="replace").splitlines()
            report.sections.append((f"end of {log.parent.name}/{log.name}", "\n".join(lines[-8:])))


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder for what all tests share."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="session")
def federation(place):
    """Guest 9999, host and arbiter 10000, fresh stores."""
    running = Federation(place / "main", "--import-root", str(place))
    yield running
    running.end()


@pytest.fixture(scope="session")
def endpoint(federation):
    """The coordinator's endpoint, FATE-Flow's API, without a client between."""
    return Endpoint(federation.endpoint, federation.token)


@pytest.fixture(scope="session")
def files(place):
    """The two files: `guest` and `host`."""
    guest, host = tables.write_tables(place)
    return SimpleNamespace(guest=guest, host=host)
