"""What a finished job measured and left."""

import csv
import io
import json
import math

import pytest

from harness.federation import GUEST, HOST
from harness.tables import GUEST_COLUMNS, HOST_COLUMNS, ROWS

PREDICT_COLUMNS = ["id", "label", "predict_result", "predict_score", "predict_detail", "type"]


@pytest.fixture
def of(trained):
    """Options that name a step of the shared training."""

    def options(step, role="guest", party=GUEST):
        return ["-j", trained.id, "-r", role, "-p", party, "-cpn", step]

    return options


@pytest.fixture
def named(trained):
    """The same as fields."""

    def fields(step, role="guest", party=GUEST):
        return {"job_id": trained.id, "role": role, "party_id": party, "component_name": step}

    return fields


def predictions(folder, name="train"):
    """Rows of a predict table as the client's pandas reader takes them apart."""
    header = json.loads((folder / f"{name}.meta").read_text())["header"]
    lines = (folder / f"{name}.csv").read_text().splitlines()
    assert header == PREDICT_COLUMNS
    assert lines[0].split(",") == header
    rows = []
    for line in lines[1:]:
        columns = line.split(",")
        detail = json.loads(",".join(columns[len(header) - 2 : -1])[1:-1].replace("'", '"'))
        rows.append(columns[: len(header) - 2] + [detail, columns[-1]])
    assert all(len(next(csv.reader(io.StringIO(line)))) == len(header) for line in lines)
    return rows


def test_case_32_names_of_metrics(flow, sdk, of, named):
    for reply in [flow("tracking", "metrics", *of("evaluation_0")), sdk.component.metrics(**named("evaluation_0"))]:
        assert {"hetero_lr_0", "hetero_lr_0_ks_fpr", "hetero_lr_0_ks_tpr", "hetero_lr_0_roc"} <= set(reply["data"]["train"])
    assert flow("component", "metrics", *of("evaluation_0"))["data"] == reply["data"]


def test_case_33_metrics_of_the_evaluation(flow, sdk, of, named):
    reply = flow("tracking", "metric-all", *of("evaluation_0"))
    summary = reply["data"]["train"]["hetero_lr_0"]
    assert summary["data"][0][0] == "auc" and 0.9 < summary["data"][0][1] <= 1
    assert [name for name, _ in summary["data"]] == ["auc", "ks"]
    assert summary["meta"]["metric_type"] == "EVALUATION_SUMMARY"
    roc = reply["data"]["train"]["hetero_lr_0_roc"]
    assert roc["meta"]["metric_type"] == "ROC_EVALUATION" and roc["data"][-1] == [1.0, 1.0]
    for name, kind in [("confusion_mat", "CONFUSION_MAT"), ("f1_score", "F1_SCORE"), ("quantile_pr", "QUANTILE_PR")]:
        assert reply["data"]["train"][f"hetero_lr_0_{name}"]["meta"]["metric_type"] == kind
    assert flow("component", "metric-all", *of("evaluation_0"))["data"] == reply["data"]
    assert sdk.component.metric_all(**named("evaluation_0"))["data"] == reply["data"]


def test_case_34_the_loss_is_the_arbiters(flow, of):
    loss = flow("tracking", "metric-all", *of("hetero_lr_0", "arbiter", HOST))["data"]["train"]["loss"]
    assert [key for key, _ in loss["data"]] == [0, 1, 2]
    # It starts from weights of zero, where the loss is known. Later ones are Taylor's and may rise, as FATE's do: the first
    # step of rmsprop moves every weight by ten times the learning rate.
    assert loss["data"][0][1] == pytest.approx(math.log(2), rel=1e-6)
    assert all(isinstance(value, float) and math.isfinite(value) for _, value in loss["data"])
    meta = loss["meta"]
    assert (meta["name"], meta["metric_type"]) == ("train", "LOSS")
    assert (meta["unit_name"], meta["curve_name"]) == ("iters", "loss")


def test_one_metric(endpoint, named):
    whole = {**named("hetero_lr_0", "arbiter", HOST), "metric_namespace": "train"}
    reply = endpoint.post("tracking/component/metric_data", {**whole, "metric_name": "loss"})
    assert [key for key, _ in reply["data"]] == [0, 1, 2]
    assert reply["meta"]["metric_type"] == "LOSS"
    misspelt = endpoint.post("tracking/component/metric_data", {**whole, "meric_name": "loss"})
    assert misspelt == reply
    unknown = endpoint.post("tracking/component/metric_data", {**whole, "metric_name": "none"})
    assert (unknown["retcode"], unknown["data"]) == (0, [])
    assert unknown["meta"] == {"name": None, "metric_type": None}


def test_metrics_of_each_validation(flow, of):
    train = flow("tracking", "metric-all", *of("hetero_lr_0"))["data"]["train"]
    assert {"iteration_0", "iteration_1", "iteration_2"} <= set(train)
    assert [name for name, _ in train["iteration_2"]["data"]] == ["auc", "ks"]


def test_no_metrics(flow, of):
    reply = flow("tracking", "metrics", *of("intersection_0", "arbiter", HOST))
    assert reply == {"retcode": 0, "retmsg": "no data", "data": {}}


def test_case_37_parameters(flow, sdk, of, named):
    reply = flow("tracking", "parameters", *of("hetero_lr_0"))
    assert reply["data"]["module"] == "HeteroLR"
    parameters = reply["data"]["ComponentParam"]
    assert (parameters["max_iter"], parameters["tol"]) == (3, 0.0001)
    assert "fit_intercept" in parameters["init_param"]
    assert parameters["_name"] == "HeteroLR#hetero_lr_0"
    assert "max_iter" in parameters["_user_feeded_params"]
    assert flow("component", "parameters", *of("hetero_lr_0"))["data"] == reply["data"]
    assert sdk.component.parameters(**named("hetero_lr_0"))["data"] == reply["data"]


def test_case_38_parameters_of_an_unknown_component(flow, of):
    reply = flow("tracking", "parameters", *of("nothing_0"))
    assert (reply["retcode"], reply["retmsg"]) == (101, "can not found this task")


def test_case_39_model(flow, sdk, of, named):
    reply = flow("tracking", "output-model", *of("hetero_lr_0"))
    model = reply["data"]
    assert sorted(model["weight"]) == sorted(GUEST_COLUMNS)
    assert all(isinstance(weight, float) for weight in model["weight"].values())
    assert isinstance(model["lossHistory"], list)
    assert isinstance(model["isConverged"], bool)
    assert model["header"] == GUEST_COLUMNS
    assert reply["meta"]["module_name"] == "HeteroLR"
    assert reply["meta"]["meta_data"]["maxIter"] == "3"
    hosts = flow("component", "output-model", *of("hetero_lr_0", "host", HOST))
    assert sorted(hosts["data"]["weight"]) == sorted(HOST_COLUMNS)
    assert sdk.component.output_model(**named("hetero_lr_0"))["data"] == model


def test_a_component_without_a_model(flow, of):
    reply = flow("tracking", "output-model", *of("reader_0"))
    assert reply["retcode"] == 0
    assert reply["retmsg"] in ("no define_meta", "no data") and reply["data"] == {}


def test_case_41_output_tables(flow, sdk, of, named):
    reply = flow("tracking", "output-data-table", *of("data_transform_0"))
    [table] = reply["data"]
    assert table["data_name"] == "train"
    info = flow("table", "info", "-n", table["table_namespace"], "-t", table["table_name"])["data"]
    assert (info["exist"], info["count"]) == (1, ROWS)
    assert flow("component", "output-data-table", *of("data_transform_0"))["data"] == [table]
    assert sdk.component.output_data_table(**named("data_transform_0"))["data"] == [table]


def test_no_output_table(flow, of):
    reply = flow("tracking", "output-data-table", *of("evaluation_0"))
    assert reply["retcode"] == 100
    assert reply["retmsg"] == "No found table, please check if the parameters are correct"
    unknown = flow("tracking", "output-data-table", "-j", "1", *of("evaluation_0")[2:])
    assert (unknown["retcode"], unknown["retmsg"]) == (100, "No found job")


def test_case_42_output_data(flow, of):
    reply = flow("tracking", "output-data", *of("hetero_lr_0"), "-o", ".")
    assert reply["retcode"] == 0, reply
    rows = predictions(flow.folder / reply["directory"])
    assert len(rows) == ROWS
    for _, label, result, score, detail, kind in rows:
        assert label in ("0", "1") and result in ("0", "1") and kind == "train"
        assert set(detail) == {"0", "1"} and abs(detail["1"] - float(score)) < 1e-9


def test_output_data_in_other_ways(flow, sdk, of, named, tmp_path):
    some = flow("component", "output-data", *of("data_transform_0", "host", HOST), "-o", "some", "-l", "7")
    lines = (flow.folder / some["directory"] / "train.csv").read_text().splitlines()
    assert len(lines) == 8
    header = json.loads((flow.folder / some["directory"] / "train.meta").read_text())["header"]
    assert header[0] == "id" and sorted(header[1:]) == sorted(HOST_COLUMNS)
    every = sdk.component.output_data(**named("intersection_0"), output_path=str(tmp_path / "sdk"))
    assert every["retcode"] == 0
    none = flow("tracking", "output-data", *of("evaluation_0"), "-o", "none")
    assert none["retcode"] == 210 and none["retmsg"] == "no data"
    limit = flow("tracking", "output-data", *of("hetero_lr_0"), "-o", "none", "-l", "0")
    assert limit["retcode"] == 210 and limit["retmsg"] == "limit is 0"
    unknown = flow("tracking", "output-data", "-j", "1", *of("hetero_lr_0")[2:], "-o", "none")
    assert unknown["retcode"] != 0 and unknown["retmsg"]


def test_case_44_preview(endpoint, named):
    reply = endpoint.post("tracking/component/output/data", named("hetero_lr_0"))
    assert len(reply["data"]) == 1 and 0 < len(reply["data"][0]) <= 100
    assert all(len(row) == len(reply["meta"]["header"][0]) for row in reply["data"][0])
    assert reply["meta"]["total"] == [ROWS] and reply["meta"]["names"] == ["train"]
    empty = endpoint.post("tracking/component/output/data", named("evaluation_0"))
    assert (empty["retcode"], empty["retmsg"], empty["data"]) == (0, "no data", [])


def test_case_45_summary(flow, sdk, of, named):
    reply = flow("tracking", "get-summary", *of("hetero_lr_0"))
    assert reply["retcode"] == 0
    summary = reply["data"]
    assert sorted(summary["coef"]) == sorted(GUEST_COLUMNS)
    assert isinstance(summary["is_converged"], bool) and isinstance(summary["intercept"], float)
    assert len(summary["validation_metrics"]["train"]["auc"]) >= 1
    assert flow("component", "get-summary", *of("hetero_lr_0"))["data"] == summary
    assert sdk.component.get_summary(**named("hetero_lr_0"))["data"] == summary
    saved = flow("tracking", "get-summary", *of("hetero_lr_0"), "-o", ".")
    assert saved["retcode"] == 0
    [file] = flow.folder.glob("summary_hetero_lr_0_*.json")
    assert json.loads(file.read_text()) == summary


def test_summaries_of_other_components(flow, sdk, of, named):
    intersection = flow("tracking", "get-summary", *of("intersection_0"))["data"]
    assert intersection["intersect_num"] == ROWS and intersection["intersect_rate"] == 1
    evaluation = flow("tracking", "get-summary", *of("evaluation_0"))["data"]
    assert 0.9 < evaluation["hetero_lr_0"]["train"]["auc"] <= 1
    none = flow("tracking", "get-summary", *of("reader_0"))
    assert none["retcode"] == 210
    assert none["retmsg"] == "No component summary found, please check if arguments are specified correctly."
    assert sdk.component.get_summary(**named("reader_0"))["data"] == {}


def test_case_47_data_view(endpoint, trained):
    view = endpoint.data("tracking/job/data_view", {"job_id": trained.id})
    assert view["partner"]["host"] == [HOST]
    assert view["dataset"]["guest"][str(GUEST)]["reader_0"] == "experiment.breast_hetero_guest"
    assert view["dataset"]["host"][str(HOST)]["reader_0"] == "experiment.breast_hetero_host"
    assert view["roles"] == {"guest": [GUEST], "host": [HOST], "arbiter": [HOST]}
    assert view["model_summary"] == {}
    assert (endpoint.post("tracking/job/data_view", {"job_id": "1"})["retcode"]) == 101


def test_case_48_dependencies(endpoint, trained):
    data = endpoint.data("pipeline/dag/dependency", {"job_id": trained.id, "role": "guest", "party_id": GUEST})
    order = data["component_list"]
    assert [step for step in order if step in trained.dsl["components"]] == order and len(order) == 5
    for step, sources in data["dependencies"].items():
        assert all(order.index(source["component_name"]) < order.index(step) for source in sources)
    train = {"component_name": "intersection_0", "type": "train_data", "up_output_info": ["data", 0]}
    assert data["dependencies"]["hetero_lr_0"][0] == train
    assert "reader_0" not in data["dependencies"]
    assert data["component_module"]["hetero_lr_0"] == "HeteroLR"
    assert data["component_need_run"]["hetero_lr_0"] is True
    unknown = endpoint.post("pipeline/dag/dependency", {"job_id": "1", "role": "guest", "party_id": GUEST})
    assert (unknown["retcode"], unknown["retmsg"]) == (100, "Exception('query job 1 failed')")


def test_dependencies_of_documents(endpoint, trained):
    documents = {"job_dsl": trained.dsl, "job_runtime_conf": trained.conf, "role": "guest", "party_id": GUEST}
    data = endpoint.data("pipeline/dag/dependency", documents)
    assert set(data["component_list"]) == set(trained.dsl["components"]) and data["component_need_run"] == {}


def test_case_79_metric_delete(flow, sdk, spare):
    reply = flow("component", "metric-delete", "-j", spare.id)
    assert (reply["retcode"], reply["data"]) == (0, "delete status: True")
    left = flow("tracking", "metrics", "-j", spare.id, "-r", "guest", "-p", GUEST, "-cpn", "evaluation_0")
    assert left == {"retcode": 0, "retmsg": "no data", "data": {}}
    assert sdk.component.metric_delete(job_id=spare.id)["retcode"] == 0
    by_date = sdk.component.metric_delete(date="20200101")
    assert by_date["retcode"] == 100
