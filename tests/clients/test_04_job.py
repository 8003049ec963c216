"""A finished job, as clients ask for it."""

import json

import pytest

from harness.documents import MODEL_ID, STEPS
from harness.federation import GUEST, HOST


def test_case_21_the_initiators_row(trained, sdk, endpoint):
    [by_number] = endpoint.rows(trained.id, role="guest", party_id=GUEST)
    [by_text] = endpoint.rows(trained.id, role="guest", party_id=str(GUEST))
    assert by_number == by_text
    assert sdk.job.query(job_id=trained.id, role="guest", party_id=GUEST)["data"] == [by_text]
    assert by_text["f_status"] == "success" and by_text["f_progress"] == 100
    assert by_text["f_is_initiator"] is True
    assert by_text["f_roles"]["guest"] == [GUEST]
    assert by_text["f_party_id"] == str(GUEST)
    assert by_text["f_tag"] == "job_end"
    assert by_text["f_train_runtime_conf"] == {}


def test_one_row_for_each_participant(trained, endpoint):
    rows = endpoint.rows(trained.id)
    assert {(row["f_role"], row["f_party_id"]) for row in rows} == {
        ("guest", str(GUEST)),
        ("host", str(HOST)),
        ("arbiter", str(HOST)),
    }
    assert [row["f_role"] for row in rows if row["f_is_initiator"]] == ["guest"]


def test_case_22_query(flow, trained):
    reply = flow("job", "query", "-j", trained.id)
    assert reply["retcode"] == 0 and len(reply["data"]) == 3
    for row in reply["data"]:
        assert "f_dsl" not in row and "f_runtime_conf" not in row
        assert row["f_status"] == "success"


def test_query_filters(flow, sdk, endpoint, trained):
    assert flow("job", "query", "-j", trained.id, "-r", "host", "-p", HOST, "-s", "success")["data"][0]["f_role"] == "host"
    nothing = flow("job", "query", "-j", "1")
    assert nothing == {"retcode": 0, "retmsg": "no job could be found", "data": []}
    assert sdk.job.query(job_id=trained.id, status="failed")["data"] == []
    either = endpoint.rows([trained.id, "1"], role=["guest", "host"])
    assert len(either) == 2
    created = either[0]["f_create_time"]
    assert len(endpoint.rows(trained.id, create_time=[created, None])) == 3
    assert endpoint.post("job/query", {"job_id": trained.id, "create_time": [None, created - 1]})["data"] == []


def test_case_23_task_query(flow, sdk, trained):
    reply = flow("task", "query", "-j", trained.id, "-r", "guest", "-p", GUEST, "-cpn", "hetero_lr_0")
    [task] = reply["data"]
    assert task["f_status"] == "success"
    assert task["f_task_id"] == f"{trained.id}_hetero_lr_0"
    assert task["f_task_version"] == 0
    assert task["f_component_module"] == "HeteroLR"
    assert sdk.task.query(job_id=trained.id, role="guest", party_id=GUEST, component_name="hetero_lr_0")["data"] == [task]


def test_case_24_tasks_of_the_arbiter(flow, trained):
    reply = flow("task", "query", "-j", trained.id, "-r", "arbiter", "-p", HOST)
    steps = {task["f_component_name"] for task in reply["data"]}
    assert "hetero_lr_0" in steps and steps <= {"hetero_lr_0", "evaluation_0"}


def test_case_25_tasks_of_an_unknown_job(flow):
    reply = flow("task", "query", "-j", "1")
    assert (reply["retcode"], reply["retmsg"]) == (101, "find task failed")


def test_tasks_by_status(flow, trained):
    assert len(flow("task", "query", "-j", trained.id, "-r", "guest", "-s", "success")["data"]) == len(STEPS)
    assert flow("task", "query", "-j", trained.id, "-s", "running")["retcode"] == 101


def test_case_26_job_list(flow, sdk, trained):
    for reply in [flow("job", "list", "-l", "3"), sdk.job.list(3)]:
        assert reply["retcode"] == 0
        jobs = reply["data"]["jobs"]
        assert len(jobs) == 3 and reply["data"]["count"] >= 3
        assert not any(key.startswith("f_") for job in jobs for key in job)
        created = [job["create_time"] for job in jobs]
        assert created == sorted(created, reverse=True)


def test_job_list_filters(endpoint, trained):
    listed = endpoint.data("job/list/job", {"job_id": trained.id, "role": "guest"})
    [row] = listed["jobs"]
    assert listed["count"] == 1
    assert row["partners"] == [HOST] and row["party_id"] == GUEST
    rows = endpoint.data("job/list/job", {"job_id": trained.id, "order_by": "create_time", "order": "asc", "status": "success"})
    assert rows["count"] == 3
    first = endpoint.data("job/list/job", {"limit": 1, "page": 1})["jobs"]
    second = endpoint.data("job/list/job", {"limit": 1, "page": 2})["jobs"]
    assert first != second


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"role": "king"}, "Invalid parameter 'role'."),
        ({"role": {"a": 1}}, "Invalid parameter 'role'."),
        ({"party_id": {"a": 1}}, "Invalid parameter 'party_id'."),
        ({"status": "lost"}, "Invalid parameter 'status'."),
        ({"party_id": "x"}, "Invalid parameter 'party_id'."),
        ({"order_by": "x"}, "Invalid parameter 'order_by'."),
        ({"order": "x"}, "Invalid parameter order 'order'."),
        ({"limit": -1}, "Invalid parameter 'limit' or 'page'."),
    ],
)
def test_job_list_refuses_bad_filters(endpoint, body, text):
    response = endpoint.send("job/list/job", body)
    assert response.status_code == 400
    assert response.json() == {"retcode": 400, "retmsg": text}


@pytest.mark.parametrize(
    ("body", "name"),
    [({"role": "xx"}, "role"), ({"party_id": "abc"}, "party_id"), ({"role": {"a": 1}}, "role"), ({"party_id": [1]}, "party_id")],
)
def test_task_list_refuses_bad_filters(endpoint, body, name):
    response = endpoint.send("job/list/task", body)
    assert (response.status_code, response.json()) == (400, {"retcode": 400, "retmsg": f"Invalid parameter '{name}'."})


def test_task_list(flow, sdk, endpoint, trained):
    for reply in [flow("task", "list", "-l", "3"), sdk.task.list(3)]:
        assert len(reply["data"]["tasks"]) == 3 and reply["data"]["count"] >= 3
    of_job = endpoint.data("job/list/task", {"job_id": trained.id, "role": "guest", "party_id": GUEST})
    assert {task["component_name"] for task in of_job["tasks"]} == set(STEPS)


def test_case_28_config(flow, sdk, trained, tmp_path):
    reply = flow("job", "config", "-j", trained.id, "-r", "guest", "-p", GUEST, "-o", "out")
    assert reply["retcode"] == 0
    folder = flow.folder / "out" / f"job_{trained.id}_config"
    files = {path.name: json.loads(path.read_text()) for path in folder.iterdir()}
    assert set(files) == {"dsl.json", "runtime_conf.json", "train_runtime_conf.json", "model_info.json"}
    conf = files["runtime_conf.json"]
    assert conf["component_parameters"]["common"]["hetero_lr_0"]["max_iter"] == 3
    assert conf["job_parameters"]["common"]["job_type"] == "train"
    assert conf["job_parameters"]["common"]["task_cores"] == 4
    assert conf["role"]["guest"] == [GUEST]
    assert files["model_info.json"] == {"model_id": MODEL_ID, "model_version": trained.id}
    assert set(files["dsl.json"]["components"]) == set(STEPS)
    assert sdk.job.config(trained.id, "host", HOST, str(tmp_path / "sdk"))["retcode"] == 0
    unknown = flow("job", "config", "-j", "1", "-r", "guest", "-p", GUEST, "-o", "out")
    assert (unknown["retcode"], unknown["retmsg"]) == (101, "find job failed")


def test_case_29_log(flow, sdk, trained):
    reply = sdk.job.log(job_id=trained.id, output_path=str(flow.folder / "logs"))
    assert reply["retcode"] == 0
    folder = flow.folder / "logs" / f"job_{trained.id}_log"
    assert str(folder) == reply["directory"]
    for file in [f"guest/{GUEST}/INFO.log", f"host/{HOST}/INFO.log", f"guest/{GUEST}/ERROR.log", "fate_flow_schedule.log"]:
        assert (folder / file).is_file(), file
    assert "hetero_lr" in (folder / f"guest/{GUEST}/INFO.log").read_text()
    assert list((folder / f"guest/{GUEST}/hetero_lr_0").iterdir())
    assert flow("job", "log", "-j", trained.id, "-o", "by_command")["retcode"] == 0


def test_log_of_an_unknown_job(flow):
    reply = flow("job", "log", "-j", "1", "-o", "out")
    assert reply["retcode"] == 404
    assert "not found. Please check if the job id is valid." in reply["retmsg"]


def test_log_pages(endpoint, trained):
    assert endpoint.data("job/log/path", {"job_id": trained.id})["logs_directory"]
    of = {"job_id": trained.id, "role": "guest", "party_id": GUEST, "component_name": "hetero_lr_0", "log_type": "componentInfo"}
    size = endpoint.data("log/size", of)["size"]
    assert size > 0
    lines = endpoint.data("log/cat", {**of, "begin": 1, "end": 1})
    assert [line["line_num"] for line in lines] == [1] and lines[0]["content"]


def test_case_31_view(flow, sdk, trained):
    reply = flow("job", "view", "-j", trained.id, "-r", "guest")
    rows = {row["f_component_name"]: row for row in reply["data"]}
    assert set(rows) == {"reader_0", "data_transform_0", "intersection_0", "hetero_lr_0"}
    assert len(reply["data"]) == len(STEPS) - 1
    for row in rows.values():
        assert row["f_table_namespace"].startswith(f"output_data_{trained.id}_")
        assert len(row["f_table_name"]) == 32
    assert sdk.job.view(job_id=trained.id, role="guest")["data"] == reply["data"]
    unknown = flow("job", "view", "-j", "1")
    assert (unknown["retcode"], unknown["retmsg"]) == (101, "find data view failed")


def test_case_49_component_list(flow, sdk, trained):
    for reply in [flow("component", "list", "-j", trained.id), sdk.component.list(trained.id)]:
        assert reply["retcode"] == 0
        assert sorted(reply["data"]["components"]) == sorted(STEPS)
    unknown = flow("component", "list", "-j", "1")
    assert unknown["retcode"] == 100
    assert unknown["retmsg"] == "No job matched, please make sure the job id is valid."


def test_case_50_notes(endpoint, spare):
    of = {"job_id": spare.id, "role": "guest", "party_id": GUEST}
    reply = endpoint.post("job/update", {**of, "notes": "n"})
    assert (reply["retcode"], reply["retmsg"]) == (0, "success")
    assert endpoint.rows(**of)[0]["f_description"] == "n"
    assert endpoint.data("job/list/job", {"job_id": spare.id, "description": "n"})["count"] == 1
    unknown = endpoint.post("job/update", {**of, "job_id": "1", "notes": "n"})
    assert (unknown["retcode"], unknown["retmsg"]) == (101, "find job failed")
    missing = endpoint.post("job/update", {"role": "guest"})
    assert missing["retcode"] == 100 and "job_id" in missing["retmsg"]


def test_job_report_and_board_address(endpoint, trained):
    report = endpoint.data("job/report", {"job_id": trained.id, "role": "guest", "party_id": GUEST})
    assert {row["component_name"] for row in report} == set(STEPS)
    assert all(row["elapsed"] == row["end_time"] - row["start_time"] for row in report)
    [url] = endpoint.data("job/url/get", {"job_id": trained.id, "role": "guest", "party_id": GUEST})["board_url"]
    assert f"job_id={trained.id}&role=guest&party_id={GUEST}" in url
    unknown = endpoint.post("job/url/get", {"job_id": "1", "role": "guest", "party_id": GUEST})
    assert (unknown["retcode"], unknown["retmsg"]) == (101, "no found job")
