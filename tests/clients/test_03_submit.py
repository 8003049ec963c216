"""Jobs are taken or refused, in FATE's words."""

import pytest

from harness import documents
from harness.documents import MODEL_ID
from harness.federation import GUEST, HOST


def submit(flow, dsl, conf):
    return flow("job", "submit", "-c", flow.file("conf.json", conf), "-d", flow.file("dsl.json", dsl))


def test_case_19_submit(trained):
    reply = trained.reply
    assert (reply["retcode"], reply["retmsg"]) == (0, "success")
    data = reply["data"]
    assert data["job_id"] == reply["jobId"]
    assert data["model_info"] == {"model_id": MODEL_ID, "model_version": reply["jobId"]}
    for key in ["logs_directory", "dsl_path", "job_dsl_path", "runtime_conf_path"]:
        assert data[key], key
    assert f"role=guest&party_id={GUEST}" in data["board_url"]
    assert (data["code"], data["message"]) == (0, "success")


def test_case_20_a_job_is_there_at_once(trained):
    assert len(trained.at_once) >= 1
    for row in trained.at_once:
        assert row["f_status"] in ("waiting", "running")
        assert isinstance(row["f_dsl"], dict) and isinstance(row["f_runtime_conf"], dict)
    assert trained.polled <= {"waiting", "running", "success"}


def test_case_57_redundant_parameters(flow, endpoint):
    dsl, conf = documents.lr(no_such_parameter=1)
    reply = submit(flow, dsl, conf)
    assert reply["retcode"] == 103
    assert "redundant parameters" in reply["retmsg"]
    assert reply["jobId"] and "data" not in reply
    listed = endpoint.data("job/list/job", {"job_id": reply["jobId"]})
    assert listed["jobs"] == []


def test_case_58_input_of_an_unknown_component(flow):
    dsl, conf = documents.lr()
    dsl["components"]["hetero_lr_0"]["input"]["data"]["train_data"] = ["b.train"]
    reply = submit(flow, dsl, conf)
    assert reply["retcode"] == 103
    assert reply["retmsg"].rstrip().endswith("data input b does not exist")


def _change(*path, to):
    """A change of one place of the DSL."""

    def change(dsl):
        place = dsl["components"]
        for key in path[:-1]:
            place = place[key]
        if to is None:
            del place[path[-1]]
        else:
            place[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda dsl: dsl.clear(), "There are no dsl, please check if the role and party id are correct"),
        (lambda dsl: dsl.update(components=dsl.pop("components"), x=1) or dsl.pop("components"), "No components filed in dsl"),
        (_change("hetero_lr_0", "module", to=None), "Component hetero_lr_0, module field does not exist in dsl"),
        (_change("a b", to={"module": "Reader"}), "should be consits of letter, digit"),
        (_change("hetero_lr_0", "input", to=["x"]), "Input of component hetero_lr_0 should be dict"),
        (_change("hetero_lr_0", "output", to=["d"]), "Output of component hetero_lr_0 should be dict, but ['d'] does not match"),
        (_change("hetero_lr_0", "output", "data", to="d"), "Component hetero_lr_0's output key data value type should be list"),
        (_change("hetero_lr_0", "input", "data", to="x"), "Component hetero_lr_0's input data type should be dict"),
        (
            _change("hetero_lr_0", "input", "data", "train_data", to="x"),
            "Component hetero_lr_0's input data type should be list, but x not match",
        ),
        (_change("hetero_lr_0", "input", "data", "train_data", to=["intersection_0.none"]), "output none does not exist"),
        (_change("hetero_lr_0", "input", "model", to="b.m"), "input model type should be list, but b.m not match"),
        (_change("hetero_lr_0", "input", "model", to=["b.m"]), "model input b does not exist"),
        (_change("hetero_lr_0", "module", to="NoSuch"), "component hetero_lr_0, module NoSuch's provider does not exist"),
        (
            _change("data_transform_0", "input", "data", "data", to=["hetero_lr_0.train"]),
            "form a loop",
        ),
    ],
)
def test_what_is_wrong_with_a_dsl_is_said(flow, change, text):
    dsl, conf = documents.lr()
    change(dsl)
    reply = submit(flow, dsl, conf)
    assert reply["retcode"] == 103, reply
    assert text in reply["retmsg"].rstrip().splitlines()[-1], reply["retmsg"]
    assert reply["jobId"]


def test_what_is_wrong_with_a_conf_is_said(flow):
    dsl, conf = documents.lr()
    conf["initiator"]["party_id"] = 1
    assert "initiator party id 1 not in roles" in submit(flow, dsl, conf)["retmsg"]
    dsl, conf = documents.lr()
    del conf["initiator"]
    reply = submit(flow, dsl, conf)
    assert reply["retcode"] == 103 and "required parameters are missing" in reply["retmsg"]
    dsl, conf = documents.lr(penalty="L7")
    reply = submit(flow, dsl, conf)
    assert reply["retcode"] == 103 and "penalty" in reply["retmsg"]


def test_components_that_are_not_built_are_refused(flow):
    for module in ["HomoNN", "HeteroNN", "FTL"]:
        dsl, conf = documents.lr()
        dsl["components"]["hetero_lr_0"]["module"] = module
        conf["component_parameters"]["common"].pop("hetero_lr_0")
        reply = submit(flow, dsl, conf)
        assert reply["retcode"] == 103
        assert f"component hetero_lr_0, module {module}'s provider does not exist" in reply["retmsg"]


def test_more_cores_than_there_are(flow):
    dsl, conf = documents.lr(common={"task_cores": 100_000})
    reply = submit(flow, dsl, conf)
    assert reply["retcode"] == 103
    assert "max cores per job is" in reply["retmsg"] and "please use task_cores" in reply["retmsg"]


def test_case_60_parameters_that_fate_dropped(train, endpoint):
    job = train(common={"work_mode": 1, "backend": 0})
    assert job.reply["retcode"] == 0
    assert job.reply["retmsg"] == "[WARN]backend,work_mode is removed,it does not take effect!"
    endpoint.succeeded(job.id)


def test_what_nothing_reads_is_warned_of_and_runs(flow, sdk, endpoint):
    dsl, conf = documents.lr(common={"task_coers": 2})
    conf["component_parameters"]["common"]["hetro_lr_0"] = {"max_iter": 30}
    conf["component_parameters"]["role"]["host"]["1"] = {"data_transform_0": {"with_label": True}}
    reply = submit(flow, dsl, conf)
    assert reply["retcode"] == 0, reply
    told = [
        "hetro_lr_0 names no component of the DSL and does nothing; did you mean hetero_lr_0?",
        "role.host.1 means host 1, which does not exist,",
        "task_coers is not known and does nothing; did you mean task_cores?",
    ]
    row = sdk.job.query(job_id=reply["jobId"], role="guest", party_id=GUEST)["data"][0]
    for text in told:
        assert text in reply["retmsg"]
        assert any(text in warning for warning in reply["data"]["warnings"]), reply
        assert any(text in warning for warning in row["f_warnings"]), row["f_warnings"]
    endpoint.succeeded(reply["jobId"])


def test_job_parameters_of_one_party(flow, sdk, endpoint):
    dsl, conf = documents.lr()
    conf["job_parameters"]["role"] = {"host": {"0": {"task_cores": 2, "user": "bob"}}}
    reply = submit(flow, dsl, conf)
    assert (reply["retcode"], reply["retmsg"]) == (0, "success"), reply
    endpoint.succeeded(reply["jobId"])
    rows = {row["f_role"]: row for row in sdk.job.query(job_id=reply["jobId"])["data"]}
    assert (rows["host"]["f_user_id"], rows["guest"]["f_user_id"]) == ("bob", "")
    cores = {role: row["f_runtime_conf_on_party"]["job_parameters"]["task_cores"] for role, row in rows.items()}
    assert (cores["host"], cores["guest"]) == (2, 4)
    assert rows["host"]["f_cores"] < rows["guest"]["f_cores"]


def test_loops_are_named_in_the_order_of_the_dsl(flow):
    def loop(*names):
        step = {name: {"module": "Intersection", "output": {"data": ["data"]}} for name in names}
        step["a"]["input"] = {"data": {"data": ["b.data"]}}
        step["b"]["input"] = {"data": {"data": ["a.data"]}}
        _, conf = documents.lr()
        return submit(flow, {"components": step}, conf)["retmsg"].rstrip().splitlines()[-1]

    assert loop("a", "b").endswith("a->b form a loop")
    assert loop("b", "a").endswith("b->a form a loop")
    assert loop("r", "a", "b").endswith(":  form a loop"), "FATE walks from the first component only"


def test_case_61_documents_of_version_1(flow, sdk, endpoint, loaded):
    dsl, conf = documents.version_1()
    reply = submit(flow, dsl, conf)
    assert reply["retcode"] == 0, reply
    job = reply["jobId"]
    endpoint.succeeded(job)
    view = endpoint.data("tracking/job/data_view", {"job_id": job})
    assert view["dataset"]["guest"][str(GUEST)]["train_data"] == "experiment.breast_hetero_guest"
    of_dataio = {"job_id": job, "role": "guest", "party_id": GUEST, "component_name": "dataio_0"}
    assert sdk.component.parameters(**of_dataio)["data"]["module"] == "DataIO"
    tables = sdk.component.output_data_table(**of_dataio)["data"]
    assert [table["data_name"] for table in tables] == ["train"]
    flat = endpoint.post("tracking/component/output/data", of_dataio)
    assert len(flat["data"][0]) == len(flat["meta"]["header"]) and isinstance(flat["meta"]["total"], int)
    assert sdk.component.output_model(**of_dataio)["data"]


def test_submit_through_the_sdk(sdk, endpoint, loaded):
    dsl, conf = documents.lr(max_iter=1)
    reply = sdk.job.submit(config_data=conf, dsl_data=dsl)
    assert reply["retcode"] == 0
    endpoint.succeeded(reply["jobId"])
    assert sdk.job.submit(config_data=conf, dsl_data=None)["retcode"] == 103


def test_a_job_may_read_what_an_earlier_job_left(flow, endpoint, trained):
    dsl = {"components": {"reader_0": documents.DSL["components"]["reader_0"]}}
    table = {"job_id": trained.id, "component_name": "intersection_0", "data_name": "train"}
    conf = {
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": GUEST},
        "role": {"guest": [GUEST], "host": [HOST]},
        "component_parameters": {"common": {"reader_0": {"table": table}}},
    }
    reply = submit(flow, dsl, conf)
    assert reply["retcode"] == 0, reply
    endpoint.succeeded(reply["jobId"])
