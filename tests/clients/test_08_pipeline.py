"""The `pipeline` SDK in this process, as notebooks use it."""

import re

import pytest
import requests

from harness.documents import MODEL_ID
from harness.federation import GUEST, HOST
from harness.tables import GUEST_COLUMNS, GUEST_TABLE, HOST_TABLE, NAMESPACE, ROWS

TABLES = {"guest": GUEST_TABLE, "host": HOST_TABLE}


@pytest.fixture(scope="module", autouse=True)
def configured(client):
    """`pipeline` in this process talks to the federation."""
    from pipeline.backend.config import PipelineConfig

    PipelineConfig._conf = {"ip": client.host, "port": client.port, **client.keys}


@pytest.fixture
def requested(monkeypatch):
    """The paths that were asked for, in order, a path repeated by polling once."""
    paths = []
    send = requests.Session.send

    def record(session, request, **more):
        path = request.path_url.split("?")[0].removeprefix("/v1/")
        if path.startswith("job/") and path.endswith("query"):
            path = "poll"
        if paths[-1:] != [path]:
            paths.append(path)
        return send(session, request, **more)

    monkeypatch.setattr(requests.Session, "send", record)
    return paths


def reader(tables=TABLES, name="reader_0"):
    from pipeline.component import Reader

    step = Reader(name=name)
    for role, party in [("guest", GUEST), ("host", HOST)]:
        table = {"name": tables[role], "namespace": NAMESPACE}
        step.get_party_instance(role=role, party_id=party).component_param(table=table)
    return step


def training(max_iter=3, validate=False, **parameters):
    """A pipeline as FATE's examples write it."""
    from pipeline.backend.pipeline import PipeLine
    from pipeline.component import DataTransform, Evaluation, HeteroLR, Intersection
    from pipeline.interface import Data, Model

    line = PipeLine().set_initiator(role="guest", party_id=GUEST).set_roles(guest=GUEST, host=HOST, arbiter=HOST)
    source = reader()
    transform = DataTransform(name="data_transform_0")
    transform.get_party_instance(role="guest", party_id=GUEST).component_param(with_label=True, output_format="dense")
    transform.get_party_instance(role="host", party_id=HOST).component_param(with_label=False)
    common = Intersection(name="intersection_0")
    regression = HeteroLR(
        name="hetero_lr_0", max_iter=max_iter, early_stop="weight_diff", learning_rate=0.15, optimizer="rmsprop",
        init_param={"init_method": "zeros"}, validation_freqs=1, **parameters,
    )  # fmt: skip
    line.add_component(source)
    line.add_component(transform, data=Data(data=source.output.data))
    line.add_component(common, data=Data(data=transform.output.data))
    inputs = {"train_data": common.output.data}
    if validate:
        again, transform_1, common_1 = reader(name="reader_1"), DataTransform(name="data_transform_1"), Intersection(name="intersection_1")
        line.add_component(again)
        line.add_component(transform_1, data=Data(data=again.output.data), model=Model(transform.output.model))
        line.add_component(common_1, data=Data(data=transform_1.output.data))
        inputs["validate_data"] = common_1.output.data
    line.add_component(regression, data=Data(**inputs))
    line.add_component(Evaluation(name="evaluation_0"), data=Data(data=regression.output.data))
    return line.compile()


@pytest.fixture(scope="module")
def fitted(loaded):
    line = training()
    line.fit()
    return line


def predict_pipeline(fitted):
    from pipeline.backend.pipeline import PipeLine
    from pipeline.interface import Data

    source = reader(name="reader_2")
    line = PipeLine().add_component(source)
    return line.add_component(fitted, data=Data(predict_input={fitted.data_transform_0.input.data: source.output.data}))


def test_case_69_whole_pipeline(files, endpoint, requested, tmp_path, monkeypatch):
    from pipeline.backend.pipeline import PipeLine

    monkeypatch.chdir(tmp_path)
    upload = PipeLine()
    for file, table in [(files.guest, GUEST_TABLE), (files.host, HOST_TABLE)]:
        upload.add_upload_data(file=str(file), table_name=table, namespace=NAMESPACE, head=1, partition=4)
    upload.upload(drop=1)
    assert requested == ["data/upload", "poll"] * 2

    requested.clear()
    line = training()
    line.fit()
    assert requested == ["job/submit", "poll"]
    assert line.get_model_info().model_id == MODEL_ID
    assert line.get_model_info().model_version == line.get_train_job_id()

    summary = line.get_component("hetero_lr_0").get_summary()
    assert sorted(summary["coef"]) == sorted(GUEST_COLUMNS)
    assert summary["validation_metrics"]["train"]["auc"][-1] > 0.9
    assert line.get_component("hetero_lr_0").get_model_param()["weight"]
    table = line.get_component("intersection_0").get_output_data_table()
    assert set(table) == {"table_name", "table_namespace"}
    frame = line.get_component("hetero_lr_0").get_output_data()
    assert len(frame) == ROWS
    assert list(frame.columns) == ["id", "label", "predict_result", "predict_score", "predict_detail", "type"]

    requested.clear()
    line.deploy_component([line.data_transform_0, line.intersection_0, line.hetero_lr_0])
    assert requested == ["model/deploy", "model/get/predict/dsl"]

    requested.clear()
    predict = predict_pipeline(line)
    predict.predict()
    assert requested == ["model/deploy", "job/submit", "poll"]
    scores = predict.get_component("hetero_lr_0").get_output_data()
    assert len(scores) == ROWS and set(scores["type"]) == {"predict"}
    assert all(isinstance(detail, dict) for detail in scores["predict_detail"])
    both = frame.merge(scores, on="id")
    difference = both["predict_score_x"].astype(float) - both["predict_score_y"].astype(float)
    assert len(both) == ROWS and difference.abs().max() < 1e-6
    assert line.get_predict_model_info().model_version != predict.get_predict_model_info().model_version


def test_validation_data_and_a_repeated_transformation(loaded):
    line = training(max_iter=2, validate=True)
    line.fit()
    metrics = line.get_component("hetero_lr_0").get_summary()["validation_metrics"]
    assert len(metrics["validate"]["auc"]) == 2
    frames = line.get_component("data_transform_1").get_output_data(limits=11)
    assert len(frames) == 10


def test_fit_with_job_parameters(fitted, endpoint):
    from pipeline.runtime.entity import JobParameters

    line = training(max_iter=1)
    line.fit(JobParameters(task_cores=2, task_parallelism=2, auto_retries=0, timeout=1000))
    [row] = endpoint.rows(line.get_train_job_id(), role="guest", party_id=GUEST)
    common = row["f_runtime_conf"]["job_parameters"]["common"]
    assert (common["task_cores"], common["timeout"], common["task_parallelism"]) == (2, 1000, 2)


def test_a_job_that_fails_is_said(loaded):
    line = training(max_iter=1)
    tables = {"guest": "no_such_table", "host": HOST_TABLE}
    for role, table in tables.items():
        line._train_conf["component_parameters"]["role"][role]["0"]["reader_0"]["table"]["name"] = table
    with pytest.raises(ValueError, match="Job is failed"):
        line.fit()


def test_a_pipeline_is_kept_and_read_again(fitted, tmp_path):
    from pipeline.backend.pipeline import PipeLine

    fitted.dump(str(tmp_path / "line.pkl"))
    line = PipeLine.load_model_from_file(str(tmp_path / "line.pkl"))
    assert line.get_component("hetero_lr_0").get_summary() == fitted.get_component("hetero_lr_0").get_summary()


def test_online_without_a_serving(fitted):
    fitted.deploy_component(["data_transform_0", "intersection_0", "hetero_lr_0"])
    with pytest.raises(ValueError, match="Cannot load model, error msg is failed"):
        fitted.online.load()


def test_conversion_of_a_vertical_model(fitted):
    with pytest.raises(ValueError, match="can be converted"):
        fitted.model_convert.convert()


def test_bind_table(fitted, files, sdk):
    from pipeline.backend.pipeline import PipeLine

    bound = PipeLine().bind_table(name="bound_by_pipeline", namespace=NAMESPACE, path=str(files.guest))
    assert (bound["namespace"], bound["table_name"]) == (NAMESPACE, "bound_by_pipeline")
    info = sdk.table.info(NAMESPACE, "bound_by_pipeline")["data"]
    assert info["exist"] == 1 and info["origin"] == "table_bind"


def test_job_ids_are_numbers(fitted):
    assert re.fullmatch(r"\d{20,25}", fitted.get_train_job_id())
