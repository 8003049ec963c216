"""Tables beyond uploads: bound, disabled, traced, deleted."""

import tarfile

import pytest

from harness.federation import GUEST, HOST
from harness.tables import GUEST_TABLE, HOST_TABLE, NAMESPACE, ROWS, upload_conf


def bind_conf(files, name):
    return {"engine": "PATH", "address": {"path": str(files.guest)}, "namespace": NAMESPACE, "name": name}


def test_case_78_bind_and_delete_twice(flow, files):
    conf = flow.file("bind.json", bind_conf(files, "bound"))
    reply = flow("table", "bind", "-c", conf, "--drop")
    assert reply["retcode"] == 0, reply
    assert (reply["data"]["namespace"], reply["data"]["table_name"]) == (NAMESPACE, "bound")
    info = flow("table", "info", "-n", NAMESPACE, "-t", "bound")["data"]
    assert (info["exist"], info["origin"]) == (1, "table_bind")
    again = flow("table", "bind", "-c", conf)
    assert again["retcode"] == 100 and "The data table already exists" in again["retmsg"]
    first = flow("table", "delete", "-n", NAMESPACE, "-t", "bound")
    assert first["retcode"] == 0
    assert first["data"] == {"namespace": NAMESPACE, "table_name": "bound"}
    second = flow("table", "delete", "-n", NAMESPACE, "-t", "bound")
    assert (second["retcode"], second["retmsg"]) == (101, "no find table")


def test_add_and_bind_through_the_sdk(flow, sdk, files):
    assert flow("table", "add", "-c", flow.file("add.json", bind_conf(files, "added")))["retcode"] == 0
    reply = sdk.table.bind("PATH", "by_sdk_bind", NAMESPACE, {"path": str(files.guest)}, drop=True)
    assert reply["retcode"] == 0, reply
    for name in ["added", "by_sdk_bind"]:
        assert sdk.table.delete(namespace=NAMESPACE, table_name=name)["retcode"] == 0
    elsewhere = {**bind_conf(files, "elsewhere"), "engine": "MYSQL", "address": {"host": "127.0.0.1", "port": 1}}
    refused = flow("table", "bind", "-c", flow.file("mysql.json", elsewhere))
    assert refused["retcode"] == 100 and refused["retmsg"].startswith("engine MYSQL address")
    assert "check failed" in refused["retmsg"]


@pytest.fixture
def disposable(sdk, endpoint, files, request):
    """A table of this test's own, by name."""
    name = f"own_{abs(hash(request.node.name))}"
    endpoint.succeeded(sdk.data.upload(upload_conf(files.guest, name), drop=1)["jobId"])
    return name


def test_disable_enable_and_delete_the_disabled(flow, disposable):
    of = ["-n", NAMESPACE, "-t", disposable]

    def enabled():
        return flow("table", "info", *of)["data"]["enable"]

    off = flow("table", "disable", *of)
    assert off["retcode"] == 0 and off["data"] == [{"table_name": disposable, "namespace": NAMESPACE}]
    assert enabled() is False
    assert flow("table", "enable", *of)["retcode"] == 0
    assert enabled() is True
    flow("table", "disable", *of)
    gone = flow("table", "disable-delete")
    assert gone["retcode"] == 0
    assert {"table_name": disposable, "namespace": NAMESPACE} in gone["data"]
    assert flow("table", "info", *of)["data"]["exist"] == 0
    assert flow("table", "enable", *of)["retcode"] == 101


def test_a_disabled_table_is_not_read(flow, endpoint, train, disposable):
    flow("table", "disable", "-n", NAMESPACE, "-t", disposable)
    job = train(guest_table=disposable)
    assert {row["f_status"] for row in endpoint.ended(job.id)} == {"failed"}
    flow("table", "delete", "-n", NAMESPACE, "-t", disposable)


def test_connectors(flow):
    conf = {"connector_name": "warehouse", "engine": "MYSQL", "connector_info": {"host": "db", "user": "u", "passwd": "secret"}}
    assert flow("table", "connector-create", "-c", flow.file("connector.json", conf))["retcode"] == 0
    reply = flow("table", "connector-query", "--connector-name", "warehouse")
    assert reply["retcode"] == 0
    assert "db" in str(reply["data"]) and "secret" not in str(reply["data"])


def test_tracking(flow, sdk, trained):
    [table] = sdk.component.output_data_table(trained.id, "guest", GUEST, "data_transform_0")["data"]
    derived = flow("table", "tracking-source", "-n", table["table_namespace"], "-t", table["table_name"])
    assert derived["retcode"] == 0, derived
    assert any(row["source_table_name"] == GUEST_TABLE for row in derived["data"]), derived
    jobs = flow("table", "tracking-job", "-n", NAMESPACE, "-t", GUEST_TABLE)
    assert jobs["retcode"] == 0 and jobs["data"]["count"] == len(jobs["data"]["job"])
    assert trained.id in jobs["data"]["job"]
    unknown = flow("table", "tracking-source", "-n", NAMESPACE, "-t", "missing")
    assert unknown["retcode"] == 100 and "no found table" in unknown["retmsg"]


def test_preview_download_and_list(endpoint, trained, tmp_path):
    of = {"name": GUEST_TABLE, "namespace": NAMESPACE}
    preview = endpoint.data("table/preview", {**of, "limit": 5})
    assert preview["header"][:3] == ["id", "y", "x0"] and len(preview["data"]) == 5
    response = endpoint.send("table/download", {**of, "head": True}, method="GET")
    assert response.status_code == 200
    name = response.headers["content-disposition"].split("filename=")[1]
    assert name == f"table_{NAMESPACE}_{GUEST_TABLE}.tar.gz"
    (tmp_path / "table.tar.gz").write_bytes(response.content)
    with tarfile.open(tmp_path / "table.tar.gz", "r:gz") as archive:
        assert {"table.csv", "table.meta"} <= set(archive.getnames())
        assert len(archive.extractfile("table.csv").read().splitlines()) == ROWS + 1
    assert endpoint.send("table/download", {**of, "name": "missing"}, method="GET").status_code == 210
    listed = endpoint.data("table/list", {"job_id": trained.id, "role": "guest", "party_id": GUEST})
    assert "train" in listed["intersection_0"]["output"]


def test_delete_of_a_components_tables(flow, endpoint, spare):
    of = ["-j", spare.id, "-r", "host", "-p", HOST, "-cpn", "reader_0"]
    reply = flow("table", "delete", *of)
    assert reply["retcode"] == 0, reply
    tables = endpoint.data(
        "tracking/component/output/data/table",
        {"job_id": spare.id, "role": "host", "party_id": HOST, "component_name": "reader_0"},
    )
    gone = {"namespace": tables[0]["table_namespace"], "table_name": tables[0]["table_name"]}
    assert endpoint.data("table/table_info", gone)["exist"] == 0


def test_an_unknown_operation_on_tables(endpoint):
    reply = endpoint.post("table/teleport", {})
    assert reply["retcode"] == 0 and "data" not in reply


@pytest.mark.parametrize(("role", "party", "table"), [("guest", GUEST, GUEST_TABLE), ("host", HOST, HOST_TABLE)])
def test_each_party_serves_its_own_tables_at_its_own_endpoint(federation, trained, role, party, table):
    from harness.endpoint import Endpoint

    own = Endpoint(federation.party_endpoints[party], federation.token)
    info = own.data("table/table_info", {"namespace": NAMESPACE, "table_name": table})
    assert (info["exist"], info["count"]) == (1, ROWS)
    assert own.rows(trained.id, role=role, party_id=party)[0]["f_status"] == "success"
