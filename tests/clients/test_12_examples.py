"""The examples for FATE's users, run as they say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.client import Client, copy_of_the_client

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "clients"


def run(client, command, tmp_path, **more):
    """Runs an example with this environment's client and gives what it printed."""
    binaries = Path(sys.prefix) / "bin"
    environment = {**client.environment, **more}
    environment["PATH"] = f"{binaries}:{environment['PATH']}"
    done = subprocess.run(
        [*command, client.host, str(client.port)],
        cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_fate_pipeline(client, federation, tmp_path):
    printed = run(client, [sys.executable, EXAMPLES / "fate_pipeline.py"], tmp_path, FEDFLOW_ACCESS=federation.access)
    auc = float(re.search(r"AUC on the training rows: ([\d.]+)", printed)[1])
    assert auc > 0.8
    rows, difference = re.search(r"predicted (\d+) rows; largest difference .*: ([\d.e+-]+)", printed).groups()
    assert int(rows) == 100 and float(difference) < 1e-6
    assert "bank is at ['9999']" in printed and "clinic is at ['10000']" in printed


def test_fate_flow_cli(client, federation, tmp_path):
    printed = run(client, [EXAMPLES / "fate_flow_cli.sh"], tmp_path, FEDFLOW_ACCESS=federation.access)
    # the labels are at their owner's and nowhere else
    assert 'examples.bank is at parties ["9999"]' in printed and 'examples.clinic is at parties ["10000"]' in printed
    assert "examples.bank has 120 rows" in printed and "examples.clinic has 120 rows" in printed
    assert re.search(r"^prediction \d+$", printed, re.MULTILINE)
    assert "predicted 100 rows" in printed and '"auc"' in printed


def test_an_example_says_why_it_cannot_go_on(tmp_path):
    """`flow` ends well whatever the server answers; the script must not. Nobody listens on port 1."""
    stranger = Client(copy_of_the_client(tmp_path / "client"), "http://127.0.0.1:1")
    with pytest.raises(AssertionError, match="refused: .*Connection refused"):
        run(stranger, [EXAMPLES / "fate_flow_cli.sh"], tmp_path)
