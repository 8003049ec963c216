"""One federation, its tables, a finished training, and ABEJA's client, shared by all tests."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness import documents, tables  # noqa: E402
from harness.federation import GUEST, HOST, Daemons  # noqa: E402
from harness.shared import endpoint, federation, files, place, pytest_runtest_makereport  # noqa: E402, F401

ORGANIZATION = "1234567890123"

# The client reads where the platform is when it is imported, and takes credentials from the environment.
for name in [name for name in os.environ if name.startswith(("ABEJA_", "PLATFORM_"))]:
    del os.environ[name]


def clients_at(endpoint, credential=None):
    """Every client that the tests use, for an endpoint."""
    from abeja import datalake, deployments, runs, training
    from abeja.common.connection import Connection

    Connection.BASE_URL = endpoint

    def client(package):
        return package.APIClient(credential=credential, max_retry_count=1)

    return SimpleNamespace(
        runs=client(runs), deployments=client(deployments), datalake=client(datalake), training=client(training)
    )


@pytest.fixture
def abeja(federation):
    """The clients at the coordinator's endpoint, with the credential of a person: the client sends it as a basic one."""
    return clients_at(federation.endpoint, {"user_id": "1234567890123", "personal_access_token": federation.token})


@pytest.fixture(scope="session")
def loaded(endpoint, files):
    """The two tables of the training."""
    for file, name, party in [(files.guest, tables.GUEST_TABLE, GUEST), (files.host, tables.HOST_TABLE, HOST)]:
        with open(file, "rb") as content:
            conf = {"head": 1, "partition": 4, "namespace": tables.NAMESPACE, "table_name": name, "party_id": party}
            reply = endpoint.session.post(
                f"{endpoint.base}/v1/data/upload", params=conf, files={"file": (file.name, content)}, timeout=60
            ).json()
        assert reply["retcode"] == 0, reply
        endpoint.succeeded(reply["jobId"])


def submit(endpoint, dsl, conf):
    reply = endpoint.post("job/submit", {"job_dsl": dsl, "job_runtime_conf": conf})
    assert reply["retcode"] == 0, reply
    return reply["jobId"]


@pytest.fixture(scope="session")
def trained(endpoint, loaded):
    """The finished training of a regression."""
    job = submit(endpoint, *documents.lr())
    endpoint.succeeded(job)
    return job


def model_of(abeja, job):
    """The training model that a training left."""
    for definition in abeja.training.get_training_job_definitions(ORGANIZATION)["entries"]:
        models = abeja.training.get_training_models(ORGANIZATION, definition["job_definition_id"])
        for model in models["entries"]:
            if model["training_job_id"] == job:
                return model
    raise AssertionError(f"no training model of job {job}")


@pytest.fixture
def deployed(abeja, request):
    """A deployment of the test's own, with a version."""
    deployment = abeja.deployments.create_deployment(ORGANIZATION, request.node.name[:200], "of a test")
    version = abeja.deployments.create_deployment_version(
        ORGANIZATION, deployment["deployment_id"], "0.0.3", "main:handler", "abeja-inc/all-cpu:19.04", {}
    )
    return SimpleNamespace(id=deployment["deployment_id"], version=version["version_id"], made=deployment, of=version)


def ended(abeja, deployed, run, endpoint):
    """The statuses a run was seen in, and how it ended."""
    seen = [run["status"]]

    def look():
        found = abeja.runs.get_run(ORGANIZATION, deployed.id, run["run_id"])
        if found["status"] != seen[-1]:
            seen.append(found["status"])
        return found

    found = endpoint.until(look, lambda found: found["status"] in ("SUCCEEDED", "FAILED"))
    return seen, found


@pytest.fixture(scope="session")
def guarded(place):
    """A federation whose coordinator asks who comes: `own` is a token of party 9999, `other` one of 10000."""
    import hashlib

    def entry(token, party):
        digest = hashlib.sha256(token.encode()).hexdigest()
        return f"\n[[access.tokens]]\nsha256 = \"{digest}\"\nparty = \"{party}\"\nexpires = \"2100-01-01\"\n"

    running = Daemons(place / "guarded", entry("own", GUEST) + entry("other", HOST))
    yield running
    running.end()
