"""One federation, its client, two tables and one finished training, shared by all tests; and what each test gets of its own."""

import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import documents, tables
from harness.client import Client, Commands, copy_of_the_client
from harness.shared import endpoint, federation, files, place, pytest_runtest_makereport  # noqa: F401

# The client writes beside its code, already when it is imported: this process takes it from a copy, too.
PACKAGES = copy_of_the_client(tempfile.mkdtemp(prefix="fedflow-client-"))
sys.path.insert(0, str(PACKAGES))


def pytest_unconfigure():
    shutil.rmtree(PACKAGES, ignore_errors=True)


@pytest.fixture(scope="session")
def client(federation):
    """FATE's client, set up for the coordinator's endpoint."""
    return Client(PACKAGES, federation.endpoint, *federation.keys)


@pytest.fixture(scope="session")
def sdk(client):
    """`flow_sdk`."""
    return client.sdk()


@pytest.fixture
def flow(client, tmp_path, monkeypatch):
    """The command `flow` in the test's own folder, which is this process's working directory, too."""
    monkeypatch.chdir(tmp_path)
    return Commands(client, tmp_path)


@pytest.fixture(scope="session")
def loaded(sdk, endpoint, files):
    """The two tables, uploaded through `flow_sdk`."""
    for file, name in [(files.guest, tables.GUEST_TABLE), (files.host, tables.HOST_TABLE)]:
        reply = sdk.data.upload(tables.upload_conf(file, name), drop=1)
        assert reply["retcode"] == 0, reply
        endpoint.succeeded(reply["jobId"])


@pytest.fixture(scope="session")
def train(client, endpoint, loaded, tmp_path_factory):
    """Submits the regression with `flow job submit` and gives its id, reply and documents; does not wait."""

    def submit(**changes):
        commands = Commands(client, tmp_path_factory.mktemp("submit"))
        dsl, conf = documents.lr(**changes)
        reply = commands("job", "submit", "-c", commands.file("conf.json", conf), "-d", commands.file("dsl.json", dsl))
        assert reply["retcode"] == 0, reply
        return SimpleNamespace(id=reply["jobId"], reply=reply, dsl=dsl, conf=conf)

    return submit


@pytest.fixture(scope="session")
def trained(train, endpoint):
    """The finished training that most cases read; nobody changes it."""
    job = train()
    job.at_once = endpoint.data("job/query", {"job_id": job.id})
    job.polled = {row["f_status"] for _ in range(200) for row in endpoint.data("job/query", {"job_id": job.id})}
    endpoint.succeeded(job.id)
    return job


@pytest.fixture(scope="session")
def spare(train, endpoint):
    """Another finished training, for tests that leave marks."""
    job = train()
    endpoint.succeeded(job.id)
    return job


@pytest.fixture(scope="session")
def deployed(client, trained, tmp_path_factory):
    """A deployed version of the training's model, as `flow model deploy` made it."""
    commands = Commands(client, tmp_path_factory.mktemp("deploy"))
    reply = commands(
        *["model", "deploy", "--model-id", documents.MODEL_ID, "--model-version", trained.id],
        *["--cpn-list", "data_transform_0,intersection_0,hetero_lr_0"],
    )
    assert reply["retcode"] == 0, reply
    return SimpleNamespace(reply=reply, model_id=documents.MODEL_ID, version=reply["data"]["model_version"])
