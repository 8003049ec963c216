"""Meteos' API with nothing but HTTP: a dataset out of a file, a model, what it says of a row, and how well it does.

    meteos.py [coordinator [party]]    the two REST endpoints of `fedflow up`; http://127.0.0.1:9380 and http://127.0.0.1:9381

The file goes to the party's own endpoint; the coordinator's endpoint is told its name only. The token, which OpenStack's clients send as
X-Auth-Token, is read from FEDFLOW_TOKEN, or from the file that FEDFLOW_ACCESS names.
"""

import base64
import json
import sys
import time
import urllib.request

from access import access

ENDPOINT = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:9380"
PARTY = sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:9381"
TOKEN = access().get("token", "none")


def send(method, url, body=None, kind="application/json"):
    request = urllib.request.Request(url, body, {"Content-Type": kind, "X-Auth-Token": TOKEN}, method=method)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return reply.read()


def create(collection, singular, **fields):
    body = json.dumps({singular: fields}).encode()
    return json.loads(send("POST", f"{ENDPOINT}/v1/demo/{collection}", body))[singular]


def available(collection, singular, thing):
    for _ in range(600):
        thing = json.loads(send("GET", f"{ENDPOINT}/v1/demo/{collection}/{thing['id']}"))[singular]
        if thing["status"] == "available":
            return thing
        if thing["status"] == "error":
            sys.exit(f"{singular}: {thing.get('stderr')}")
        time.sleep(0.2)
    sys.exit(f"{singular} is still {thing['status']}")


def text(value):
    return base64.b64encode(str(value).encode()).decode()


rows = "\n".join(f"{3 * a - b},{a},{b}" for a in range(20) for b in range(5))
send("PUT", f"{PARTY}/v1/fedflow/files/examples/plane.txt", rows.encode(), "text/plain")

template = create("templates", "template", display_name="small", worker_nodes_num=2, worker_flavor_id="2")
experiment = create("experiments", "experiment", display_name="example", template_id=template["id"])
experiment = available("experiments", "experiment", experiment)
steps = [{"method": "filter", "args": "lambda l: l.split(',')[1] != '0'"}]
dataset = create(
    "datasets", "dataset", display_name="plane", method="parse", params=text(steps),
    source_dataset_url="swift://examples/plane.txt", experiment_id=experiment["id"],
)  # fmt: skip
dataset = available("datasets", "dataset", dataset)
print("first rows:", dataset["head"].strip())

source = f"internal://{dataset['id']}"
learner = {"numIterations": 10000, "step": 0.01, "convergenceTol": 0.0}
model = create(
    "models", "model", display_name="plane", source_dataset_url=source, model_type="LinearRegression",
    model_params=text(learner), experiment_id=experiment["id"],
)  # fmt: skip
model = available("models", "model", model)
learning = create("learnings", "learning", model_id=model["id"], method="predict", args=text("10,4"))
learning = available("learnings", "learning", learning)
print("3 * 10 - 4 is about", learning["stdout"])
evaluation = create("model_evaluations", "model_evaluation", model_id=model["id"], source_dataset_url=source)
evaluation = available("model_evaluations", "model_evaluation", evaluation)
print("figures:", evaluation["stdout"])
