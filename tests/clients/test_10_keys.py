"""Public keys of other parties, as `flow key` keeps them."""

from harness.federation import GUEST, HOST


def test_keys(flow):
    known = flow("key", "query", "-p", HOST)
    assert known["retcode"] == 0, known
    save = flow.file("key.json", {"party_id": HOST, "key": known["data"]})
    saved = flow("key", "save", "-c", save)
    assert (saved["retcode"], saved["data"]) in [(0, "save success"), (0, "update success")]
    again = flow("key", "save", "-c", save)
    assert again["data"] == "update success"
    assert flow("key", "query", "-p", HOST)["data"] == known["data"]
    assert flow("key", "delete", "-p", HOST)["retcode"] == 0
    assert flow("key", "query", "-p", GUEST)["retcode"] == 0
