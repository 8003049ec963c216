"""The server itself: reachable, what it says of itself, what it says of things it does not have."""

import re

from harness.client import Client, copy_of_the_client
from harness.documents import MODEL_ID
from harness.federation import GUEST, HOST, Federation

MODULES = ["FATE", "FATEFlow", "FATEBoard", "EGGROLL", "CENTOS", "UBUNTU", "PYTHON", "MAVEN", "JDK", "SPARK"]


def test_case_01_init_and_server_versions(flow, client):
    said = flow("init", "--ip", client.host, "--port", client.port)
    assert said == {"retcode": 0, "retmsg": "Fate Flow CLI has been initialized successfully."}
    reply = flow("server", "versions")
    assert reply["retcode"] == 0
    assert reply["data"]["API"] == "v1"
    assert all(isinstance(reply["data"][module], str) for module in MODULES)
    assert re.match(r"\d+\.\d+", reply["data"]["FATE"]) and re.match(r"\d+\.\d+", reply["data"]["FATEFlow"])


def test_case_02_pipeline_config_check(place, tmp_path):
    """This command alone of the client's never signs, whatever its settings say: it is for a federation that is open."""
    federation = Federation(place / "open", "--open")
    try:
        assert federation.access is None
        anybody = Client(copy_of_the_client(tmp_path / "client"), federation.endpoint)
        printed = anybody.run("pipeline", "config", "check", cwd=tmp_path).stdout
    finally:
        federation.end()
    version = re.search(r"Flow server status normal, Flow version: (\S+)", printed)
    assert version and version[1] != "None", printed


def test_without_keys_the_client_is_refused(federation, tmp_path):
    stranger = Client(copy_of_the_client(tmp_path / "client"), federation.endpoint)
    guessing = {"app_key": federation.keys[0], "secret_key": "guessed"}
    for sdk in [stranger.sdk(), stranger.sdk(**guessing)]:
        for reply in [sdk.job.query(job_id="1"), sdk.queue.clean(), sdk.table.info(namespace="n", table_name="t")]:
            assert reply["retcode"] == 109, reply


def test_pipeline_config_show(client, tmp_path):
    printed = client.run("pipeline", "config", "show", cwd=tmp_path).stdout
    assert client.host in printed and str(client.port) in printed


def test_case_03_unknown_route(endpoint):
    response = endpoint.send("no/such", {})
    assert response.status_code == 200
    assert response.json()["retcode"] == 100
    assert "404: Not Found" in response.json()["retmsg"]


def test_wrong_method(endpoint):
    response = endpoint.send("job/submit", method="GET")
    assert response.status_code == 200
    assert response.json() == {"retcode": 100, "retmsg": "<MethodNotAllowed '405: Method Not Allowed'>"}


def test_every_route_takes_a_trailing_slash(endpoint):
    assert endpoint.data("version/get/", {})["API"] == "v1"


def test_a_body_is_read_as_json_whatever_its_type_and_a_broken_one_is_none(endpoint):
    plain = {"data": b'{"module": "FATEFlow"}', "headers": {"content-type": "text/plain"}}
    assert "FATEFlow" in endpoint.send("version/get", **plain).json()["data"]
    assert endpoint.send("version/get", data=b"{").json()["data"]["API"] == "v1"
    assert endpoint.send("job/submit", data=b"{").json()["retcode"] != 0


def test_case_80_privileges_queue_and_versions_through_the_sdk(sdk):
    privilege = {"src_party_id": GUEST, "src_role": "guest"}
    assert sdk.privilege.grant(**privilege)["retcode"] == 0
    reply = sdk.privilege.query(**privilege)
    assert reply["retcode"] == 0
    assert str(reply["data"]["src_party_id"]) == str(GUEST)
    assert sdk.privilege.delete(**privilege)["retcode"] == 0
    assert sdk.queue.clean()["retcode"] == 0
    assert sdk.remote_version.api() == "v1"


def test_sdk_versions(sdk):
    version = sdk.remote_version
    for ask in ["fate", "fate_flow", "fate_board", "centos", "ubuntu", "python", "jdk", "maven", "eggroll", "spark"]:
        assert isinstance(getattr(version, ask)(), str), ask


def test_version_of_an_unknown_module(endpoint):
    response = endpoint.send("version/get", {"module": "X"})
    assert response.status_code == 404
    assert response.json() == {"retcode": 404, "retmsg": "unknown module X"}


def test_server_reload_and_service_registry(flow):
    reply = flow("server", "reload")
    assert reply["retcode"] == 0
    assert {"job_default_config", "server_registry"} <= set(reply["data"])
    reply = flow("service", "registry")
    assert reply["retcode"] == 0 and isinstance(reply["data"], dict)


def test_server_information(endpoint):
    for path in ["server/fateflow/info", "server/config/job/default", "server/service/get", "info/common"]:
        assert isinstance(endpoint.data(path, {}), dict), path
    assert endpoint.data("server/config/job/default", {})["job_timeout"] == 259200


def test_provider_list(flow):
    reply = flow("provider", "list")
    assert reply["retcode"] == 0
    assert {"fate", "fate_flow"} <= set(reply["data"])
    version = reply["data"]["fate"]["default"]["version"]
    assert "heterolr" in reply["data"]["fate"][version]["components"]
    one = flow("provider", "list", "-n", "fate")
    assert one["retcode"] == 0 and version in str(one["data"])


def test_provider_list_components(flow):
    reply = flow("provider", "list-components")
    assert reply["retcode"] == 0
    for name in ["HeteroLR", "heterolr", "reader", "Reader", "intersection", "evaluation"]:
        assert name in reply["data"], name
    assert reply["data"]["heterolr"]["default_provider"].startswith("fate")


def test_one_component(endpoint):
    assert endpoint.data("component/heterolr/get", {})["default_provider"]


def test_provider_register_is_refused(flow):
    package = {"name": "other", "version": "1.0", "path": str(flow.folder)}
    reply = flow("provider", "register", "-c", flow.file("provider.json", package))
    assert reply["retcode"] == 103
    assert reply["retmsg"].startswith("register failed:\n")


def test_resource_query(flow):
    reply = flow("resource", "query")
    assert reply["retcode"] == 0
    resource = reply["data"]["computing_engine_resource"]
    assert 0 <= resource["f_remaining_cores"] <= resource["f_cores"]
    assert isinstance(reply["data"]["use_resource_job"], list)


def test_resource_return(flow, spare):
    reply = flow("resource", "return", "-j", spare.id)
    assert reply["retcode"] == 0
    assert {row["job_id"] for row in reply["data"]} == {spare.id}
    assert all(row["resource_in_use"] is False for row in reply["data"])
    unknown = flow("resource", "return", "-j", "1")
    assert unknown["retcode"] == 100
    assert unknown["retmsg"] == "Exception('no found job 1')"


def test_template_download(flow):
    reply = flow("template", "download", "--min-data", "1", "-o", "templates")
    assert reply["retcode"] == 0, reply
    assert any((flow.folder / "templates").rglob("*.json"))


def test_permissions_are_off_unless_a_party_switches_them_on(flow):
    grant = flow.file("grant.json", {"party_id": HOST, "component": "reader,intersection"})
    for command in [("grant", "-c", grant), ("delete", "-c", grant)]:
        reply = flow("privilege", *command)
        assert reply["retcode"] == 100, (command, reply)
        assert "permission switch is" in reply["retmsg"], (command, reply)
    reply = flow("privilege", "query", "-p", HOST)
    assert reply["retcode"] == 100 and "No permission controller is found, " in reply["retmsg"], reply


def test_what_models_of_other_products_need_is_refused_in_words(flow):
    model = ["--model-id", MODEL_ID, "--model-version", "1"]
    merge = flow(
        *["component", "hetero-model-merge", *model, "-gid", GUEST, "-hids", HOST, "-cpn", "hetero_lr_0"],
        *["--model-type", "secureboost", "--output-format", "pmml", "-o", "merged.xml"],
    )
    assert merge["retcode"] == 400 and merge["retmsg"], merge
    of_host = ["-r", "host", "-p", HOST, "-cpn", "hetero_feature_binning_0"]
    extract = flow("component", "woe-array-extract", *model, *of_host, "-o", "woe.json")
    assert extract["retcode"] == 400 and extract["retmsg"], extract
    woe = flow.file("woe.json", {"x0": [1.0]})
    merge = flow("component", "woe-array-merge", *model, *of_host, "-i", woe)
    assert merge["retcode"] == 100 and merge["retmsg"].endswith("does not exist"), merge
