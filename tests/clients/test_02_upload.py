"""Tables come in, are described, and go out again."""

import re
from types import SimpleNamespace

import pytest

from harness.tables import GUEST_COLUMNS, NAMESPACE, ROWS, head_of, upload_conf

LOCAL = {"role": "local", "party_id": 0}


@pytest.fixture(scope="module")
def upload(client, endpoint, files, tmp_path_factory):
    """The upload that the first cases look at, by `flow data upload -c guest.json --drop`."""
    from harness.client import Commands

    commands = Commands(client, tmp_path_factory.mktemp("upload"))
    conf = commands.file("guest.json", upload_conf(files.guest, "uploaded"))
    reply = commands("data", "upload", "-c", conf, "--drop")
    row = endpoint.until(
        lambda: endpoint.rows(reply["jobId"], **LOCAL)[0], lambda row: row["f_status"] not in ("waiting", "running")
    )
    return SimpleNamespace(reply=reply, id=reply["jobId"], conf=conf, row=row)


def test_case_05_upload_with_drop(upload):
    reply = upload.reply
    assert reply["retcode"] == 0 and reply["retmsg"] == "success"
    assert re.fullmatch(r"\d{20,25}", reply["jobId"])
    data = reply["data"]
    assert (data["namespace"], data["table_name"]) == (NAMESPACE, "uploaded")
    assert "role=local&party_id=0" in data["board_url"]
    assert data["job_id"] == reply["jobId"]
    assert data["model_info"] == {"model_id": "local-0#model", "model_version": reply["jobId"]}
    for key in ["logs_directory", "dsl_path", "runtime_conf_path", "job_dsl_path", "job_runtime_conf_path"]:
        assert data[key], key


def test_case_06_upload_job_is_found_as_local_party_0(upload, endpoint):
    row = upload.row
    assert row["f_status"] == "success"
    assert row["f_progress"] == 100
    assert row["f_tag"] == "job_end"
    assert row["f_elapsed"] == row["f_end_time"] - row["f_start_time"]
    assert (row["f_role"], row["f_party_id"]) == ("local", "0")
    assert endpoint.rows(upload.id, role="local", party_id="0") == [row]


def test_case_07_table_info(flow, upload):
    data = flow("table", "info", "-n", NAMESPACE, "-t", "uploaded")["data"]
    assert (data["exist"], data["count"], data["partition"]) == (1, ROWS, 4)
    assert data["schema"]["header"].startswith("y,x0")
    assert data["schema"]["sid"] == "id"
    assert data["enable"] is True
    assert data["origin"] == "upload"
    assert (data["namespace"], data["table_name"]) == (NAMESPACE, "uploaded")


def test_table_info_of_a_missing_table(flow, sdk):
    for reply in [flow("table", "info", "-n", NAMESPACE, "-t", "missing"), sdk.table.info(NAMESPACE, "missing")]:
        assert reply["retcode"] == 0
        assert (reply["data"]["exist"], reply["data"]["count"]) == (0, 0)
        assert reply["data"]["partition"] is None and reply["data"]["schema"] is None


def test_case_08_upload_again_without_drop(flow, upload):
    reply = flow("data", "upload", "-c", upload.conf)
    assert reply["retcode"] == 100
    text = "The data table already exists.If you still want to continue uploading, please add the parameter --drop"
    assert reply["retmsg"] == text
    assert "jobId" not in reply and "data" not in reply


def test_case_09_upload_again_with_drop(flow, endpoint, files):
    first = flow("data", "upload", "-c", flow.file("first.json", upload_conf(files.guest, "replaced")), "--drop")
    endpoint.succeeded(first["jobId"])
    shorter = head_of(files.guest, 100, flow.folder / "shorter.csv")
    second = flow("data", "upload", "-c", flow.file("second.json", upload_conf(shorter, "replaced")), "--drop")
    assert second["retcode"] == 0
    endpoint.succeeded(second["jobId"])
    assert flow("table", "info", "-n", NAMESPACE, "-t", "replaced")["data"]["count"] == 100


def test_upload_verbose_shows_its_progress(flow, endpoint, files):
    conf = flow.file("verbose.json", upload_conf("verbose.csv", "verbose"))
    (flow.folder / "verbose.csv").write_text(files.guest.read_text())
    printed = flow.text("data", "upload", "-c", conf, "--verbose", "--drop")
    assert "UPLOADING" in printed and "100.00%" in printed
    endpoint.succeeded(re.search(r'"jobId": "(\d+)"', printed)[1])


def test_upload_through_the_sdk(sdk, endpoint, files):
    reply = sdk.data.upload(upload_conf(files.host, "by_sdk"), verbose=1, drop=1)
    assert reply["retcode"] == 0
    endpoint.succeeded(reply["jobId"])
    info = sdk.table.info(namespace=NAMESPACE, table_name="by_sdk")["data"]
    assert info["count"] == ROWS and info["schema"]["header"].startswith("x0,x1")


def test_upload_with_made_ids(flow, endpoint, files):
    conf = upload_conf(files.guest, "made_ids", extend_sid=True, auto_increasing_sid=True)
    reply = flow("data", "upload", "-c", flow.file("conf.json", conf), "--drop")
    endpoint.succeeded(reply["jobId"])
    data = flow("table", "info", "-n", NAMESPACE, "-t", "made_ids")["data"]
    assert data["count"] == ROWS
    assert data["schema"]["sid"] == "extend_sid"
    assert data["schema"]["header"].startswith("id,y,x0")
    assert data["extend_sid"] is True


def test_upload_without_a_header(flow, endpoint):
    (flow.folder / "bare.csv").write_text("a;1;2\nb;3;4\nb;5;6\n")
    conf = upload_conf(flow.folder / "bare.csv", "bare", head=0, id_delimiter=";")
    reply = flow("data", "upload", "-c", flow.file("conf.json", conf), "--drop")
    endpoint.succeeded(reply["jobId"])
    data = flow("table", "info", "-n", NAMESPACE, "-t", "bare")["data"]
    assert data["count"] == 2, "a repeated id counts once"
    assert (data["schema"]["header"], data["schema"]["sid"]) == ("", "")


def test_case_12_upload_of_a_file_at_the_server(flow, endpoint, files):
    """The file lies in a folder that `--import-root` names."""
    conf = upload_conf(files.host, "at_the_server", use_local_data=0)
    reply = flow("data", "upload", "-c", flow.file("conf.json", conf), "--drop")
    assert reply["retcode"] == 0
    endpoint.succeeded(reply["jobId"])
    assert flow("table", "info", "-n", NAMESPACE, "-t", "at_the_server")["data"]["count"] == ROWS


def test_case_13_upload_without_head(endpoint, files):
    conf = upload_conf(files.host, "no_head", use_local_data=0)
    del conf["head"]
    reply = endpoint.post("data/upload", conf)
    assert reply["retcode"] == 100
    assert "required parameters are missing: head" in reply["retmsg"]


def test_case_14_upload_into_no_partition(flow, endpoint, files):
    conf = upload_conf(files.guest, "no_partition", partition=0)
    reply = flow("data", "upload", "-c", flow.file("conf.json", conf), "--drop")
    assert reply["retcode"] == 0
    assert {row["f_status"] for row in endpoint.ended(reply["jobId"])} == {"failed"}
    assert endpoint.tasks(reply["jobId"])["upload_0"]["f_status"] == "failed"


def test_case_15_upload_metrics(flow, upload):
    reply = flow("tracking", "metric-all", "-j", upload.id, "-r", "local", "-p", "0", "-cpn", "upload_0")
    access = reply["data"]["upload"]["data_access"]
    assert access["data"] == [["count", ROWS]]
    assert access["meta"]["metric_type"] == "UPLOAD"
    assert access["meta"]["name"] == "upload"


def test_case_16_upload_history(flow, sdk, endpoint, upload, files):
    for number in range(2):
        conf = upload_conf(files.host, f"history_{number}")
        reply = flow("data", "upload", "-c", flow.file("conf.json", conf), "--drop")
        endpoint.succeeded(reply["jobId"])
    for reply in [flow("data", "upload-history", "-l", "2"), sdk.data.upload_history(limit=2)]:
        assert reply["retcode"] == 0
        rows = [row for entry in reply["data"] for row in entry.values()]
        assert [row["upload_info"]["table_name"] for row in rows] == ["history_1", "history_0"]
        for row in rows:
            assert row["upload_info"]["namespace"] == NAMESPACE
            assert (row["upload_info"]["partition"], row["upload_info"]["upload_count"]) == (4, ROWS)
            assert row["schema"]["header"].startswith("x0")


def test_upload_history_of_one_job(flow, upload):
    reply = flow("data", "upload-history", "--job-id", upload.id)
    assert [list(entry) for entry in reply["data"]] == [[upload.id]]
    assert flow("data", "upload-history", "--job-id", "1") == {"retcode": 0, "retmsg": "success", "data": []}


@pytest.fixture
def exports(federation):
    """Where the parties' jobs write files."""
    return federation.folder / "federation" / "exports"


def test_case_18_download(flow, sdk, endpoint, upload, exports):
    file = exports / "down.csv"
    conf = {"namespace": NAMESPACE, "table_name": "uploaded", "output_path": str(file), "delimiter": ","}
    reply = flow("data", "download", "-c", flow.file("conf.json", conf))
    assert reply["retcode"] == 0 and reply["data"]["job_id"] == reply["jobId"]
    endpoint.succeeded(reply["jobId"])
    lines = file.read_text().splitlines()
    assert lines[0] == ",".join(["id", "y", *GUEST_COLUMNS])
    assert len(lines) == ROWS + 1
    of = {"role": "local", "party_id": 0, "component_name": "download_0"}
    metric = sdk.component.metric_all(job_id=reply["jobId"], **of)["data"]["download"]["data_access"]
    assert metric["data"] == [["count", ROWS]] and metric["meta"]["metric_type"] == "DOWNLOAD"


def test_download_through_the_sdk_and_of_a_missing_table(sdk, endpoint, upload, exports, tmp_path):
    conf = {"namespace": NAMESPACE, "table_name": "uploaded", "output_path": str(exports / "by_sdk.csv")}
    endpoint.succeeded(sdk.data.download(conf)["jobId"])
    assert len((exports / "by_sdk.csv").read_text().splitlines()) == ROWS + 1
    missing = sdk.data.download({**conf, "table_name": "missing", "output_path": str(exports / "none.csv")})
    assert missing["retcode"] == 0, missing
    assert {row["f_status"] for row in endpoint.ended(missing["jobId"])} == {"failed"}
    assert not (exports / "none.csv").exists()
    outside = sdk.data.download({**conf, "output_path": str(tmp_path / "outside.csv")})
    assert {row["f_status"] for row in endpoint.ended(outside["jobId"])} == {"failed"}
    assert not (tmp_path / "outside.csv").exists()


def test_writer_copies_a_table(flow, endpoint, upload):
    conf = {
        "namespace": NAMESPACE,
        "table_name": "uploaded",
        "output_namespace": NAMESPACE,
        "output_name": "copied",
    }
    reply = flow("data", "writer", "-c", flow.file("conf.json", conf))
    assert reply["retcode"] == 0, reply
    endpoint.succeeded(reply["jobId"])
    assert flow("table", "info", "-n", NAMESPACE, "-t", "copied")["data"]["count"] == ROWS


def test_an_unknown_operation_on_data(endpoint):
    response = endpoint.send("data/teleport", {})
    assert response.status_code == 400
    assert response.json() == {"retcode": 400, "retmsg": "Cannot support this operating: teleport"}
