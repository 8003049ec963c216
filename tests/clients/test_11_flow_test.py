"""`flow test`: the client's own check of an installation."""

import re

from harness.federation import GUEST, HOST


def test_toy(flow):
    printed = flow.text("test", "toy", "-gid", GUEST, "-hid", HOST)
    assert re.search(r"toy test job \d+ is success", printed), printed
    lines = [line for line in printed.splitlines() if "secure_add_guest" in line]
    assert any(re.search(r"success to calculate secure_sum, it is 2000\.0", line) for line in lines), printed


def test_toy_through_the_sdk(sdk, door):
    reply = sdk.test.toy(guest_party_id=str(GUEST), host_party_id=str(HOST))
    assert reply["retcode"] == 0
    door.succeeded(reply["jobId"])
