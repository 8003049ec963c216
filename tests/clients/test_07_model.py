"""The life of a model: deployed, described, used to predict, tagged, exported, imported."""

import json
import re
import zipfile

import pytest

from harness import documents
from harness.documents import MODEL_ID
from harness.federation import GUEST, HOST
from harness.tables import GUEST_TABLE, HOST_TABLE, NAMESPACE, ROWS

ROLES = {"guest": [GUEST], "host": [HOST], "arbiter": [HOST]}


@pytest.fixture
def of(trained):
    """Options that name the training's own version."""
    return ["--model-id", MODEL_ID, "--model-version", trained.id]


@pytest.fixture(scope="module")
def predicted(client, endpoint, deployed, tmp_path_factory):
    """A predict job without a DSL, from the template that `flow model get-predict-conf` saved."""
    from harness.client import Commands

    commands = Commands(client, tmp_path_factory.mktemp("predict"))
    commands("model", "get-predict-conf", "--model-id", MODEL_ID, "--model-version", deployed.version, "-o", ".")
    [template] = commands.folder.glob("predict_conf_*.json")
    conf = json.loads(template.read_text())
    for role, table in [("guest", GUEST_TABLE), ("host", HOST_TABLE)]:
        reader = {"table": {"name": table, "namespace": NAMESPACE}}
        conf["component_parameters"].setdefault("role", {})[role] = {"0": {"reader_0": reader}}
    reply = commands("job", "submit", "-c", commands.file("conf.json", conf))
    assert reply["retcode"] == 0, reply
    endpoint.succeeded(reply["jobId"])
    return reply["jobId"]


def dsl_of_one_step():
    return {
        "components": {
            "data_transform_0": {
                "module": "DataTransform",
                "input": {"data": {"data": []}},
                "output": {"data": ["train"], "model": ["data_transform"]},
            }
        }
    }


def test_case_62_predict_dsl_of_a_train_dsl(flow, sdk):
    path = flow.file("train_dsl.json", dsl_of_one_step())
    reply = flow("job", "dsl", "--cpn-list", "data_transform_0", "--train-dsl-path", path)
    assert reply["retcode"] == 0
    component = reply["data"]["components"]["data_transform_0"]
    assert component["input"]["model"][0] == "pipeline.data_transform_0.data_transform"
    assert sdk.job.generate_dsl(train_dsl=dsl_of_one_step(), cpn=["data_transform_0"])["data"] == reply["data"]
    bad = flow("job", "dsl", "--cpn-list", "nothing_0", "--train-dsl-path", path)
    assert bad["retcode"] == 210 and bad["retmsg"].startswith("DSL generating failed.")
    listed = flow.file("components.txt", "[data_transform_0]\n")
    saved = flow("job", "dsl", "--cpn-path", listed, "--train-dsl-path", path, "-o", ".")
    assert saved["retcode"] == 0
    [file] = flow.folder.glob("predict_dsl_*.json")
    assert json.loads(file.read_text()) == reply["data"]


def test_predict_dsl_of_the_whole_training(sdk):
    components = sdk.job.generate_dsl(train_dsl=documents.DSL, cpn="data_transform_0, hetero_lr_0")["data"]["components"]
    assert set(components) == {"data_transform_0", "hetero_lr_0"}
    assert components["hetero_lr_0"]["input"]["data"] == {"test_data": ["data_transform_0.train"]}
    assert "data" not in components["data_transform_0"]["input"]
    assert "model" not in components["hetero_lr_0"]["output"]


def test_case_63_deploy(deployed, trained):
    reply = deployed.reply
    assert (reply["retcode"], reply["retmsg"]) == (0, "success")
    data = reply["data"]
    assert data["model_id"] == MODEL_ID and data["model_version"] != trained.id
    for role, party in [("guest", GUEST), ("host", HOST), ("arbiter", HOST)]:
        assert data[role][str(party)] == 0
        detail = data["detail"][role][str(party)]
        assert (detail["retcode"], detail["retmsg"]) == (0, f"deploy model of role {role} {party} success")


def test_other_ways_to_deploy(flow, sdk, of, trained, deployed):
    listed = flow.file("components.txt", "data_transform_0,\nintersection_0, hetero_lr_0")
    assert flow("model", "deploy", *of, "--cpn-path", listed)["retcode"] == 0
    dsl = sdk.model.get_predict_dsl(MODEL_ID, deployed.version)["data"]
    assert flow("model", "deploy", *of, "--dsl-path", flow.file("dsl.json", dsl))["retcode"] == 0
    whole = sdk.model.deploy(MODEL_ID, trained.id)
    assert whole["retcode"] == 0
    components = sdk.model.get_predict_dsl(MODEL_ID, whole["data"]["model_version"])["data"]["components"]
    assert set(components) == set(documents.STEPS)
    given = sdk.model.deploy(MODEL_ID, trained.id, predict_dsl=dsl)
    assert given["retcode"] == 0
    assert sdk.model.get_predict_dsl(MODEL_ID, given["data"]["model_version"])["data"]["components"].keys() == dsl["components"].keys()
    both = sdk.model.deploy(MODEL_ID, trained.id, cpn_list=["hetero_lr_0"], predict_dsl=dsl)
    assert both["retcode"] == 101
    assert "'cpn_list' should not be set when 'predict_dsl' is set" in both["data"]["detail"]["guest"][str(GUEST)]["retmsg"]


def test_what_cannot_be_deployed(flow, of, deployed):
    unknown = flow("model", "deploy", "--model-id", MODEL_ID, "--model-version", "1")
    assert (unknown["retcode"], unknown["retmsg"]) == (404, f"Deploy model failed. Model {MODEL_ID} 1 not found.")
    child = flow("model", "deploy", "--model-id", MODEL_ID, "--model-version", deployed.version)
    assert child["retcode"] == 101
    assert child["data"]["detail"]["guest"][str(GUEST)]["retmsg"] == "Child model could not be deployed."
    nothing = flow("model", "deploy", *of, "--cpn-list", "zzz")
    assert nothing["retcode"] != 0
    assert "components {'zzz'} not exist in training dsl, can not deploy!!!" in json.dumps(nothing, ensure_ascii=False)


def test_case_64_predict_documents(flow, sdk, deployed):
    version = ["--model-id", MODEL_ID, "--model-version", deployed.version]
    assert flow("model", "get-predict-dsl", *version, "-o", ".")["retcode"] == 0
    assert flow("model", "get-predict-conf", *version, "-o", ".")["retcode"] == 0
    [dsl_file] = flow.folder.glob("predict_dsl_*.json")
    [conf_file] = flow.folder.glob("predict_conf_*.json")
    dsl, conf = json.loads(dsl_file.read_text()), json.loads(conf_file.read_text())
    assert set(dsl["components"]) == {"data_transform_0", "intersection_0", "hetero_lr_0"}
    assert dsl["components"]["hetero_lr_0"]["input"]["data"] == {"test_data": ["intersection_0.train"]}
    assert all(component["CodePath"] for component in dsl["components"].values())
    common = conf["job_parameters"]["common"]
    assert (common["job_type"], common["model_id"], common["model_version"]) == ("predict", MODEL_ID, deployed.version)
    assert conf["role"] == ROLES and conf["initiator"] == {"role": "guest", "party_id": GUEST}
    assert sdk.model.get_predict_dsl(MODEL_ID, deployed.version)["data"] == dsl
    assert sdk.model.get_predict_conf(MODEL_ID, deployed.version)["data"] == conf
    unknown = flow("model", "get-predict-dsl", "--model-id", MODEL_ID, "--model-version", "1", "-o", ".")
    assert unknown["retcode"] == 210
    assert unknown["retmsg"] == "No model found, please check if arguments are specified correctly."


def test_predict_conf_has_a_place_for_each_reader(sdk, trained):
    whole = sdk.model.deploy(MODEL_ID, trained.id)["data"]["model_version"]
    conf = sdk.model.get_predict_conf(MODEL_ID, whole)["data"]
    place = {"name": "name_to_be_filled_0", "namespace": "namespace_to_be_filled_0"}
    for role in ["guest", "host"]:
        assert conf["component_parameters"]["role"][role]["0"]["reader_0"]["table"] == place


def test_case_66_model_information(flow, sdk, of, trained, deployed):
    reply = flow("model", "get-model-info", *of, "-r", "guest", "-p", GUEST)
    assert reply["retcode"] == 0 and reply["retmsg"] == "Query model info from db success."
    [row] = reply["data"]
    assert row["f_party_id"] == str(GUEST) and row["f_role"] == "guest"
    assert (row["f_model_id"], row["f_model_version"]) == (MODEL_ID, trained.id)
    assert row["f_parent"] is True
    assert isinstance(row["f_size"], int) and row["f_size"] >= 0
    assert "f_train_dsl" not in row
    [detail] = flow("model", "get-model-info", *of, "-r", "guest", "-p", GUEST, "--detail")["data"]
    assert set(detail["f_train_dsl"]["components"]) == set(documents.STEPS)
    assert detail["f_imported"] == 0
    child = sdk.model.get_model_info(MODEL_ID, deployed.version, role="host", party_id=HOST)["data"][0]
    assert child["f_parent"] is False
    assert child["f_parent_info"] == {"parent_model_id": MODEL_ID, "parent_model_version": trained.id}
    assert len(sdk.model.get_model_info(model_version=trained.id)["data"]) == 3
    unknown = flow("model", "get-model-info", "--model-version", "1")
    assert unknown["retcode"] == 100 and unknown["retmsg"].startswith("Query model info failed, cannot find model from db")


def test_case_67_predict(predicted, sdk, endpoint, deployed, trained):
    [row] = endpoint.rows(predicted, role="guest", party_id=GUEST)
    assert row["f_train_runtime_conf"]
    assert set(row["f_dsl"]["components"]) >= {"data_transform_0", "intersection_0", "hetero_lr_0"}
    of = {"role": "guest", "party_id": GUEST, "component_name": "hetero_lr_0"}
    preview = endpoint.post("tracking/component/output/data", {"job_id": predicted, **of})
    assert preview["meta"]["total"] == [ROWS]
    assert {line[-1] for line in preview["data"][0]} == {"predict"}


def test_a_prediction_repeats_the_trainings_scores(predicted, sdk, tmp_path, trained, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scores = []
    for job in [trained.id, predicted]:
        reply = sdk.component.output_data(job, "guest", GUEST, "hetero_lr_0", str(tmp_path))
        lines = (tmp_path / reply["directory"] / "train.csv").read_text().splitlines()[1:]
        scores.append({line.split(",")[0]: float(line.split(",")[3]) for line in lines})
    assert scores[0].keys() == scores[1].keys() and len(scores[0]) == ROWS
    assert max(abs(scores[0][row] - scores[1][row]) for row in scores[0]) < 1e-6


def test_case_68_predict_with_a_model_that_is_not_deployed(flow, trained, loaded):
    _, conf = documents.lr()
    conf["job_parameters"]["common"] = {"job_type": "predict", "model_id": MODEL_ID, "model_version": trained.id}
    reply = flow("job", "submit", "-c", flow.file("conf.json", conf))
    assert reply["retcode"] == 103
    assert "model has not been deployed yet" in reply["retmsg"]


def test_what_a_predict_job_needs(flow, deployed):
    _, conf = documents.lr()
    conf["job_parameters"]["common"] = {"job_type": "predict"}
    reply = flow("job", "submit", "-c", flow.file("conf.json", conf))
    assert reply["retcode"] == 103 and "model_id" in reply["retmsg"]
    common = {"job_type": "predict", "model_id": MODEL_ID, "model_version": deployed.version}
    conf["job_parameters"]["common"] = common
    conf["role"]["host"] = [HOST, 10001]
    reply = flow("job", "submit", "-c", flow.file("conf.json", conf))
    assert reply["retcode"] == 103
    assert "predict roles should be subset of train role" in reply["retmsg"]


@pytest.mark.parametrize("party", [GUEST, HOST])
def test_case_72_export_and_import(flow, sdk, of, trained, party):
    role = "guest" if party == GUEST else "host"
    which = {"model_id": MODEL_ID, "model_version": trained.id, "role": role, "party_id": party}
    exported = flow("model", "export", "-c", flow.file("export.json", {**which, "output_path": str(flow.folder / "out")}))
    assert exported["retcode"] == 0, exported
    archive = flow.folder / "out" / f"{role}#{party}#{MODEL_ID}_{trained.id}.zip"
    assert exported["file"] == str(archive)
    assert zipfile.is_zipfile(archive) and zipfile.ZipFile(archive).testzip() is None
    conf = flow.file("import.json", {**which, "file": str(archive), "force_update": 1})
    imported = flow("model", "import", "-c", conf)
    assert imported["retcode"] == 0, imported
    data = imported["data"]
    assert (data["role"], data["party_id"]) == (role, str(party))
    assert (data["model_id"], data["model_version"]) == (MODEL_ID, trained.id) and data["job_id"]
    [row] = sdk.model.get_model_info(MODEL_ID, trained.id, role=role, party_id=party)["data"]
    assert row["f_imported"] == 1
    again = flow("model", "import", "-c", flow.file("again.json", {**which, "file": str(archive), "force_update": 0}))
    assert (again["retcode"], again["retmsg"]) == (409, "Model already exists.")
    stranger = {**which, "party_id": 1, "file": str(archive), "force_update": 1}
    refused = flow("model", "import", "-c", flow.file("stranger.json", stranger))
    assert refused["retcode"] == 400
    assert refused["retmsg"] == f'Party id "1" is not in role "{role}", please check if the party id and role is valid.'


def test_export_and_import_through_the_sdk(sdk, trained, tmp_path):
    which = {"model_id": MODEL_ID, "model_version": trained.id, "role": "guest", "party_id": GUEST}
    exported = sdk.model.export_model({**which, "output_path": str(tmp_path)})
    assert exported["retcode"] == 0, exported
    broken = tmp_path / "broken.zip"
    content = bytearray(open(exported["file"], "rb").read())
    content[len(content) // 2] ^= 0xFF
    broken.write_bytes(content)
    assert sdk.model.import_model({**which, "file": str(broken), "force_update": 1})["retcode"] == 100
    assert sdk.model.import_model({**which, "file": exported["file"], "force_update": 1})["retcode"] == 0
    unknown = sdk.model.export_model({**which, "model_version": "1", "output_path": str(tmp_path)})
    party_model_id = f"guest#{GUEST}#{MODEL_ID}"
    assert (unknown["retcode"], unknown["retmsg"]) == (404, f"Model {party_model_id} 1 does not exist.")


def test_store_and_restore_without_a_store(flow, sdk, endpoint, trained):
    which = {"model_id": MODEL_ID, "model_version": trained.id, "role": "guest", "party_id": GUEST}
    conf = flow.file("store.json", which)
    for command in [("export", "-c", conf, "--to-database"), ("import", "-c", conf, "--from-database")]:
        reply = flow("model", *command)
        assert reply["retcode"] == 0 and reply["jobId"], reply
        assert {row["f_status"] for row in endpoint.ended(reply["jobId"])} == {"failed"}
    assert sdk.model.export_model(dict(which), to_database=True)["jobId"]
    assert sdk.model.import_model(dict(which), from_database=True)["jobId"]


def test_case_73_tags(flow, sdk, trained):
    def models_of(tag):
        tags = {row["name"]: row["model_count"] for row in flow("tag", "list", "-l", "100")["data"]["tags"]}
        return tags.get(tag)

    created = flow("tag", "create", "-t", "blue", "-d", "the first")
    assert (created["retcode"], created["retmsg"]) == (0, "'blue' tag has been created successfully.")
    twice = flow("tag", "create", "-t", "blue")
    assert twice["retcode"] == 100 and "'blue' has already exists in database." in twice["retmsg"]
    assert models_of("blue") == 0
    assert flow("tag", "query", "-t", "lu")["data"]["tags"] == [{"name": "blue", "description": "the first"}]
    tagged = flow("model", "tag-model", "-j", trained.id, "-t", "blue")
    assert tagged["retmsg"] == f"Adding blue tag for model with job id: {trained.id} successfully."
    assert models_of("blue") == 1
    again = flow("model", "tag-model", "-j", trained.id, "-t", "blue")
    assert again["retcode"] == 100 and f"Model {MODEL_ID} {trained.id} already been tagged as tag 'blue'." in again["retmsg"]
    listed = flow("model", "tag-list", "-j", trained.id)["data"]
    assert listed == {"tags": [{"name": "blue", "description": "the first"}], "count": 1}
    with_model = flow("tag", "query", "-t", "blue", "--with-model")["data"]
    assert with_model["count"] == len(with_model["models"]) == 3
    assert {row["model_version"] for row in with_model["models"]} == {trained.id}
    changed = flow("tag", "update", "-t", "blue", "--new-tag-name", "green", "--new-tag-desc", "other")
    assert changed["retmsg"] == "Infomation of 'blue' tag has been updated successfully."
    assert sdk.tag.query("green")["data"]["tags"] == [{"name": "green", "description": "other"}]
    removed = flow("model", "tag-model", "-j", trained.id, "-t", "green", "--remove")
    assert removed["retmsg"] == f"'green' tag has been removed from tag list of model {MODEL_ID} {trained.id}."
    assert models_of("green") == 0
    deleted = flow("tag", "delete", "-t", "green")
    assert deleted["retmsg"] == "'green' tag has been deleted successfully."
    assert models_of("green") is None
    missing = flow("tag", "delete", "-t", "green")
    assert missing["retcode"] == 100 and "Can not found 'green' tag." in missing["retmsg"]


def test_tags_through_the_sdk(sdk, trained):
    assert sdk.tag.create("red", "one")["retcode"] == 0
    assert sdk.model.tag_model(trained.id, "red")["retcode"] == 0
    assert [tag["name"] for tag in sdk.model.tag_list(trained.id)["data"]["tags"]] == ["red"]
    assert sdk.tag.query("red", with_model=True)["data"]["count"] == 3
    assert sdk.tag.update("red", new_tag_desc="two")["retcode"] == 0
    assert {"name": "red", "description": "two", "model_count": 1} in sdk.tag.list(100)["data"]["tags"]
    for same in [{}, {"new_tag_name": "red"}, {"new_tag_name": "red", "new_tag_desc": "two"}]:
        nothing = sdk.tag.update("red", **same)
        assert nothing["retcode"] == 100 and "Nothing to be updated." in nothing["retmsg"], (same, nothing)
    unnamed = sdk.tag.create("")
    assert (unnamed["retcode"], unnamed["retmsg"]) == (
        100,
        "'' tag created failed. Please input a valid tag name.",
    )
    assert sdk.model.tag_model(trained.id, "red", remove=True)["retcode"] == 0
    assert sdk.tag.delete("red")["retcode"] == 0
    unknown = sdk.model.tag_model("1", "red")
    assert unknown["retcode"] == 100 and "Can not found model by job id: '1'." in unknown["retmsg"]


def test_case_75_load_and_bind_without_a_serving(flow, sdk, deployed):
    conf = {
        "initiator": {"role": "guest", "party_id": str(GUEST)},
        "role": {role: [str(party) for party in parties] for role, parties in ROLES.items()},
        "job_parameters": {"model_id": MODEL_ID, "model_version": deployed.version},
    }
    loaded = flow("model", "load", "-c", flow.file("load.json", conf))
    assert loaded["retcode"] == 101 and loaded["jobId"]
    assert loaded["data"]["guest"][str(GUEST)] == 100 and loaded["data"]["host"][str(HOST)] == 100
    assert loaded["data"]["detail"]["guest"][str(GUEST)]["retmsg"] == "Please configure servings address"
    assert "arbiter" not in loaded["data"]
    assert sdk.model.load(config_data=conf)["retcode"] == 101
    by_job = flow("model", "load", "-j", deployed.version)
    assert by_job["retcode"] == 101 and by_job["data"]["guest"][str(GUEST)] == 100
    unknown = flow("model", "load", "-j", "1")
    assert unknown["retcode"] == 101
    assert unknown["retmsg"] == "Model with version 1 can not be found in database. Please check if the model version is valid."
    no_service = flow("model", "bind", "-c", flow.file("bind.json", conf))
    assert (no_service["retcode"], no_service["retmsg"]) == (101, "no service id")
    bound = sdk.model.bind({**conf, "service_id": "scores"})
    assert (bound["retcode"], bound["retmsg"]) == (100, "Please configure servings address")


def test_a_model_that_is_not_deployed_is_not_loaded(flow, trained):
    conf = {
        "initiator": {"role": "guest", "party_id": GUEST},
        "role": ROLES,
        "job_parameters": {"model_id": MODEL_ID, "model_version": trained.id},
    }
    reply = flow("model", "load", "-c", flow.file("load.json", conf))
    assert reply["retcode"] == 101
    text = "Only deployed models could be used to execute process of loading. Please deploy model before loading."
    assert reply["data"]["detail"]["guest"][str(GUEST)]["retmsg"] == text


def migration(version, migrate_role):
    return {
        "job_parameters": {"federated_mode": "SINGLE"},
        "role": ROLES,
        "migrate_initiator": {"role": "guest", "party_id": migrate_role["guest"][0]},
        "migrate_role": migrate_role,
        "execute_party": {"guest": [GUEST], "host": [HOST], "arbiter": [HOST]},
        "model_id": MODEL_ID,
        "model_version": version,
        "unify_model_version": "20301231000000000001",
    }


def test_case_77_migrate_to_the_same_roles(flow, sdk, trained):
    conf = migration(trained.id, ROLES)
    reply = flow("model", "migrate", "-c", flow.file("migrate.json", conf))
    assert reply["retcode"] == 100 and "There is no need to migrate model" in reply["retmsg"]
    assert sdk.model.migrate(conf)["retmsg"] == reply["retmsg"]


def test_migrate_to_other_parties(flow, trained):
    others = {"guest": [9000], "host": [9001], "arbiter": [9001]}
    reply = flow("model", "migrate", "-c", flow.file("migrate.json", migration(trained.id, others)))
    assert (reply["retcode"], reply["retmsg"]) == (0, "success"), reply
    assert reply["jobId"]
    detail = reply["data"]["detail"]["guest"][str(GUEST)]
    assert detail["retcode"] == 0 and detail["retmsg"].startswith("Migrating model successfully.")
    assert "arbiter-9001#guest-9000#host-9001#model" in detail["retmsg"]
    assert re.search(r"model version is: 20301231000000000001", detail["retmsg"])


def test_transfer(endpoint, trained):
    whole = {"namespace": f"guest#{GUEST}#{MODEL_ID}", "name": trained.id}
    data = endpoint.data("model/transfer", whole)
    assert "pipeline.pipeline:Pipeline" in data
    assert any(key.startswith("hetero_lr_0.hetero_lr:") for key in data)
    missing = endpoint.send("model/transfer", {"namespace": "x"})
    assert (missing.status_code, missing.json()["retmsg"]) == (400, "namespace and name are required")
    unknown = endpoint.send("model/transfer", {**whole, "name": "1"})
    assert (unknown.status_code, unknown.json()["retmsg"]) == (404, "model not found")


def test_conversion_of_horizontal_models(flow, sdk, trained):
    which = {"model_id": MODEL_ID, "model_version": trained.id, "role": "guest", "party_id": GUEST}
    reply = flow("model", "homo-convert", "-c", flow.file("convert.json", which))
    assert reply["retcode"] == 100 and "can be converted." in reply["retmsg"]
    assert sdk.model.homo_convert(dict(which))["retmsg"] == reply["retmsg"]
    deploy = {
        **which,
        "service_id": "s",
        "component_name": "hetero_lr_0",
        "deployment_type": "kfserving",
        "deployment_parameters": {},
    }
    refused = flow("model", "homo-deploy", "-c", flow.file("deploy.json", deploy))
    assert refused["retcode"] == 100 and refused["retmsg"]
    assert sdk.model.homo_deploy(dict(deploy))["retcode"] == 100


@pytest.fixture(scope="module")
def saved(train, endpoint):
    """A training that left checkpoints."""
    callback = {"callbacks": ["ModelCheckpoint"], "save_freq": 1}
    job = train(callback_param=callback, validation_freqs=None)
    endpoint.succeeded(job.id)
    return job


def test_checkpoints(flow, sdk, saved):
    which = ["-r", "guest", "-p", GUEST, "--model-id", MODEL_ID, "--model-version", saved.id, "-cpn", "hetero_lr_0"]
    listed = flow("checkpoint", "list", *which)
    assert listed["retcode"] == 0, listed
    assert len(listed["data"]) == 3
    for entry in listed["data"]:
        assert {"create_time", "step_index", "step_name", "models"} <= set(entry)
        assert all(model["sha1"] and model["buffer_name"] for model in entry["models"].values())
    step = listed["data"][1]
    by_index = flow("checkpoint", "get", *which, "--step-index", step["step_index"])
    by_name = flow("checkpoint", "get", *which, "--step-name", step["step_name"])
    assert by_index["retcode"] == 0 and by_index["data"] == by_name["data"]
    assert by_index["data"]["step_index"] == step["step_index"]
    assert all(isinstance(model, str) and model for model in by_index["data"]["models"].values())
    named = dict(role="guest", party_id=GUEST, model_id=MODEL_ID, model_version=saved.id, component_name="hetero_lr_0")
    assert sdk.checkpoint.list_checkpoints(**named)["data"] == listed["data"]
    assert sdk.checkpoint.get_checkpoint(**named, step_index=step["step_index"])["data"] == by_index["data"]
    missing = sdk.checkpoint.get_checkpoint(**named, step_index=77)
    assert (missing["retcode"], missing["retmsg"]) == (404, "The checkpoint was not found.")


def test_no_checkpoints(flow, trained):
    which = ["-r", "guest", "-p", GUEST, "--model-id", MODEL_ID, "--model-version", trained.id, "-cpn", "hetero_lr_0"]
    assert flow("checkpoint", "list", *which)["data"] == []


def test_deploy_of_a_checkpoint(flow, sdk, saved):
    reply = flow(
        *["model", "deploy", "--model-id", MODEL_ID, "--model-version", saved.id],
        *["--cpn-list", "data_transform_0,intersection_0,hetero_lr_0", "--cpn-step-index", "hetero_lr_0:1"],
    )
    assert reply["retcode"] == 0, reply
