"""The credentials of a local federation, for the examples beside this file.

`fedflow up` says in its ready line where they are: `access`, DIR/access.json. FEDFLOW_ACCESS names that file; FEDFLOW_TOKEN is a
token by itself. Where nobody is asked (`fedflow up --open`), neither is needed.
"""

import json
import os


def access():
    """`token`, `app_key` and `secret`, as far as they are known."""
    path = os.environ.get("FEDFLOW_ACCESS")
    known = {}
    if path:
        with open(path) as file:
            known = json.load(file)
    if os.environ.get("FEDFLOW_TOKEN"):
        known["token"] = os.environ["FEDFLOW_TOKEN"]
    return known
