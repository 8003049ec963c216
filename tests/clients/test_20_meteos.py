"""Meteos' API over plain HTTP: rows M1 to M18 of its contract, and X1 and X3 of what all APIs share."""

import ast
import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from harness import meteos as shapes
from harness.federation import GUEST, Daemons
from harness.meteos import Meteos

ROW = "1,1,2016,5,0,40,50"
FILTER = [{"method": "filter", "args": "lambda l: l.split(',')[0] != '0'"}]
TREE = [f"{n % 2} 1:{5 if n % 2 else -5} 2:{n % 7} 3:{n % 3}" for n in range(202)]


@pytest.fixture(scope="module")
def project(federation):
    return Meteos(federation.endpoint, token=federation.token)


@pytest.fixture(scope="module")
def rows():
    return shapes.linear_rows()


@pytest.fixture(scope="module")
def url(federation, rows):
    return shapes.put_file(federation, GUEST, "meteos", "linear_data.txt", "\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def experiment(project):
    return project.experiment()


@pytest.fixture(scope="module")
def dataset(project, experiment, url):
    """M4's dataset."""
    made = project.dataset(experiment, url)
    assert made["status"] == "creating"
    return project.available("datasets", "dataset", made["id"])


@pytest.fixture(scope="module")
def linear(project, experiment, dataset):
    """M9's model."""
    made = project.model(experiment, f"internal://{dataset['id']}", "LinearRegression", {"numIterations": 100})
    return project.available("models", "model", made["id"])


def heads(view):
    return ast.literal_eval(view["head"])


def count(federation, number):
    endpoint = federation.party_endpoints[GUEST]
    of = {"namespace": "datasets", "table_name": number}
    reply = requests.post(f"{endpoint}/v1/table/table_info", json=of, headers=federation.headers, timeout=60)
    return reply.json()["data"]["count"]


def test_m1_template(project):
    made = project.template()
    assert made["status"] == "available" and (made["master_nodes"], made["worker_nodes"]) == (1, 2)
    assert (made["master_flavor"], made["worker_flavor"]) == ("4", "2")
    assert made["cluster_id"] is None and made["project_id"] == "demo"


def test_m2_experiment(project):
    template = project.template()
    made = project.create("experiments", "experiment", display_name="e", template_id=template["id"], key_name=None)
    assert made["status"] == "creating" and made["template_id"] == template["id"]
    assert project.available("experiments", "experiment", made["id"])["template_id"] == template["id"]


def test_m3_refusals(project, experiment, url, linear):
    root = requests.get(f"{project.base}/", timeout=60)
    assert root.status_code == 300 and root.json()["versions"][0]["id"] == "v1.0"
    action = f"models/{linear['id']}/action"
    split = {"method": "split", "source_dataset_url": url, "experiment_id": experiment}
    broken = {"data": "{", "headers": {"Content-Type": "application/json"}}
    for reply, status, name in [
        (project.send("POST", action, {"os-dance": None}), 400, "badRequest"),
        (project.send("POST", action, {"os-load": None, "os-unload": None}), 400, "badRequest"),
        (project.send("POST", "templates", **broken), 400, "badRequest"),
        (project.send("POST", "templates", {"other": {}}), 422, "computeFault"),
        (project.send("PUT", f"models/{linear['id']}", {}), 404, "itemNotFound"),
        (
            project.send("POST", "datasets", {"dataset": {**split, "percent_train": "0.9", "percent_test": "0.3"}}),
            422,
            "computeFault",
        ),
        (
            project.send("POST", "datasets", {"dataset": {**split, "percent_train": None, "percent_test": None}}),
            400,
            "badRequest",
        ),
    ]:
        assert reply.status_code == status, reply.text
        fault = reply.json()
        assert list(fault) == [name] and fault[name]["code"] == status and fault[name]["message"]


def test_m3_a_token_is_needed(federation, project):
    """Without OpenStack's header, or with another's token in it, nothing is shown."""
    for token in [None, "guessed"]:
        assert Meteos(federation.endpoint, token=token).send("GET", "templates").status_code == 401
    assert project.session.headers["X-Auth-Token"] == federation.token
    assert project.send("GET", "templates").status_code == 200


def test_m4_download(project, dataset, rows):
    assert heads(dataset) == rows[:10] and dataset["head"].endswith("\n")
    for text in [str(dataset), project.send("GET", "datasets").text, project.send("GET", "datasets/detail").text]:
        assert "nova-secret" not in text


def test_m5_parse(project, federation, experiment, url, rows):
    made = project.dataset(experiment, url, "parse", FILTER)
    view = project.available("datasets", "dataset", made["id"])
    kept = [row for row in rows if not row.startswith("0,")]
    assert len(kept) == 156 and count(federation, made["id"]) == 156
    assert heads(view) == kept[:10] and heads(view)[0] == rows[0] and rows[4] not in heads(view)


def test_m7_split(project, federation, experiment, dataset):
    made = project.dataset(experiment, f"internal://{dataset['id']}", "split", None, "0.9", "0.1", name="s")
    assert made["name"] == "s_train_0.9"
    project.available("datasets", "dataset", made["id"])
    test = project.list("datasets", "?display_name=s_test_0.1")[0]
    view = project.available("datasets", "dataset", test["id"])
    assert view["head"] is None
    sizes = [count(federation, made["id"]), count(federation, test["id"])]
    assert sum(sizes) == 182 and 140 < sizes[0] < 182
    both = project.dataset(experiment, f"internal://{made['id']}"), project.dataset(experiment, f"internal://{test['id']}")
    first, second = (heads(project.available("datasets", "dataset", one["id"])) for one in both)
    assert not set(first) & set(second)


def test_m8_jobs_are_learnings(project, linear):
    made = project.learning(linear["id"], ROW, "jobs", "job")
    view = project.available("jobs", "job", made["id"])
    assert project.get("learnings", "learning", made["id"]) == view
    listed = {item["id"]: item for item in project.list("jobs")}
    assert listed.keys() == {item["id"] for item in project.list("learnings")} and made["id"] in listed
    assert project.send("DELETE", f"jobs/{made['id']}").status_code == 202
    assert project.send("GET", f"learnings/{made['id']}").status_code == 404


def test_m9_model(project, linear):
    item = next(item for item in project.list("models") if item["id"] == linear["id"])
    assert ast.literal_eval(base64.b64decode(item["params"]).decode()) == {"numIterations": 100}
    assert base64.b64decode(linear["params"]).decode() == "{'numIterations': 100}"
    assert linear["type"] == "LinearRegression"


def test_m10_prediction(project, linear, rows):
    made = project.learning(linear["id"], ROW)
    assert made["status"] == "creating"
    found = float(project.available("learnings", "learning", made["id"])["stdout"])
    assert found == pytest.approx(shapes.said(shapes.descended(rows), ROW), rel=1e-6)
    item = next(item for item in project.list("learnings") if item["id"] == made["id"])
    assert base64.b64decode(item["args"]).decode() == ROW and item["type"] == "LinearRegression"


def test_m12_tree(project, federation, experiment):
    url = shapes.put_file(federation, GUEST, "meteos", "tree.txt", "\n".join(TREE))
    made = project.model(experiment, url, "DecisionTreeClassification", {"numIterations": 100}, "libsvm")
    project.available("models", "model", made["id"])
    assert project.predicted(made["id"], "1:5 2:3 3:1") == "1.0"
    assert project.predicted(made["id"], "1:-5 2:0 3:2") == "0.0"
    judged = project.create("model_evaluations", "model_evaluation", display_name="e", model_id=made["id"],
                            source_dataset_url=url, dataset_format=None)  # fmt: skip
    view = project.available("model_evaluations", "model_evaluation", judged["id"])
    figures = ast.literal_eval(view["stdout"])
    assert figures["Matrix"] == [[101.0, 0.0], [0.0, 101.0]] and figures["Precision"] == 1.0
    assert "description" not in view and view["model_type"] == "DecisionTreeClassification"


def test_m14_one_model_is_active_at_a_time(project, experiment, url, linear):
    other = project.model(experiment, url, "RidgeRegression", {})
    project.available("models", "model", other["id"])
    plain = project.predicted(linear["id"], ROW)
    load = f"models/{linear['id']}/action"
    assert project.send("POST", load, {"os-load": None}).json() == {"model": {"id": linear["id"]}}
    assert project.get("models", "model", linear["id"])["status"] in {"activating", "active"}
    assert project.settled("models", "model", linear["id"])["status"] == "active"
    refused = project.send("POST", f"models/{other['id']}/action", {"os-load": None})
    assert refused.status_code == 400
    assert refused.json()["badRequest"]["message"] == "Can not load multiple models at the same time"
    made = project.learning(linear["id"], ROW)
    assert (made["status"], made["stdout"]) == ("available", plain)
    judged = project.send("POST", "model_evaluations", {"model_evaluation": {"model_id": linear["id"]}})
    assert judged.status_code == 400 and judged.json()["badRequest"]["message"].startswith("Invalid Status:")
    assert project.send("DELETE", f"models/{linear['id']}").status_code == 400
    assert project.send("POST", load, {"os-unload": None}).status_code == 200
    assert project.settled("models", "model", linear["id"])["status"] == "available"


def test_m16_what_cannot_be_made_is_an_error_that_says_why(project, experiment, url):
    model = project.model(experiment, url, "NoSuchType", {})
    view = project.settled("models", "model", model["id"])
    assert view["status"] == "error" and "NoSuchType" in view["stderr"]
    missing = project.dataset(experiment, "swift://meteos/none.txt")
    view = project.settled("datasets", "dataset", missing["id"])
    assert view["status"] == "error" and "none.txt" in view["stderr"]
    lambdas = project.dataset(experiment, url, "parse", [{"method": "map", "args": "lambda l: open(l)"}])
    view = project.settled("datasets", "dataset", lambdas["id"])
    assert view["status"] == "error" and "a call of open is not interpreted" in view["stderr"]


def test_m17_what_is_under_way_stays(project, linear, experiment, url, tmp_path):
    daemons = Daemons(tmp_path, "", agents=False)
    try:
        alone = Meteos(daemons.endpoint)
        made = alone.create("experiments", "experiment", template_id=alone.template()["id"])
        assert made["status"] == "creating"
        for reply in [
            alone.send("POST", "datasets", {"dataset": {"experiment_id": made["id"], "method": "download"}}),
            alone.send("DELETE", f"experiments/{made['id']}"),
        ]:
            assert reply.status_code == 400
            assert reply.json()["badRequest"]["message"].startswith("Invalid Status")
    finally:
        daemons.end()
    spare = project.model(experiment, url, "LinearRegression", {})
    project.available("models", "model", spare["id"])
    assert project.send("DELETE", f"models/{spare['id']}").status_code == 202
    assert project.send("GET", f"models/{spare['id']}").status_code == 404
    assert project.send("DELETE", f"models/{spare['id']}").status_code == 404


def test_m18_lists(project):
    for name in ["m18-b", "m18-a"]:
        project.create("templates", "template", display_name=name)
    first = project.send("GET", "templates?limit=1").json()
    href = first["templates_links"][0]["href"]
    second = project.session.get(href, timeout=60).json()["templates"]
    assert len(second) == 1 and second[0]["id"] != first["templates"][0]["id"]
    names = [item["name"] or "" for item in project.list("templates", "?sort_key=display_name&sort_dir=asc")]
    assert names == sorted(names)
    assert {item["status"] for item in project.list("datasets", "?status=error")} == {"error"}
    assert project.send("GET", "templates?limit=-1").status_code == 400
    assert project.send("GET", "templates?sort_dir=up").status_code == 400


def test_the_example(federation):
    example = Path(__file__).resolve().parents[2] / "examples" / "clients" / "meteos.py"
    endpoints = [federation.endpoint, federation.party_endpoints[GUEST]]
    command = [sys.executable, example, *endpoints]
    done = subprocess.run(command, env=federation.environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    said = float(re.search(r"3 \* 10 - 4 is about ([\d.]+)", done.stdout)[1])
    assert said == pytest.approx(26, abs=0.1) and "R-squared" in done.stdout


def test_x1_an_experiment_of_kubeflow(project, endpoint):
    made = endpoint.session.post(f"{endpoint.base}/apis/v1beta1/experiments", json={"name": "x1"}, timeout=60)
    assert made.status_code == 200, made.text
    seen = next(item for item in project.list("experiments") if item["id"] == made.json()["id"])
    assert seen["status"] == "available" and seen["name"] == "x1"
    template = project.get("templates", "template", seen["template_id"])
    assert template["name"] == "default"


def test_x3_a_model_is_a_training_job(project, endpoint, dataset):
    made = endpoint.session.post(f"{endpoint.base}/apis/v1beta1/experiments", json={"name": "x3"}, timeout=60).json()
    model = project.model(made["id"], f"internal://{dataset['id']}", "LinearRegression", {"numIterations": 100})
    project.available("models", "model", model["id"])
    (own,) = endpoint.data("job/query", {"experiment": made["id"]})
    assert own["f_status"] == "success" and own["f_dsl"]["components"].keys() == {"reader_0", "local_learner_0"}
    metrics = endpoint.data(
        "tracking/component/metrics",
        {"job_id": own["f_job_id"], "component_name": "local_learner_0", "role": "guest", "party_id": GUEST},
    )
    assert re.search("rows", str(metrics))


def test_x7_a_job_stopped_through_fate_is_a_model_in_error(project, endpoint, federation):
    """The run's side of the row is in ABEJA's suite."""
    rows = "\n".join(f"{n % 89},{n * 7919 % 10007},{n * 104729 % 9973}" for n in range(20000))
    url = shapes.put_file(federation, GUEST, "meteos", "x7.txt", rows)
    made = endpoint.session.post(f"{endpoint.base}/apis/v1beta1/experiments", json={"name": "x7"}, timeout=60).json()
    # a thousand deep trees take longer than this test
    params = {"numTrees": 1000, "maxDepth": 30, "maxBins": 10000}
    model = project.model(made["id"], url, "RandomForestRegression", params)
    (job,) = endpoint.data("job/query", {"experiment": made["id"]})
    assert project.get("models", "model", model["id"])["status"] == "creating"
    assert endpoint.post("job/stop", {"job_id": job["f_job_id"]})["retcode"] == 0
    view = project.settled("models", "model", model["id"])
    assert view["status"] == "error" and "canceled" in view["stderr"], view
    assert {row["f_status"] for row in endpoint.rows(job["f_job_id"])} == {"canceled"}
