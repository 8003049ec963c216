"""The rows of the contract's table for ABEJA's API, with ABEJA's own client; each test is named by its row."""

import base64
import datetime
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from abeja import exceptions

from conftest import ORGANIZATION, clients_at, ended, model_of, submit
from harness import documents, tables
from harness import meteos as shapes
from harness.federation import GUEST, HOST
from harness.losing import Losing
from harness.meteos import Meteos

# What may be seen after what: a status may be passed between two looks.
ORDER = ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def is_legal(seen):
    """Whether a status only moved on, but to RUNNABLE for another try."""
    for before, after in zip(seen, seen[1:]):
        if before in ("SUCCEEDED", "FAILED"):
            return False
        moves_on = after == "FAILED" or ORDER.index(after) > ORDER.index(before)
        if not (moves_on or (after == "RUNNABLE" and before in ("STARTING", "RUNNING"))):
            return False
    return True


def test_a1_a_deployment_its_version_and_its_archive(abeja):
    made = abeja.deployments.create_deployment(ORGANIZATION, "a1", "first")
    assert len(made["deployment_id"]) == 13 and made["deployment_id"].isdigit()
    assert (made["name"], made["description"], made["default_environment"]) == ("a1", "first", {})
    assert (made["runs"], made["services"], made["triggers"]) == ([], [], [])
    version = abeja.deployments.create_deployment_version(
        ORGANIZATION, made["deployment_id"], "0.0.1", "main:handler", "abeja-inc/all-cpu:19.04", {"A": "1"}
    )
    assert re.fullmatch(r"ver-[0-9a-f]{16}", version["version_id"]) and version["version"] == "0.0.1"
    put = requests.put(version["upload_url"], data=b"not really a tar.gz", timeout=30)
    assert put.status_code // 100 == 2, put.text
    assert requests.put(version["upload_url"][:-1], data=b"x", timeout=30).status_code == 401
    again = abeja.deployments.get_deployment(ORGANIZATION, made["deployment_id"])
    assert again == made
    assert made in abeja.deployments.get_deployments(ORGANIZATION)["entries"]
    listed = abeja.deployments.get_deployment_versions(ORGANIZATION, made["deployment_id"])["entries"]
    assert [entry["version"] for entry in listed] == ["0.0.1"]
    got = abeja.deployments.get_deployment_version(ORGANIZATION, made["deployment_id"], version["version_id"])
    assert got["handler"] == "main:handler" and got["user_parameters"] == {"A": "1"}
    uri = abeja.deployments.download_deployment_version(ORGANIZATION, made["deployment_id"], version["version_id"])
    assert requests.get(uri["download_uri"], timeout=30).content == b"not really a tar.gz"
    with pytest.raises(exceptions.BadRequest):
        abeja.deployments.create_deployment(ORGANIZATION, "a1", "again")
    deleted = abeja.deployments.delete_deployment_version(ORGANIZATION, made["deployment_id"], version["version_id"])
    assert "deleted" in deleted["message"]


def test_a2_a_bare_run(abeja, trained):
    built_in = next(e for e in abeja.deployments.get_deployments(ORGANIZATION)["entries"] if e["name"] == "fl-predict")
    version = abeja.deployments.get_deployment_versions(ORGANIZATION, built_in["deployment_id"])["entries"][0]
    run = abeja.runs.create_run(ORGANIZATION, built_in["deployment_id"], version["version_id"])
    assert (run["status"], run["retry_count"], run["user_env_vars"]) == ("SUBMITTED", 5, {})
    assert re.fullmatch(r"run-[0-9a-f]{16}", run["run_id"])
    assert TIME.fullmatch(run["created_at"]) and TIME.fullmatch(run["modified_at"])
    made = datetime.datetime.fromisoformat(run["created_at"].replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.timezone.utc) - made).total_seconds()) < 5


def test_a3_a_run_with_everything(abeja, deployed, endpoint, files, trained):
    model = model_of(abeja, trained)
    channel = abeja.datalake.create_channel(ORGANIZATION, "a3", "of a test", "datalake")["channel"]["channel_id"]
    with open(files.guest, "rb") as content:
        metadata = {"x-abeja-meta-filename": "guest ü.csv"}
        file = abeja.datalake.post_channel_file_upload(channel, content, "text/csv", metadata=metadata)
    assert file["metadata"] == metadata
    given = {"$datalake:1": f"{channel}/{file['file_id']}"}
    abeja.deployments.patch_deployment(ORGANIZATION, deployed.id, deployed.made["name"], default_environment={"A": "1", "B": "1"})
    run = abeja.runs.create_run(
        ORGANIZATION,
        deployed.id,
        deployed.version,
        input_data=given,
        output_template={"$datalake:1": channel},
        distribution=0,
        retry_count=0,
        environment={"B": "2"},
        model_id=model["training_model_id"],
    )
    assert run["models"] == {"alias": model["training_model_id"]}
    assert (run["retry_count"], run["distribution"]) == (0, 0)
    assert (run["input_data"], run["output_template"]) == (given, {"$datalake:1": channel})
    assert run["user_env_vars"] == {"A": "1", "B": "2"}
    assert (run["model_version"], run["model_version_id"]) == ("0.0.3", deployed.version)
    seen, found = ended(abeja, deployed, run, endpoint)
    assert is_legal(seen) and seen[-1] == "SUCCEEDED", (seen, abeja.runs.get_run_logs(ORGANIZATION, deployed.id, run["run_id"]))
    assert found["input_data"] == given
    kept = abeja.datalake.list_channel_files(channel)["files"]
    (kept,) = [file for file in kept if file["metadata"]["x-abeja-meta-filename"] == "predictions.csv"]
    told = requests.get(kept["download_uri"], timeout=30)
    header, *rows = told.text.splitlines()
    assert "predict_score" in header and len(rows) > 50 and len(told.content) == kept["size"]


def job_of(endpoint, abeja, deployed, run):
    """The job behind a run: its first line names it."""
    lines = abeja.runs.get_run_logs(ORGANIZATION, deployed.id, run["run_id"])["events"]
    return re.search(r"\d{20,}", lines[0]["message"]).group()


def test_a4_a_run_to_its_end(abeja, deployed, endpoint, trained):
    model = model_of(abeja, trained)
    run = abeja.runs.create_run(ORGANIZATION, deployed.id, deployed.version, model_id=model["training_model_id"])
    seen, found = ended(abeja, deployed, run, endpoint)
    assert is_legal(seen) and seen[-1] == "SUCCEEDED", seen
    assert found["modified_at"] > found["created_at"]
    job = job_of(endpoint, abeja, deployed, run)
    endpoint.succeeded(job)
    rows = endpoint.data(
        "tracking/component/output/data",
        {"job_id": job, "component_name": "hetero_lr_0", "role": "guest", "party_id": GUEST},
    )
    assert rows and rows[0], "the output table exists"


def test_a6_what_is_malformed_makes_no_run(abeja, deployed):
    for wrong in [{"retry_count": 10}, {"retry_count": -1}, {"retry_count": "x"}, {"distribution": -1}]:
        with pytest.raises(exceptions.BadRequest) as refused:
            abeja.runs.create_run(ORGANIZATION, deployed.id, deployed.version, **wrong)
        assert refused.value.error == "bad_request" and refused.value.error_description
    assert abeja.runs.get_runs(ORGANIZATION, deployed.id)["entries"] == []


def test_a7_what_is_not_there(abeja, deployed):
    other = abeja.deployments.create_deployment(ORGANIZATION, "a7", "")["deployment_id"]
    foreign = abeja.deployments.create_deployment_version(ORGANIZATION, other, "1", "h:h", "i", {})["version_id"]
    calls = [
        lambda: abeja.runs.create_run(ORGANIZATION, "1111111111111", deployed.version),
        lambda: abeja.runs.create_run(ORGANIZATION, deployed.id, foreign),
        lambda: abeja.runs.create_run(ORGANIZATION, deployed.id, deployed.version, model_id="1111111111111"),
        lambda: abeja.runs.get_run(ORGANIZATION, deployed.id, "run-1111111111111111"),
    ]
    for call in calls:
        with pytest.raises(exceptions.NotFound):
            call()


def test_a8_who_may_come_in(guarded):
    organization = str(GUEST)
    own = clients_at(guarded.endpoint, {"auth_token": "own"})
    listed = own.deployments.get_deployments(organization)["entries"]
    assert [entry["name"] for entry in listed] == ["fl-predict"]
    token = {"user_id": "1234567890123", "personal_access_token": "own"}
    assert clients_at(guarded.endpoint, token).deployments.get_deployments(organization)["entries"] == listed
    for wrong in [{"auth_token": "nobody's"}, {}, {"user_id": "1", "personal_access_token": "nobody's"}]:
        with pytest.raises(exceptions.Unauthorized):
            clients_at(guarded.endpoint, wrong).deployments.get_deployments(organization)
    with pytest.raises(exceptions.Forbidden):
        clients_at(guarded.endpoint, {"auth_token": "other"}).deployments.get_deployments(organization)
    theirs = clients_at(guarded.endpoint, {"auth_token": "other"})
    with pytest.raises(exceptions.NotFound):
        theirs.deployments.get_deployment(str(HOST), listed[0]["deployment_id"])


def test_a10_a_hundred_and_twenty_runs_in_pages(guarded):
    # Nothing was trained there: these runs end at once, each with a line that says why.
    abeja, organization = clients_at(guarded.endpoint, {"auth_token": "own"}), str(GUEST)
    deployment = abeja.deployments.create_deployment(organization, "a10", "")["deployment_id"]
    version = abeja.deployments.create_deployment_version(organization, deployment, "1", "h:h", "i", {})["version_id"]
    made = [abeja.runs.create_run(organization, deployment, version)["run_id"] for _ in range(120)]
    for forward in (None, True):
        page = abeja.runs.get_runs(organization, deployment, scan_forward=forward)
        seen = [run["run_id"] for run in page["entries"]]
        while "next_page_token" in page:
            page = abeja.runs.get_runs(organization, deployment, next_page_token=page["next_page_token"])
            seen += [run["run_id"] for run in page["entries"]]
        assert seen == (made if forward else made[::-1])
    with pytest.raises(exceptions.BadRequest):
        abeja.runs.get_runs(organization, deployment, next_page_token="nonsense")
    assert abeja.runs.get_run(organization, deployment, made[0])["status"] == "FAILED"
    lines = abeja.runs.get_run_logs(organization, deployment, made[0])["events"]
    assert "there is no model to apply" in lines[-1]["message"]


@pytest.fixture(scope="session")
def talkative(endpoint, loaded):
    """A training whose predict jobs write many lines: it has many readers."""
    readers = [f"reader_{number}" for number in range(70)]
    dsl, conf = documents.lr()
    dsl["components"] = {name: {"module": "Reader", "output": {"data": ["table"]}} for name in readers}
    dsl["components"]["data_transform_0"] = documents.DSL["components"]["data_transform_0"]
    table = {"table": {"name": tables.GUEST_TABLE, "namespace": tables.NAMESPACE}}
    transform = conf["component_parameters"]["role"]["guest"]["0"]["data_transform_0"]
    conf["role"] = {"guest": [GUEST]}
    guest = {**{name: table for name in readers}, "data_transform_0": transform}
    conf["component_parameters"] = {"role": {"guest": {"0": guest}}}
    job = submit(endpoint, dsl, conf)
    endpoint.succeeded(job)
    return job


@pytest.fixture
def lines_of_a_run(abeja, deployed, endpoint, talkative):
    """A run with more than 250 lines, ended."""
    model = model_of(abeja, talkative)
    run = abeja.runs.create_run(ORGANIZATION, deployed.id, deployed.version, model_id=model["training_model_id"])
    seen, _ = ended(abeja, deployed, run, endpoint)
    assert seen[-1] == "SUCCEEDED", abeja.runs.get_run_logs(ORGANIZATION, deployed.id, run["run_id"])
    return run["run_id"]


def test_a12_logs_from_the_first_line(abeja, deployed, lines_of_a_run):
    page = abeja.runs.get_run_logs(ORGANIZATION, deployed.id, lines_of_a_run)
    lines, pages = page["events"], 1
    while "next_token" in page:
        assert len(page["events"]) == 100
        page = abeja.runs.get_run_logs(ORGANIZATION, deployed.id, lines_of_a_run, next_token=page["next_token"])
        lines, pages = lines + page["events"], pages + 1
    times = [line["timestamp"] for line in lines]
    assert len(lines) >= 250 and pages >= 3
    assert times == sorted(times) and all(TIME.fullmatch(time) for time in times)
    assert "submitted" in lines[0]["message"] and "succeeded" in lines[-1]["message"]
    second = datetime.datetime.fromisoformat(times[-1][:19])
    last = abeja.runs.get_run_logs(ORGANIZATION, deployed.id, lines_of_a_run, start_time=second, end_time=second)
    assert last["events"] == [line for line in lines if line["timestamp"][:19] == times[-1][:19]][:100]


def test_a13_logs_from_the_latest_line_back(abeja, deployed, lines_of_a_run):
    page = abeja.runs.get_run_recent_logs(ORGANIZATION, deployed.id, lines_of_a_run)
    newest, lines = page, []
    while page["events"]:
        lines += page["events"]
        page = abeja.runs.get_run_recent_logs(
            ORGANIZATION, deployed.id, lines_of_a_run, next_backward_token=page["next_backward_token"]
        )
    assert page["next_backward_token"] and page["next_forward_token"]
    times = [line["timestamp"] for line in lines]
    assert len(lines) >= 250 and times == sorted(times, reverse=True)
    forward = abeja.runs.get_run_recent_logs(
        ORGANIZATION, deployed.id, lines_of_a_run, next_forward_token=newest["next_forward_token"]
    )
    assert forward["events"] == [] and forward["next_forward_token"] and forward["next_backward_token"]


def test_a17_errors_have_their_form(abeja, federation, deployed):
    runs = f"/organizations/{ORGANIZATION}/deployments/{deployed.id}/runs"
    calls = [
        ("PUT", runs, None, exceptions.MethodNotAllowed),
        ("POST", runs, "{garbage", exceptions.BadRequest),
        ("GET", f"/organizations/{ORGANIZATION}/nothing/here", None, exceptions.NotFound),
        ("GET", "/organizations/x", None, exceptions.NotFound),
    ]
    for method, path, data, expected in calls:
        with pytest.raises(expected) as refused:
            abeja.runs._connection.api_request(method=method, path=path, data=data)
        assert refused.value.error and refused.value.error_description
        body = requests.request(method, federation.endpoint + path, data=data, headers=federation.headers, timeout=30).json()
        assert set(body) >= {"error", "error_description"}


def test_a18_a_slash_may_trail(abeja, federation, deployed, loaded):
    abeja.runs.create_run(ORGANIZATION, deployed.id, deployed.version)
    path = f"{federation.endpoint}/organizations/{ORGANIZATION}/deployments/{deployed.id}/versions"
    plain, slashed = (
        requests.get(path + end, headers=federation.headers, timeout=30).json() for end in ("", "/")
    )
    assert plain == slashed and plain["entries"]


def test_a19_a_deployment_with_a_live_run(abeja, deployed, endpoint, talkative):
    model = model_of(abeja, talkative)
    run = abeja.runs.create_run(ORGANIZATION, deployed.id, deployed.version, model_id=model["training_model_id"])
    with pytest.raises(exceptions.Conflict):
        abeja.deployments.delete_deployment(ORGANIZATION, deployed.id)
    ended(abeja, deployed, run, endpoint)
    assert "deleted" in abeja.deployments.delete_deployment(ORGANIZATION, deployed.id)["message"]
    with pytest.raises(exceptions.NotFound):
        abeja.runs.get_run(ORGANIZATION, deployed.id, run["run_id"])


def test_the_example(federation, trained):
    example = Path(__file__).resolve().parents[3] / "examples" / "clients" / "abeja_run.py"
    command = [sys.executable, "-W", "ignore", example, federation.endpoint]
    done = subprocess.run(command, env=federation.environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "SUCCEEDED" in done.stdout and "the job has succeeded" in done.stdout


def test_x4_a_model_of_meteos_predicts_a_data_set(abeja, deployed, endpoint, federation):
    meteos = Meteos(federation.endpoint, token=federation.token)
    experiment = meteos.experiment()
    rows = [f"{n % 2},{n},{5 if n % 2 else -5}" for n in range(50)]
    asked = ["3,5", "8,-5", "40,5"]
    party = federation.party_endpoints[GUEST]
    learned = shapes.put_file(federation, GUEST, "x4", "rows.txt", "\n".join(rows))
    model = meteos.model(experiment, learned, "DecisionTreeClassification", {})
    meteos.available("models", "model", model["id"])
    dataset = meteos.dataset(experiment, shapes.put_file(federation, GUEST, "x4", "asked.txt", "\n".join(asked)))
    meteos.available("datasets", "dataset", dataset["id"])

    job = newest_training(endpoint)
    channel = next(c for c in abeja.datalake.list_channels(ORGANIZATION)["channels"] if c["name"] == "datasets")
    files = abeja.datalake.list_channel_files(channel["channel_id"])["files"]
    file = next(file["file_id"] for file in files if file["file_id"].endswith(dataset["id"]))
    run = abeja.runs.create_run(
        ORGANIZATION, deployed.id, deployed.version, {"$datalake:1": f"{channel['channel_id']}/{file}"},
        model_id=model_of(abeja, job)["training_model_id"],
    )  # fmt: skip
    seen, _ = ended(abeja, deployed, run, endpoint)
    assert is_legal(seen) and seen[-1] == "SUCCEEDED"
    of = {"job_id": job_of(endpoint, abeja, deployed, run), "component_name": "local_learner_0", "role": "guest", "party_id": GUEST}
    path = f"{party}/v1/tracking/component/output/data"
    reply = requests.post(path, json=of, headers=federation.headers, timeout=60).json()
    column = reply["meta"]["header"][0].index("predict_result")
    predicted = [str(row[column]) for row in reply["data"][0]]
    assert predicted == [meteos.predicted(model["id"], row) for row in asked] == ["1.0", "0.0", "1.0"]


def newest_training(endpoint):
    """The job of the newest of Meteos' models."""
    rows = endpoint.data("job/query", {"status": "success"})
    own = [row for row in rows if "local_learner_0" in row["f_dsl"]["components"] and not row["f_description"]]
    return max(row["f_job_id"] for row in own)


def test_x7_a_job_stopped_through_fate_is_a_failed_run(abeja, deployed, endpoint, talkative):
    model = model_of(abeja, talkative)
    run = abeja.runs.create_run(ORGANIZATION, deployed.id, deployed.version, model_id=model["training_model_id"])
    job = job_of(endpoint, abeja, deployed, run)
    reply = endpoint.post("job/stop", {"job_id": job})
    assert reply["retcode"] == 0, reply
    seen, _ = ended(abeja, deployed, run, endpoint)
    assert seen[-1] == "FAILED" and {row["f_status"] for row in endpoint.rows(job)} == {"canceled"}
    last = abeja.runs.get_run_recent_logs(ORGANIZATION, deployed.id, run["run_id"])["events"][0]
    assert "canceled" in last["message"] and "stopped" in last["message"]


def test_runs_of_one_queue_run_one_after_another(abeja, deployed, endpoint, trained):
    model = model_of(abeja, trained)["training_model_id"]
    runs = [
        abeja.runs.create_run(ORGANIZATION, deployed.id, deployed.version, model_id=model, distribution=7)
        for _ in range(3)
    ]
    jobs = [job_of(endpoint, abeja, deployed, run) for run in runs]
    for run in runs:
        assert ended(abeja, deployed, run, endpoint)[0][-1] == "SUCCEEDED"
    times = [(endpoint.rows(job)[0]["f_start_time"], endpoint.rows(job)[0]["f_end_time"]) for job in jobs]
    assert all(before[1] <= after[0] for before, after in zip(times, times[1:])), times


def test_a_file_that_is_no_table_fails_the_run_and_says_so(abeja, deployed, endpoint, trained):
    model = model_of(abeja, trained)["training_model_id"]
    channel = abeja.datalake.create_channel(ORGANIZATION, "torn", "", "datalake")["channel"]["channel_id"]
    file = abeja.datalake.post_channel_file_upload(channel, io.BytesIO(b""), "text/csv")
    run = abeja.runs.create_run(
        ORGANIZATION, deployed.id, deployed.version, {"$datalake:1": f"{channel}/{file['file_id']}"}, model_id=model
    )
    seen, _ = ended(abeja, deployed, run, endpoint)
    assert is_legal(seen) and seen[-1] == "FAILED" and "STARTING" not in seen
    lines = abeja.runs.get_run_logs(ORGANIZATION, deployed.id, run["run_id"])["events"]
    assert "the table could not be made" in lines[-1]["message"]


def test_a_model_of_a_training_is_an_archive(abeja, trained):
    model = model_of(abeja, trained)
    uri = abeja.training.download_training_model(ORGANIZATION, model["job_definition_id"], model["training_model_id"])
    reply = requests.get(uri["download_uri"], timeout=60)
    assert reply.status_code == 200 and reply.content[:2] == b"PK", reply.text[:300]


def test_weights_come_as_a_form(abeja):
    abeja.training.create_training_job_definition(ORGANIZATION, "brought")
    made = abeja.training.create_training_model(
        ORGANIZATION, "brought", io.BytesIO(b"weights"), {"description": "mine", "user_parameters": {"a": "1"}}
    )
    assert (made["description"], made["user_parameters"], made["archived"]) == ("mine", {"a": "1"}, False)
    listed = abeja.training.get_training_models(ORGANIZATION, "brought")["entries"]
    assert listed == [abeja.training.get_training_model(ORGANIZATION, "brought", made["training_model_id"])] == [made]
    assert abeja.training.archive_training_model(ORGANIZATION, "brought", made["training_model_id"])["message"]
    assert abeja.training.get_training_models(ORGANIZATION, "brought", filter_archived=True)["entries"] == []


def test_files_of_a_channel(abeja):
    channel = abeja.datalake.create_channel(ORGANIZATION, "files", "", "datalake")["channel"]["channel_id"]
    made = [
        abeja.datalake.post_channel_file_upload(
            channel, io.BytesIO(f"{number}".encode()), "text/plain", {"x-abeja-meta-filename": f"{number}.txt"}
        )["file_id"]
        for number in range(5)
    ]
    page = abeja.datalake.list_channel_files(channel, items_per_page=2)
    seen = [file["file_id"] for file in page["files"]]
    while page["next_page_token"]:
        page = abeja.datalake.list_channel_files(channel, items_per_page=2, next_page_token=page["next_page_token"])
        seen += [file["file_id"] for file in page["files"]]
    assert seen == made
    file = abeja.datalake.get_channel_file_download(channel, made[3])
    assert requests.get(file["download_uri"], timeout=30).content == b"3"
    assert abeja.datalake.delete_channel_file(channel, made[3])["message"]
    with pytest.raises(exceptions.NotFound):
        abeja.datalake.get_channel_file_download(channel, made[3])


def test_the_access_file_is_a_persons_credential(federation, abeja):
    """`abeja` sends the token as the password of a basic credential; another password, or none, is refused."""
    assert abeja.deployments.get_deployments(ORGANIZATION)["entries"]
    for credential in [None, {"user_id": "1234567890123", "personal_access_token": "guessed"}]:
        with pytest.raises(exceptions.Unauthorized):
            clients_at(federation.endpoint, credential).deployments.get_deployments(ORGANIZATION)


def test_a_personal_token_is_basic(guarded):
    plain = base64.b64encode(b"user-1:own").decode()
    reply = requests.get(
        f"{guarded.endpoint}/organizations/{GUEST}/deployments", headers={"authorization": f"Basic {plain}"}, timeout=30
    )
    assert reply.status_code == 200


@pytest.mark.parametrize("via", [False, True])
def test_o5_a_lost_answer_makes_no_second_run(abeja, deployed, federation, trained, via):
    model = model_of(abeja, trained)["training_model_id"]
    credential = {"user_id": "1234567890123", "personal_access_token": federation.token}
    with Losing(federation.endpoint, loses="/runs", via=via) as proxy:
        between = clients_at(proxy.endpoint, credential)
        run = between.runs.create_run(ORGANIZATION, deployed.id, deployed.version, model_id=model, distribution=1)
        assert proxy.lost == 1 and [method for method, _ in proxy.passed].count("POST") == 2, "the client sent it twice"
        other = between.runs.create_run(ORGANIZATION, deployed.id, deployed.version, model_id=model, distribution=2)
    clients_at(federation.endpoint)
    listed = [entry["run_id"] for entry in abeja.runs.get_runs(ORGANIZATION, deployed.id)["entries"]]
    assert listed == [other["run_id"], run["run_id"]], "one of each"
    twice = [
        abeja.runs.create_run(ORGANIZATION, deployed.id, deployed.version, model_id=model, distribution=1)["run_id"]
        for _ in range(2)
    ]
    assert len({run["run_id"], *twice}) == 3, "whoever is answered himself gets what he asks for"


@pytest.mark.parametrize("what", ["deployments", "channels", "definitions", "versions", "upload"])
def test_o5_a_lost_answer_makes_no_second_thing(abeja, deployed, federation, what):
    credential = {"user_id": "1234567890123", "personal_access_token": federation.token}
    channel = abeja.datalake.create_channel(ORGANIZATION, f"o5 {what}", "", "datalake")["channel"]["channel_id"]
    with Losing(federation.endpoint, loses=f"/{what}") as proxy:
        between = clients_at(proxy.endpoint, credential)
        if what == "deployments":
            made = between.deployments.create_deployment(ORGANIZATION, "o5 once", "")
            every = abeja_entries(between.deployments.get_deployments(ORGANIZATION), "name", "o5 once")
        elif what == "channels":
            made = between.datalake.create_channel(ORGANIZATION, "o5 once", "", "datalake")
            every = [one for one in between.datalake.list_channels(ORGANIZATION)["channels"] if one["name"] == "o5 once"]
        elif what == "definitions":
            made = between.training.create_training_job_definition(ORGANIZATION, "o5-once")
            every = abeja_entries(between.training.get_training_job_definitions(ORGANIZATION), "name", "o5-once")
        elif what == "versions":
            made = between.deployments.create_deployment_version(ORGANIZATION, deployed.id, "o5", "h:h", "i", {})
            every = abeja_entries(between.deployments.get_deployment_versions(ORGANIZATION, deployed.id), "version", "o5")
        else:
            made = between.datalake.post_channel_file_upload(channel, io.BytesIO(b"once"), "text/plain")
            every = between.datalake.list_channel_files(channel)["files"]
        assert proxy.lost == 1 and made and len(every) == 1, (proxy.passed, every)
    clients_at(federation.endpoint)


def abeja_entries(reply, key, value):
    """The entries of a list that are called so."""
    return [entry for entry in reply["entries"] if entry[key] == value]


@pytest.fixture
def client(federation, abeja):
    """The client of objects."""
    from abeja.training import Client

    credential = {"user_id": "1234567890123", "personal_access_token": federation.token}
    return Client(organization_id=ORGANIZATION, credential=credential, max_retry_count=1)


def test_o4_the_objects_of_definitions(client, abeja, trained):
    definitions = client.job_definitions()
    listed = definitions.list()
    names = [definition.name for definition in listed]
    assert len(listed) == len(names) and names and not any("#" in name for name in names)
    paged = definitions.list(limit=1)
    assert [definition.name for definition in paged] == names and len(paged) == len(names)
    model = model_of(abeja, trained)
    for definition in listed:
        got = definitions.get(definition.name)
        assert (got.job_definition_id, got.name) == (definition.job_definition_id, definition.name)
        assert definitions.get(definition.job_definition_id).name == definition.name
    definition = definitions.get(model["job_definition_id"])
    assert definition.model_count >= 1 and definition.version_count == 1 and not definition.archived
    versions = definition.job_definition_versions()
    (version,) = versions.list()
    got = versions.get(version.job_definition_version_id)
    assert (got.job_definition_version_id, got.job_definition_id) == (1, definition.job_definition_id)
    assert got.job_definition.name == definition.name and got.handler
    jobs = definition.jobs()
    assert len(jobs.list()) == len(list(jobs.list())) >= 1
    job = jobs.get(trained)
    assert (job.job_id, job.status.value, job.archived) == (trained, "Complete", False)
    assert job.job_definition_version.job_definition_version_id == 1 and job.start_time < job.completion_time
    if hasattr(definition, "models"):
        models = definition.models()
        assert len(models.list()) == definition.model_count
        one = models.get(model["training_model_id"])
        assert (one.model_id, one.job_id) == (model["training_model_id"], trained)


def test_o4_the_objects_make_and_put_away(client):
    definitions = client.job_definitions()
    made = definitions.create("o4-made")
    assert definitions.get("o4-made").job_definition_id == made.job_definition_id
    assert len(made.job_definition_versions().list()) == 0 and len(made.jobs().list()) == 0
    definitions.archive("o4-made")
    assert "o4-made" not in [one.name for one in definitions.list(filter_archived=True)]
    definitions.unarchive("o4-made")
    assert not definitions.get("o4-made").archived
    definitions.delete("o4-made")
    with pytest.raises(exceptions.NotFound):
        definitions.get("o4-made")


def test_o1_and_o6_what_is_archived_takes_nothing_and_says_so(abeja, deployed, endpoint, federation, trained):
    model = model_of(abeja, trained)
    row = next(row for row in endpoint.rows(trained))
    experiment = row["f_experiment"]
    archive = f"{federation.endpoint}/apis/v1beta1/experiments/{experiment}:"
    assert requests.post(archive + "archive", headers=federation.headers, timeout=30).status_code == 200
    try:
        with pytest.raises(exceptions.Conflict):
            abeja.runs.create_run(ORGANIZATION, deployed.id, deployed.version, model_id=model["training_model_id"])
        assert abeja.runs.get_runs(ORGANIZATION, deployed.id)["entries"] == []
        assert next(row for row in endpoint.rows(trained))["f_archived"] is True
        jobs = f"{federation.endpoint}/organizations/{ORGANIZATION}/training/definitions/{model['job_definition_id']}/jobs"
        shown = requests.get(f"{jobs}/{trained}", headers=federation.headers, timeout=30).json()
        assert shown["archived"] is True
    finally:
        assert requests.post(archive + "unarchive", headers=federation.headers, timeout=30).status_code == 200
    run = abeja.runs.create_run(ORGANIZATION, deployed.id, deployed.version, model_id=model["training_model_id"])
    assert ended(abeja, deployed, run, endpoint)[0][-1] == "SUCCEEDED"
