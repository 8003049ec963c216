#!/usr/bin/env python3
"""ABEJA's SDK, unmodified, against a federation: send a file, predict it with the newest model, read the log.

    pip install abeja-sdk==2.3.6                       Python 3.8 to 3.11
    python abeja_run.py [endpoint [file.csv]]              http://127.0.0.1:9380 when no endpoint is given

Without a file the model is applied to the tables of its training. A model must have been trained: `fedflow demo`, or
fate_pipeline.py beside this script. The token is read from FEDFLOW_TOKEN, or from the file that FEDFLOW_ACCESS names, and sent as the
password of a basic credential, whose user is of no matter. Elsewhere, set PLATFORM_AUTH_TOKEN and ABEJA_ORGANIZATION_ID.
"""

import os
import sys
import time

from access import access

ENDPOINT = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:9380"
ORGANIZATION = os.environ.get("ABEJA_ORGANIZATION_ID", "1234567890123")
os.environ["ABEJA_API_URL"] = ENDPOINT  # read when the client is imported
if "token" in access():
    os.environ.setdefault("ABEJA_PLATFORM_USER_ID", ORGANIZATION)
    os.environ.setdefault("ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN", access()["token"])

from abeja.datalake import APIClient as Datalake  # noqa: E402
from abeja.deployments import APIClient as Deployments  # noqa: E402
from abeja.runs import APIClient as Runs  # noqa: E402


def built_in():
    """The deployment that applies a model to a table, and its version."""
    deployments = Deployments()
    found = next(d for d in deployments.get_deployments(ORGANIZATION)["entries"] if d["name"] == "fl-predict")
    versions = deployments.get_deployment_versions(ORGANIZATION, found["deployment_id"])["entries"]
    return found["deployment_id"], versions[0]["version_id"]


def sent(path):
    """A file in a channel, as input of a run."""
    datalake = Datalake()
    channel = datalake.create_channel(ORGANIZATION, "examples", "files of an example", "datalake")["channel"]["channel_id"]
    with open(path, "rb") as content:
        metadata = {"x-abeja-meta-filename": os.path.basename(path)}
        file = datalake.post_channel_file_upload(channel, content, "text/csv", metadata=metadata)
    return {"$datalake:1": f"{channel}/{file['file_id']}"}


def main():
    runs = Runs()
    deployment, version = built_in()
    data = sent(sys.argv[2]) if len(sys.argv) > 2 else None
    run = runs.create_run(ORGANIZATION, deployment, version, input_data=data, retry_count=1)
    print(run["run_id"], run["status"])
    seen = run["status"]
    until = time.monotonic() + 300
    while seen not in ("SUCCEEDED", "FAILED") and time.monotonic() < until:
        time.sleep(0.2)
        status = runs.get_run(ORGANIZATION, deployment, run["run_id"])["status"]
        if status != seen:
            print(run["run_id"], status)
        seen = status
    page = runs.get_run_logs(ORGANIZATION, deployment, run["run_id"])
    while True:
        for line in page["events"]:
            print(line["timestamp"], line["message"])
        if "next_token" not in page:
            break
        page = runs.get_run_logs(ORGANIZATION, deployment, run["run_id"], next_token=page["next_token"])
    return 0 if seen == "SUCCEEDED" else 1


if __name__ == "__main__":
    sys.exit(main())
