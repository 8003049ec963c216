"""An endpoint that asks who comes: FATE's signed requests."""

import base64
import hashlib
import hmac
import time
import uuid

import pytest
import requests

from harness.client import Client, Commands, copy_of_the_client
from harness.endpoint import Endpoint
from harness.federation import GUEST, HOST, Daemons
from harness.tables import NAMESPACE, ROWS, upload_conf

OPERATOR = ("operator-key", "the operator's secret, long enough")
OF_HOST = ("host-key", "the host's secret, long enough too")
TOKEN = "a-token-that-only-this-test-knows-0123456789"
SETTINGS = f"""
[[access.clients]]
app_key = "{OPERATOR[0]}"
secret = "{OPERATOR[1]}"
operator = true

[[access.clients]]
app_key = "{OF_HOST[0]}"
secret = "{OF_HOST[1]}"
party = "{HOST}"

[[access.tokens]]
name = "this test"
sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"
operator = true
expires = "2999-01-01"
"""


@pytest.fixture(scope="module")
def guarded(place):
    daemons = Daemons(place / "guarded", SETTINGS)
    endpoint = Endpoint(daemons.endpoint)
    endpoint.session.headers["authorization"] = f"Bearer {TOKEN}"

    def online():
        health = endpoint.send("fedflow/health", method="GET").json()
        return (health.get("data") or {}).get("agents_online") or []

    endpoint.until(online, lambda parties: len(parties) == 2)
    daemons.open = endpoint
    yield daemons
    daemons.end()


@pytest.fixture(scope="module")
def signing(guarded, place):
    """The client with the operator's key, as `flow init --app-key … --secret-key …` sets it up."""
    return Client(copy_of_the_client(place / "signing"), guarded.endpoint, *OPERATOR)


def keys(of):
    return {"app_key": of[0], "secret_key": of[1]}


def test_an_unsigned_request_is_refused(guarded):
    response = Endpoint(guarded.endpoint).send("job/query", {"job_id": "1"})
    assert response.status_code == 200
    reply = response.json()
    assert reply["retcode"] == 109
    assert reply["retmsg"] == "requirement headers parameters: ['TIMESTAMP', 'NONCE', 'APP_KEY', 'SIGNATURE']"


def test_the_command_signs(signing, guarded, files, tmp_path):
    flow = Commands(signing, tmp_path)
    assert flow("server", "versions")["data"]["API"] == "v1"
    conf = upload_conf(files.guest, "signed")
    reply = flow("data", "upload", "-c", flow.file("conf.json", conf), "--drop")
    assert reply["retcode"] == 0, reply
    guarded.open.succeeded(reply["jobId"])
    assert flow("table", "info", "-n", NAMESPACE, "-t", "signed")["data"]["count"] == ROWS
    assert flow("queue", "clean")["retcode"] == 0, "a request without a body is signed, too"
    printed = flow.text("test", "toy", "-gid", GUEST, "-hid", HOST)
    assert "is success" in printed and "secure_add_guest" in printed


def test_the_sdk_signs(signing, guarded, files, tmp_path):
    sdk = signing.sdk(**keys(OPERATOR))
    assert sdk.remote_version.api() == "v1"
    reply = sdk.data.upload(upload_conf(files.host, "signed by sdk & more=1"), drop=1)
    assert reply["retcode"] == 0, reply
    guarded.open.succeeded(reply["jobId"])
    of = {"role": "local", "party_id": 0, "component_name": "upload_0"}
    assert sdk.component.metric_all(reply["jobId"], **of)["retcode"] == 0
    assert sdk.job.log(reply["jobId"], str(tmp_path))["retcode"] == 0


def test_pipeline_signs(signing, tmp_path):
    printed = signing.run("pipeline", "config", "show", cwd=tmp_path).stdout
    assert OPERATOR[0] in printed
    code = (
        "from pipeline.backend.pipeline import PipeLine\n"
        "invoker = PipeLine()._job_invoker\n"
        "print('signed', invoker.client.job.query(job_id='1')['retcode'])\n"
    )
    (tmp_path / "ask.py").write_text(code)
    assert "signed 0" in signing.run("python", "ask.py", cwd=tmp_path).stdout


def test_the_key_may_come_as_app_key_with_a_hyphen(guarded):
    """FATE-Flow's own bundled client sends it so, and proxies drop headers with underscores."""
    body, path = b'{"job_id": "1"}', "/v1/job/query"
    stamp, nonce = str(round(time.time() * 1000)), str(uuid.uuid1())
    text = b"\n".join([stamp.encode(), nonce.encode(), OPERATOR[0].encode(), path.encode(), body, b""])
    signature = base64.b64encode(hmac.new(OPERATOR[1].encode(), text, "sha1").digest()).decode()
    headers = {"TIMESTAMP": stamp, "NONCE": nonce, "APP-KEY": OPERATOR[0], "SIGNATURE": signature}

    def ask(more=()):
        signed = {**headers, "content-type": "application/json", **dict(more)}
        return requests.post(guarded.endpoint + path, data=body, headers=signed, timeout=60).json()

    assert ask([("APP_KEY", OPERATOR[0])])["retcode"] == 109, "said twice, it says nothing"
    assert ask()["retcode"] == 0


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (("nobody", OPERATOR[1]), "Unknown APP_KEY"),
        ((OPERATOR[0], "another secret"), "signature authentication failed"),
    ],
)
def test_wrong_keys_are_refused(guarded, signing, files, wrong, text):
    sdk = signing.sdk(**keys(wrong))
    for reply in [
        sdk.job.query(job_id="1"),
        sdk.queue.clean(),
        sdk.data.upload(upload_conf(files.guest, "never"), drop=1),
        sdk.model.get_model_info(model_version="1"),
    ]:
        assert (reply["retcode"], reply["retmsg"]) == (109, text)


def test_a_party_sees_its_own_jobs_only(guarded, signing):
    operator, host = signing.sdk(**keys(OPERATOR)), signing.sdk(**keys(OF_HOST))
    reply = operator.test.toy(guest_party_id=str(GUEST), host_party_id=str(HOST))
    guarded.open.succeeded(reply["jobId"])
    assert {row["f_role"] for row in host.job.query(job_id=reply["jobId"])["data"]} >= {"host"}
    own = operator.data.upload_history()["data"]
    assert own and host.data.upload_history()["retcode"] == 0
