"""Jobs are stopped, run again, fail, and wait."""

from types import SimpleNamespace

import pytest

from harness import documents
from harness.documents import STEPS
from harness.federation import GUEST, HOST

OF_GUEST = {"role": "guest", "party_id": GUEST}


def statuses(endpoint, job):
    return {step: task["f_status"] for step, task in endpoint.tasks(job, **OF_GUEST).items()}


@pytest.fixture(scope="module")
def canceled(client, train, endpoint, tmp_path_factory):
    """A training of many epochs that `flow job stop` stopped while it trained."""
    from harness.client import Commands

    job = train(max_iter=500, tol=1e-12)
    endpoint.until(lambda: statuses(endpoint, job.id)["hetero_lr_0"], lambda status: status == "running")
    commands = Commands(client, tmp_path_factory.mktemp("stop"))
    job.stopped = commands("job", "stop", "-j", job.id)
    job.at_once = endpoint.rows(job.id)
    return job


def test_case_51_stop(canceled, flow, sdk, endpoint):
    text = "stop job on this party success; stop job on all party success"
    assert (canceled.stopped["retcode"], canceled.stopped["retmsg"]) == (0, text)
    assert {row["f_status"] for row in canceled.at_once} == {"canceled"}
    left = statuses(endpoint, canceled.id)
    assert left["hetero_lr_0"] == "canceled" and left["evaluation_0"] == "waiting"
    assert {left[step] for step in STEPS[:3]} == {"success"}
    again = sdk.job.stop(canceled.id)
    assert (again["retcode"], again["retmsg"]) == (0, text)
    assert {row["f_status"] for row in endpoint.rows(canceled.id)} == {"canceled"}


def test_case_52_stop_an_unknown_job(flow):
    reply = flow("job", "stop", "-j", "1")
    assert (reply["retcode"], reply["retmsg"]) == (102, "can not found job")


def test_a_finished_job_stays_as_it_is(flow, endpoint, trained):
    assert flow("job", "stop", "-j", trained.id)["retcode"] == 0
    assert {row["f_status"] for row in endpoint.rows(trained.id)} == {"success"}
    reply = flow("job", "rerun", "-j", trained.id)
    assert (reply["retcode"], reply["retmsg"]) == (0, "rerun job success")
    assert {row["f_status"] for row in endpoint.rows(trained.id)} == {"success"}
    unknown = flow("job", "rerun", "-j", "1")
    assert (unknown["retcode"], unknown["retmsg"]) == (102, "can not found job")


def test_case_53_rerun_with_other_parameters(canceled, flow, endpoint):
    """The canceled training would take long: `flow job parameter-update` makes it short before the rerun."""
    change = {"component_parameters": {"common": {"hetero_lr_0": {"max_iter": 2}}}}
    updated = flow("job", "parameter-update", "-j", canceled.id, "-c", flow.file("change.json", change))
    assert updated["retcode"] == 0, updated
    assert updated["data"]["component_parameters"]["common"]["hetero_lr_0"]["max_iter"] == 2
    reply = flow("job", "rerun", "-j", canceled.id)
    assert (reply["retcode"], reply["retmsg"]) == (0, "rerun job success")
    endpoint.succeeded(canceled.id)
    tasks = endpoint.data("job/task/query", {"job_id": canceled.id, **OF_GUEST})
    assert sorted(task["f_component_name"] for task in tasks) == sorted(STEPS)
    versions = {task["f_component_name"]: task["f_task_version"] for task in tasks}
    assert versions["hetero_lr_0"] == 1 and versions["reader_0"] == 0
    loss = {"job_id": canceled.id, "component_name": "hetero_lr_0", "role": "arbiter", "party_id": HOST}
    assert [key for key, _ in endpoint.data("tracking/component/metric/all", loss)["train"]["loss"]["data"]] == [0, 1]


def test_parameter_update_of_an_unknown_job(flow):
    reply = flow("job", "parameter-update", "-j", "1", "-c", flow.file("change.json", {"component_parameters": {}}))
    assert reply["retcode"] == 102


def test_rerun_from_a_component_by_force(flow, endpoint, spare):
    before = {step: task["f_task_version"] for step, task in endpoint.tasks(spare.id, **OF_GUEST).items()}
    reply = flow("job", "rerun", "-j", spare.id, "-cpn", "hetero_lr_0", "--force")
    assert (reply["retcode"], reply["retmsg"]) == (0, "rerun job success")
    endpoint.succeeded(spare.id)
    after = {step: task["f_task_version"] for step, task in endpoint.tasks(spare.id, **OF_GUEST).items()}
    again = {step for step in STEPS if after[step] == before[step] + 1}
    assert again == {"hetero_lr_0", "evaluation_0"}
    assert all(after[step] == before[step] for step in STEPS if step not in again)


def test_case_55_queue_clean(flow, train, endpoint):
    jobs = [train(max_iter=200, tol=1e-12).id for _ in range(5)]
    waiting = {row["f_job_id"] for row in endpoint.data("job/query", {"status": "waiting"})}
    reply = flow("queue", "clean")
    assert reply["retcode"] == 0
    assert endpoint.data("job/query", {"status": "waiting"}) == []
    assert all(code == 0 for code in reply["data"].values()) and set(reply["data"]) <= set(jobs)
    assert {job for job in reply["data"]} <= waiting
    for job in reply["data"]:
        assert {row["f_status"] for row in endpoint.rows(job)} == {"canceled"}
        assert set(statuses(endpoint, job).values()) == {"waiting"}
    for job in set(jobs) - set(reply["data"]):
        assert flow("job", "stop", "-j", job)["retcode"] == 0


def test_case_56_a_table_that_is_missing(flow, endpoint, train):
    job = train(guest_table="no_such_table")
    rows = endpoint.ended(job.id)
    assert {row["f_status"] for row in rows} == {"failed"}
    assert all(row["f_progress"] < 100 for row in rows)
    tasks = endpoint.tasks(job.id, **OF_GUEST)
    assert tasks["reader_0"]["f_status"] == "failed"
    assert all(tasks[step]["f_status"] == "waiting" for step in STEPS[1:])
    reports = [task["f_error_report"] for task in endpoint.data("job/task/query", {"job_id": job.id})]
    assert any("can not found table name" in (report or "") for report in reports), reports


@pytest.fixture
def toy():
    """Documents of the secure addition, with other parameters for everyone and for the job."""

    def make(common, **parameters):
        dsl = {"components": {"secure_add_example_0": {"module": "SecureAddExample"}}}
        conf = {
            "dsl_version": 2,
            "initiator": {"role": "guest", "party_id": GUEST},
            "role": {"guest": [GUEST], "host": [HOST]},
            "job_parameters": {"common": common},
            "component_parameters": {"common": {"secure_add_example_0": {"partition": 4, "data_num": 1000, **parameters}}},
        }
        return SimpleNamespace(dsl=dsl, conf=conf)

    return make


def test_case_82_auto_retry(sdk, endpoint, toy):
    """The first attempt fails on purpose (`fail_attempts`); the job tries again by itself."""
    documents = toy({"auto_retries": 1, "auto_retry_delay": 0}, fail_attempts=1)
    reply = sdk.job.submit(config_data=documents.conf, dsl_data=documents.dsl)
    assert reply["retcode"] == 0, reply
    endpoint.succeeded(reply["jobId"])
    task = endpoint.tasks(reply["jobId"], **OF_GUEST)["secure_add_example_0"]
    assert (task["f_task_version"], task["f_status"]) == (1, "success")
    attempts = endpoint.data("job/list/task", {"job_id": reply["jobId"], **OF_GUEST})["tasks"]
    assert [one["status"] for one in attempts] == ["failed", "success"]


def test_without_retries_the_first_failure_counts(sdk, endpoint, toy):
    documents = toy({}, fail_attempts=1)
    job = sdk.job.submit(config_data=documents.conf, dsl_data=documents.dsl)["jobId"]
    assert {row["f_status"] for row in endpoint.ended(job)} == {"failed"}
    assert sdk.task.query(job_id=job, role="guest", party_id=GUEST)["data"][0]["f_error_report"]


def test_inheritance_of_finished_steps(sdk, endpoint, trained):
    steps = ["reader_0", "data_transform_0", "intersection_0"]
    dsl, conf = documents.lr(max_iter=2, common={"inheritance_info": {"job_id": trained.id, "component_list": steps}})
    reply = sdk.job.submit(config_data=conf, dsl_data=dsl)
    assert reply["retcode"] == 0, reply
    [row] = [row for row in endpoint.succeeded(reply["jobId"]) if row["f_is_initiator"]]
    assert row["f_inheritance_status"] == "success"
    of = {"job_id": reply["jobId"], "component_name": "intersection_0", **OF_GUEST}
    inherited = sdk.component.output_data_table(**of)["data"]
    assert inherited[0]["table_name"]
    preview = endpoint.post("tracking/component/output/data", of)
    assert preview["meta"]["total"] == [569]


def test_job_clean(flow, endpoint, train, sdk):
    job = train(max_iter=1)
    endpoint.succeeded(job.id)
    assert endpoint.post("job/clean", {"job_id": job.id})["retcode"] == 0
    output = {"job_id": job.id, "component_name": "intersection_0", **OF_GUEST}
    assert endpoint.send("tracking/component/output/data/download", output, method="GET").status_code != 200
    metrics = {"job_id": job.id, "component_name": "hetero_lr_0", "role": "arbiter", "party_id": HOST}
    assert sdk.component.metrics(**metrics)["retmsg"] == "no data", "the figures go as well"
