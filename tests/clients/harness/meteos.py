"""Meteos' routes over plain HTTP, with the bodies that its client sends; and the computations they are compared with."""

import base64
import json
import math
import os
import time
from pathlib import Path

import requests

PATIENCE = 120
BUSY = {"creating", "recreating", "activating", "deactivating"}


def encoded(text):
    """Text as the client sends params and args."""
    return base64.b64encode(str(text).encode()).decode()


class Meteos:
    """One project at a coordinator's endpoint."""

    def __init__(self, base, project="demo", token=None):
        self.base = base.rstrip("/")
        self.project = project
        self.session = requests.Session()
        self.session.headers.update({"User-Agent": "python-meteosclient", "X-Auth-Token": token or "none"})

    def send(self, method, path, body=None, **more):
        """The whole response."""
        return self.session.request(method, f"{self.base}/v1/{self.project}/{path}", json=body, timeout=PATIENCE, **more)

    def create(self, collection, singular, **fields):
        """Makes something; fields that are not given are sent as null, as the client does."""
        reply = self.send("POST", collection, {singular: fields})
        assert reply.status_code == 200, reply.text
        return reply.json()[singular]

    def get(self, collection, singular, number):
        reply = self.send("GET", f"{collection}/{number}?show_progress=False")
        assert reply.status_code == 200, reply.text
        return reply.json()[singular]

    def list(self, collection, query=""):
        reply = self.send("GET", f"{collection}{query}")
        assert reply.status_code == 200, reply.text
        return reply.json()[collection]

    def settled(self, collection, singular, number):
        """The detail view once nothing is under way."""
        until = time.monotonic() + PATIENCE
        while (view := self.get(collection, singular, number))["status"] in BUSY:
            assert time.monotonic() < until, view
            time.sleep(0.1)
        return view

    def available(self, collection, singular, number):
        view = self.settled(collection, singular, number)
        assert view["status"] == "available", view
        return view

    # --- the shapes of the client's own samples ---------------------------------------------------------------------

    def template(self):
        return self.create(
            "templates", "template", display_name="sample-template", display_description="a template",
            image_id="46c8b0f2-0000-4000-8000-000000000000", master_nodes_num=1, master_flavor_id="4",
            worker_nodes_num=2, worker_flavor_id="2", spark_version="1.6.0", floating_ip_pool=None,
        )  # fmt: skip

    def experiment(self):
        made = self.create(
            "experiments", "experiment", display_name="sample-experiment", display_description="an experiment",
            template_id=self.template()["id"], key_name="key", neutron_management_network=None,
        )  # fmt: skip
        return self.available("experiments", "experiment", made["id"])["id"]

    def dataset(self, experiment, url, method="download", params=None, train=None, test=None, name="sample-data"):
        fields = {
            "display_name": name, "display_description": None, "method": method, "source_dataset_url": url,
            "experiment_id": experiment, "params": encoded(params), "swift_tenant": "demo", "swift_username": "demo",
            "swift_password": "nova-secret",
        }  # fmt: skip
        if method == "split":
            fields |= {"percent_train": train, "percent_test": test}
        return self.create("datasets", "dataset", **fields)

    def model(self, experiment, url, model_type, params, dataset_format=None):
        return self.create(
            "models", "model", display_name="sample-model", display_description=None, source_dataset_url=url,
            dataset_format=dataset_format, model_type=model_type, model_params=encoded(params), experiment_id=experiment,
            swift_tenant="demo", swift_username="demo", swift_password="nova-secret",
        )  # fmt: skip

    def learning(self, model, args, collection="learnings", singular="learning"):
        return self.create(
            collection, singular, display_name="sample-learning", display_description=None, model_id=model,
            method="predict", args=encoded(args),
        )  # fmt: skip

    def predicted(self, model, args):
        """What a model says of a row."""
        made = self.learning(model, args)
        return self.available("learnings", "learning", made["id"])["stdout"]


def put_file(federation, party, folder, name, text):
    """Leaves a file with a party, at its own endpoint; gives the address by which it is named."""
    path = f"{federation.party_endpoints[party]}/v1/fedflow/files/{folder}/{name}"
    reply = requests.put(path, data=text.encode(), headers=federation.headers, timeout=PATIENCE)
    assert reply.status_code < 300, reply.text
    return f"swift://{folder}/{name}"


def linear_rows():
    """182 rows of a label and seven columns; in 26 the label is 0. FEDFLOW_METEOS_SAMPLES names a folder with the client's
    own files, if somebody has them."""
    own = os.environ.get("FEDFLOW_METEOS_SAMPLES")
    if own:
        return (Path(own) / "linear_data.txt").read_text().splitlines()
    rows = []
    for n in range(182):
        label = 0 if n % 7 == 4 else 4000 + 37 * (n * 11 % 97)
        rows.append(f"{label},{1 + n % 30},{1 + n // 31},2016,{n % 7},{n % 4},{40 + 5 * (n % 9)},{50 + 3 * (n % 13)}")
    return rows


def descended(rows, turns=100, step=1e-8, tolerance=0.001):
    """Weights of a linear regression by the plain descent of the contract."""
    table = [[float(cell) for cell in row.split(",")] for row in rows]
    weights = [0.0] * (len(table[0]) - 1)
    for turn in range(1, turns + 1):
        gradient = [0.0] * len(weights)
        for label, *cells in table:
            error = sum(w * cell for w, cell in zip(weights, cells)) - label
            gradient = [g + error * cell for g, cell in zip(gradient, cells)]
        moved = [step / math.sqrt(turn) * g / len(table) for g in gradient]
        weights = [w - m for w, m in zip(weights, moved)]
        size = math.sqrt(sum(w * w for w in weights))
        if turn > 1 and math.sqrt(sum(m * m for m in moved)) < tolerance * max(1, size):
            break
    return weights


def said(weights, row):
    return sum(w * float(cell) for w, cell in zip(weights, row.split(",")))


def loads(reply):
    return json.loads(reply.text)
