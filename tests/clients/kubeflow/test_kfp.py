"""`kfp.Client` and the command `kfp`, version 1.8.22: the rows of the conformance table marked K and C."""

import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

kfp = pytest.importorskip("kfp")

import kfp_server_api  # noqa: E402
from kfp_server_api.rest import RESTClientObject  # noqa: E402

import settings  # noqa: E402


@pytest.fixture(autouse=True)
def fresh_home(tmp_path, monkeypatch):
    """The client reads its settings from the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def sent(monkeypatch):
    """Every request that the client sends: method and address."""
    seen = []
    real = RESTClientObject.request

    def request(self, method, url, *more, **named):
        seen.append((method, url))
        return real(self, method, url, *more, **named)

    monkeypatch.setattr(RESTClientObject, "request", request)
    return seen


@pytest.fixture
def client(federation):
    return kfp.Client(host=federation.endpoint, existing_token=federation.token)


def test_k1_the_constructor_asks_for_health_once(federation, sent):
    client = kfp.Client(host=federation.endpoint, existing_token=federation.token)
    assert [method for method, _ in sent] == ["GET"] and sent[0][1].endswith("/apis/v1beta1/healthz")
    assert client.get_kfp_healthz().multi_user is False


def test_o3_below_the_usual_prefix_too(federation, client, name, sent):
    below = kfp.Client(host=f"{federation.endpoint}/pipeline", existing_token=federation.token)
    assert below.get_kfp_healthz().multi_user is False
    made = below.create_experiment(name)
    assert made.id and client.get_experiment(experiment_name=name).id == made.id
    assert name in [one.name for one in below.list_experiments(page_size=200).experiments]
    with pytest.raises(kfp_server_api.ApiException) as refused:
        below.get_experiment(experiment_id="x")
    assert refused.value.status == 404
    for elsewhere in ["/nothing", "/pipelines"]:
        with pytest.raises(Exception):
            kfp.Client(host=federation.endpoint + elsewhere, existing_token=federation.token)


def test_k5_creating_twice_gives_the_same(client, name, sent):
    first, second = (client.create_experiment(name, description="d") for _ in range(2))
    assert first.id == second.id and str(uuid.UUID(first.id)) == first.id
    assert [method for method, _ in sent].count("POST") == 1


def test_k7_the_default_experiment_is_listed(client):
    listed = client.list_experiments(page_size=200).experiments
    assert "Default" in [one.name for one in listed]


def test_k8_get_by_name_and_id(client, name):
    made = client.create_experiment(name)
    assert client.get_experiment(experiment_name=name).id == made.id
    assert client.get_experiment(experiment_id=made.id).name == name
    with pytest.raises(ValueError):
        client.get_experiment(experiment_name=f"{name} is not there")
    with pytest.raises(kfp_server_api.ApiException) as refused:
        client.get_experiment(experiment_id="x")
    assert refused.value.status == 404


def test_k14_archive_and_unarchive(client, name):
    made = client.create_experiment(name)
    for _ in range(2):
        assert client.archive_experiment(made.id) is None
        assert client.get_experiment(experiment_id=made.id).storage_state == "STORAGESTATE_ARCHIVED"
    for _ in range(2):
        assert client.experiments.unarchive_experiment(made.id) == {}
        assert client.get_experiment(experiment_id=made.id).storage_state == "STORAGESTATE_AVAILABLE"


def test_k15_an_archived_experiment_takes_no_job(client, name, raw):
    made = client.create_experiment(name)
    client.archive_experiment(made.id)
    dsl = {"components": {"secure_add_example_0": {"module": "SecureAddExample"}}}
    conf = {
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000]},
        "job_parameters": {"common": {"experiment": name}},
    }
    status, reply = raw.json("POST", "/v1/job/submit", {"job_dsl": dsl, "job_runtime_conf": conf})
    assert (status, reply["retcode"]) == (200, 103) and "is archived and takes no new work" in reply["retmsg"]
    client.experiments.unarchive_experiment(made.id)
    _, reply = raw.json("POST", "/v1/job/submit", {"job_dsl": dsl, "job_runtime_conf": conf})
    assert reply["retcode"] == 0, reply
    _, found = raw.json("POST", "/v1/job/query", {"experiment": made.id})
    assert {row["f_job_id"] for row in found["data"]} == {reply["jobId"]}
    assert {row["f_experiment"] for row in found["data"]} == {made.id}


def test_k16_delete_leaves_the_jobs(client, name, raw):
    made = client.create_experiment(name)
    dsl = {"components": {"secure_add_example_0": {"module": "SecureAddExample"}}}
    conf = {
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000]},
        "job_parameters": {"common": {"experiment": made.id}},
    }
    _, submitted = raw.json("POST", "/v1/job/submit", {"job_dsl": dsl, "job_runtime_conf": conf})
    assert submitted["retcode"] == 0, submitted
    assert client.delete_experiment(made.id) == {}
    for gone in (client.delete_experiment, lambda id: client.get_experiment(experiment_id=id)):
        with pytest.raises(kfp_server_api.ApiException) as refused:
            gone(made.id)
        assert refused.value.status == 404
    _, rows = raw.json("POST", "/v1/job/query", {"job_id": submitted["jobId"]})
    assert len(rows["data"]) == 2


def test_k18_a_token_is_needed_where_the_endpoint_asks(guarded):
    client = kfp.Client(host=guarded.endpoint)
    with pytest.raises(kfp_server_api.ApiException) as refused:
        client.list_experiments()
    assert refused.value.status == 401 and json.loads(refused.value.body)["code"] == 16
    known = kfp.Client(host=guarded.endpoint, existing_token=settings.TOKEN)
    known.list_experiments()
    made = known.create_experiment("with a token")
    other = kfp.Client(host=guarded.endpoint, existing_token=settings.OTHER)
    with pytest.raises(kfp_server_api.ApiException) as refused:
        other.get_experiment(experiment_id=made.id)
    assert refused.value.status == 404
    assert made.id not in [one.id for one in other.list_experiments(page_size=200).experiments or []]


def test_k18_the_access_files_token_is_needed(federation, client):
    client.list_experiments()
    for token in [None, "guessed"]:
        with pytest.raises(kfp_server_api.ApiException) as refused:
            kfp.Client(host=federation.endpoint, existing_token=token).list_experiments()
        assert refused.value.status == 401


def test_k19_namespaces_in_multi_user_mode(namespaces):
    client = kfp.Client(host=namespaces.endpoint)
    assert client.get_kfp_healthz().multi_user is True
    made = client.create_experiment("training", namespace="ns1")
    assert made.resource_references[0].key.id == "ns1"
    assert client.create_experiment("training", namespace="ns1").id == made.id
    assert client.create_experiment("training", namespace="ns2").id != made.id
    listed = client.list_experiments(namespace="ns1").experiments
    assert [one.id for one in listed] == [made.id]
    with pytest.raises(kfp_server_api.ApiException) as refused:
        client.list_experiments()
    assert refused.value.status == 400


def command(endpoint, *arguments, answer=""):
    program = Path(sys.executable).with_name("kfp")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", program, "--endpoint", endpoint, *arguments],
        input=answer, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_x1_an_experiment_is_one_of_meteos(client, name, raw):
    made = client.create_experiment(name)
    status, listed = raw.json("GET", "/v1/demo/experiments")
    seen = next(item for item in listed["experiments"] if item["id"] == made.id)
    assert status == 200 and (seen["status"], seen["name"]) == ("available", name)
    status, shown = raw.json("GET", f"/v1/demo/templates/{seen['template_id']}")
    assert status == 200 and shown["template"]["name"] == "default"
    client._experiment_api.archive_experiment(made.id)
    status, shown = raw.json("GET", f"/v1/demo/experiments/{made.id}")
    assert shown["experiment"]["status"] == "inactive"


def test_c_the_command_does_the_same(open_federation):
    """The command has no argument for a token: it is for a federation that is open."""
    name, federation = "by-command", open_federation
    client = kfp.Client(host=federation.endpoint)
    assert name in command(federation.endpoint, "experiment", "create", name, "-d", "made by the command")
    id = client.get_experiment(experiment_name=name).id
    listed = command(federation.endpoint, "experiment", "list")
    assert id in listed and name in listed
    assert id in command(federation.endpoint, "experiment", "get", id)
    command(federation.endpoint, "experiment", "archive", "--experiment-id", id)
    assert client.get_experiment(experiment_id=id).storage_state == "STORAGESTATE_ARCHIVED"
    command(federation.endpoint, "experiment", "delete", id, answer="y\n")
    with pytest.raises(kfp_server_api.ApiException):
        client.get_experiment(experiment_id=id)


def test_the_example(federation):
    example = Path(__file__).resolve().parents[3] / "examples" / "clients" / "kubeflow.py"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", example, federation.endpoint],
        env=federation.environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "archived: STORAGESTATE_ARCHIVED" in done.stdout
