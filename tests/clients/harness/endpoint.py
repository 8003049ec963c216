"""An endpoint spoken to without FATE's client: for cases that say so, and for waiting."""

import time

import requests

ENDED = {"success", "failed", "canceled", "timeout"}
PATIENCE = 180


class Endpoint:
    """One REST endpoint."""

    def __init__(self, base, token=None):
        self.base = base
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def send(self, path, body=None, method="POST", **more):
        """The whole response; a body is sent as JSON."""
        return self.session.request(method, f"{self.base}/v1/{path}", json=body, timeout=PATIENCE, **more)

    def post(self, path, body=None):
        """The reply, which is always an object with a retcode."""
        reply = self.send(path, body).json()
        assert isinstance(reply["retcode"], int), reply
        return reply

    def data(self, path, body=None):
        """What a successful reply carries."""
        reply = self.post(path, body)
        assert reply["retcode"] == 0, reply
        return reply["data"]

    def rows(self, job_id, **filters):
        """The rows of a job."""
        return self.data("job/query", {"job_id": job_id, **filters})

    def tasks(self, job_id, **filters):
        """The newest tasks of a job by step; one role and party should be named."""
        rows = self.data("job/task/query", {"job_id": job_id, **filters})
        return {row["f_component_name"]: row for row in rows}

    def until(self, what, holds, patience=PATIENCE):
        """Asks until something holds and gives it; fails with the last answer."""
        until = time.monotonic() + patience
        while True:
            found = what()
            if holds(found):
                return found
            assert time.monotonic() < until, f"still {found}"
            time.sleep(0.1)

    def ended(self, job_id, patience=PATIENCE):
        """The rows of a job once all have ended."""
        return self.until(
            lambda: self.rows(job_id), lambda rows: rows and all(row["f_status"] in ENDED for row in rows), patience
        )

    def succeeded(self, job_id, patience=PATIENCE):
        """The rows of a job that must end well."""
        rows = self.ended(job_id, patience)
        failed = [{key: row[key] for key in ("f_role", "f_party_id", "f_status")} for row in rows if row["f_status"] != "success"]
        if failed:
            reasons = {row["f_error_report"] for row in self.post("job/task/query", {"job_id": job_id}).get("data", [])}
            raise AssertionError(f"job {job_id}: {failed}: {sorted(filter(None, reasons))}")
        return rows
