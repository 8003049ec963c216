"""A federation whose parties answer predictions online: `model load` and `model bind` mean something."""

from types import SimpleNamespace

import pytest

from harness import documents
from harness.client import Client, Commands, copy_of_the_client
from harness.documents import MODEL_ID
from harness.endpoint import Endpoint
from harness.federation import GUEST, HOST, Federation
from harness.tables import GUEST_TABLE, HOST_TABLE, upload_conf


@pytest.fixture(scope="module")
def serving(place, files):
    """A federation that serves, with a model that is trained and deployed."""
    federation = Federation(place / "serving", "--serving")
    try:
        client = Client(copy_of_the_client(place / "serving-client"), federation.endpoint, *federation.keys)
        sdk, endpoint = client.sdk(), Endpoint(federation.endpoint, federation.token)
        guest = Endpoint(federation.party_endpoints[GUEST], federation.token)
        for file, name in [(files.guest, GUEST_TABLE), (files.host, HOST_TABLE)]:
            endpoint.succeeded(sdk.data.upload(upload_conf(file, name), drop=1)["jobId"])
        dsl, conf = documents.lr()
        trained = sdk.job.submit(config_data=conf, dsl_data=dsl)["jobId"]
        endpoint.succeeded(trained)
        steps = ["data_transform_0", "intersection_0", "hetero_lr_0"]
        deployed = sdk.model.deploy(MODEL_ID, trained, cpn_list=steps)["data"]["model_version"]
        yield SimpleNamespace(
            client=client, sdk=sdk, endpoint=endpoint, guest=guest, trained=trained, deployed=deployed
        )
    finally:
        federation.end()


@pytest.fixture
def conf(serving):
    return {
        "initiator": {"role": "guest", "party_id": str(GUEST)},
        "role": {"guest": [str(GUEST)], "host": [str(HOST)], "arbiter": [str(HOST)]},
        "job_parameters": {"model_id": MODEL_ID, "model_version": serving.deployed},
    }


def test_load_bind_and_ask(serving, conf, tmp_path):
    flow = Commands(serving.client, tmp_path)
    loaded = flow("model", "load", "-c", flow.file("load.json", conf))
    assert (loaded["retcode"], loaded["retmsg"]) == (0, "success"), loaded
    assert loaded["jobId"]
    assert loaded["data"]["guest"][str(GUEST)] == 0 and loaded["data"]["host"][str(HOST)] == 0
    assert loaded["data"]["detail"]["guest"][str(GUEST)] == {"retcode": 0, "retmsg": "success"}
    assert flow("model", "load", "-j", serving.deployed)["retcode"] == 0
    [row] = serving.sdk.model.get_model_info(MODEL_ID, serving.deployed, role="guest", party_id=GUEST)["data"]
    assert row["f_loaded_times"] >= 1

    bound = flow("model", "bind", "-c", flow.file("bind.json", {**conf, "service_id": "risk"}))
    assert (bound["retcode"], bound["retmsg"]) == (0, "service id is risk"), bound
    assert "data" not in bound

    preview = {"job_id": serving.trained, "role": "guest", "party_id": GUEST, "component_name": "hetero_lr_0"}
    known = {row[0]: row[3] for row in serving.endpoint.post("tracking/component/output/data", preview)["data"][0][:3]}
    asked = serving.guest.data("fedflow/inference/risk", {"ids": [*known, "nobody"]})
    assert asked["not_found"] == ["nobody"] and asked["latency_ms"] > 0
    scores = {str(row["id"]): float(row["predict_score"]) for row in asked["scores"]}
    assert scores.keys() == known.keys()
    assert all(abs(scores[row] - float(known[row])) < 1e-6 for row in known)


def test_pipeline_loads_and_binds(serving, monkeypatch):
    from pipeline.backend.config import PipelineConfig
    from pipeline.backend.pipeline import PipeLine

    monkeypatch.setattr(PipelineConfig, "_conf", {"ip": serving.client.host, "port": serving.client.port, **serving.client.keys})
    line = PipeLine().set_initiator(role="guest", party_id=GUEST).set_roles(guest=GUEST, host=HOST, arbiter=HOST)
    line._predict_model_info = SimpleNamespace(model_id=MODEL_ID, model_version=serving.deployed)
    line._deploy = True
    line.online.load()
    assert line.is_load()
    line.online.bind("from_pipeline")


def test_an_unknown_service(serving):
    reply = serving.guest.send("fedflow/inference/nothing", {"ids": ["1"]}).json()
    assert reply["retcode"] != 0 and reply["retmsg"]
