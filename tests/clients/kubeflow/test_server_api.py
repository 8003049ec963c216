"""`kfp_server_api` 1.8.5 and plain HTTP: the rows of the conformance table marked S, and those of misses."""

import json
import time
import urllib.parse
import uuid
from datetime import datetime, timezone

import pytest

kfp_server_api = pytest.importorskip("kfp_server_api")
pytest.importorskip("grpc_tools", reason="run once, in the environment of the stubs")

PATH = "/apis/v1beta1/experiments"


def configured(federation, endpoint):
    """The client's settings for an endpoint of a federation."""
    authorization = {"authorization": federation.headers["Authorization"]}
    return kfp_server_api.Configuration(host=endpoint, api_key=authorization)


@pytest.fixture
def api(federation):
    configuration = configured(federation, federation.endpoint)
    return kfp_server_api.ExperimentServiceApi(kfp_server_api.ApiClient(configuration))


@pytest.fixture
def refused():
    """Runs a call that must be refused; gives the status and the body."""

    def run(call, *arguments, **named):
        with pytest.raises(kfp_server_api.ApiException) as error:
            call(*arguments, **named)
        return error.value.status, json.loads(error.value.body)

    return run


def filter_of(*predicates):
    return json.dumps({"predicates": list(predicates)})


def among(names):
    return filter_of({"op": "IN", "key": "name", "string_values": {"values": names}})


def make(api, name, description=None):
    return api.create_experiment(kfp_server_api.ApiExperiment(name=name, description=description))


def test_k2_create(api, name):
    made = make(api, name, "d")
    assert str(uuid.UUID(made.id)) == made.id and made.description == "d"
    assert abs((datetime.now(timezone.utc) - made.created_at).total_seconds()) < 5
    assert made.storage_state == "STORAGESTATE_AVAILABLE" and made.resource_references is None


def test_k3_a_taken_name(api, name, refused):
    make(api, name)
    status, body = refused(make, api, name)
    assert (status, body["code"]) == (409, 6)
    detail = body["details"][0]
    assert detail["@type"] == "type.googleapis.com/api.Error" and name in detail["error_message"]
    assert "Please specify a new name" in detail["error_message"]


def test_k4_no_name(api, refused):
    status, body = refused(api.create_experiment, {})
    assert (status, body["code"], body["error"]) == (400, 3, body["message"])
    assert "name is empty" in body["error"]


def test_k6_pages(api):
    names = ["moonshot", "prediction", "training"]
    for name in reversed(names):
        make(api, name)
    first = api.list_experiment(filter=among(names), page_size=2, sort_by="name")
    assert [one.name for one in first.experiments] == names[:2] and first.total_size == 3
    second = api.list_experiment(filter=among(names), page_size=2, sort_by="name", page_token=first.next_page_token)
    assert [one.name for one in second.experiments] == names[2:] and second.next_page_token is None


def test_k7_sorting(api):
    names = ["sort b", "sort a", "sort c"]
    for name in names:
        make(api, name)
        time.sleep(1.05)
    order = lambda by: [one.name for one in api.list_experiment(filter=among(names), sort_by=by).experiments]  # noqa: E731
    assert order("") == order("created_at") == names
    assert order("CREATED_AT desc") == names[::-1]
    assert order("name desc") == ["sort c", "sort b", "sort a"]


def test_k9_pages_do_not_shift(api):
    names = [f"shift {number}" for number in range(4)]
    made = [make(api, name) for name in names]
    wanted = filter_of({"op": "IS_SUBSTRING", "key": "name", "string_value": "SHIFT "})
    first = api.list_experiment(filter=wanted, page_size=2, sort_by="name")
    api.delete_experiment(made[0].id)
    make(api, "shift 00")
    second = api.list_experiment(page_token=first.next_page_token)
    assert [one.name for one in second.experiments] == names[2:]


def test_k10_a_token_of_another_listing(api, refused):
    for number in range(3):
        make(api, f"token {number}")
    first = api.list_experiment(page_size=1, sort_by="name")
    for named in [{"sort_by": "id"}, {"filter": among(["x"])}]:
        status, body = refused(api.list_experiment, page_token=first.next_page_token, **named)
        assert status == 400 and "token" in body["error"]
    assert refused(api.list_experiment, page_token="nonsense")[0] == 400


def test_k11_filters_in_every_spelling(api, raw, name):
    name = f"{name} 50% a+b"
    made = make(api, name)
    by_number = filter_of({"op": 1, "key": "name", "stringValue": name})
    by_word = filter_of({"op": "EQUALS", "key": "name", "string_value": name})
    for wanted in [by_number, by_word, urllib.parse.quote(by_word)]:
        assert [one.id for one in api.list_experiment(filter=wanted).experiments] == [made.id]


def test_k12_page_sizes(api, refused):
    assert len(api.list_experiment(page_size=1).experiments) == 1
    assert len(api.list_experiment(page_size=100000).experiments) <= 200
    status, body = refused(api.list_experiment, page_size=-1)
    assert status == 400 and "page size" in body["error"]


def test_k13_wrong_filters_and_orders(api, refused):
    for wanted in [
        filter_of({"op": "IN", "key": "name", "string_value": "a"}),
        filter_of({"op": "IS_SUBSTRING", "key": "name", "int_value": 1}),
        filter_of({"op": "EQUALS", "key": "nope", "string_value": "a"}),
        "lkjlkj",
    ]:
        status, body = refused(api.list_experiment, filter=wanted)
        assert (status, body["code"]) == (400, 3)
    for order in ["unknownfield", "name up", "name desc x"]:
        status, body = refused(api.list_experiment, sort_by=order)
        assert (status, body["code"]) == (400, 3)


def test_k17_misses_are_plain_text(raw):
    for method, path, status, text in [
        ("PUT", PATH, 405, "Method Not Allowed"),
        ("GET", "/apis/v1beta1/nothing", 404, "Not Found"),
        ("GET", f"{PATH}/x:frob", 404, "Not Found"),
    ]:
        answer = raw.send(method, path)
        assert (answer.status, answer.text.strip()) == (status, text) and answer.kind.startswith("text/plain")
    query = "?resource_reference_key.type=NAMESPACE&resource_reference_key.id=ns1"
    assert raw.json("GET", f"{PATH}{query}")[0] == 400
    reference = {"key": {"type": "NAMESPACE", "id": "ns1"}, "relationship": "OWNER"}
    status, body = raw.json("POST", PATH, {"name": "n", "resource_references": [reference]})
    assert status == 400 and "In single-user mode" in body["error"]


def test_a_partys_own_endpoint_passes_it_on(federation, api, name):
    made = make(api, name)
    configuration = configured(federation, federation.party_endpoints[10000])
    there = kfp_server_api.ExperimentServiceApi(kfp_server_api.ApiClient(configuration))
    assert there.get_experiment(made.id).name == name
