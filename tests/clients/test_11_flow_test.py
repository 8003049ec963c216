"""`flow test`: the client's own check of an installation."""

import re

from harness.federation import GUEST, HOST


def test_toy(flow):
    printed = flow.text("test", "toy", "-gid", GUEST, "-hid", HOST)
    assert re.search(r"toy test job \d+ is success", printed), printed
    lines = [line for line in printed.splitlines() if "secure_add_guest" in line]
    assert any(re.search(r"success to calculate secure_sum, it is 2000\.0", line) for line in lines), printed


def test_toy_through_the_sdk(sdk, endpoint):
    reply = sdk.test.toy(guest_party_id=str(GUEST), host_party_id=str(HOST))
    assert reply["retcode"] == 0
    endpoint.succeeded(reply["jobId"])


def test_min_without_trees(client, loaded, endpoint, tmp_path):
    """A regression is trained, deployed and applied; the client warns when its AUC is below 0.98."""
    done = client.run(
        *["flow", "test", "min", "--no-sbt", "-gid", GUEST, "-hid", HOST, "-aid", HOST],
        cwd=tmp_path,
    )
    assert "Warning" not in done.stdout + done.stderr
    # `pipeline` logs to the standard error
    train, predict = re.findall(r"Job is success!!! Job id is (\d+)", done.stderr)
    assert [endpoint.rows(job)[0]["f_job_id"] for job in (train, predict)] == [train, predict]
