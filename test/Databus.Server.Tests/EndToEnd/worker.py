"""Jobs from another language, with nothing but the standard library: enqueues, follows, cancels, and works as an outside worker.

worker.py URL QUEUE runs the whole tour against a server and prints what came of each part.
"""

import json
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request


class Databus:
    """The routes that programs in any language need."""

    def __init__(self, url):
        self.url = url.rstrip("/") + "/api/v1"

    def send(self, method, path, body=None):
        """The status and the JSON of the answer, be it a refusal."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read())

    def enqueue(self, name, arguments, **settings):
        status, job = self.send("POST", f"/jobs/{name}?{urllib.parse.urlencode(settings)}", arguments)
        assert status == 202, (status, job)
        return job["id"]

    def follow(self, job_id):
        """The job each time that somebody who waits hears of it; the last one has ended."""
        while True:
            status, job = self.send("GET", f"/jobs/{job_id}?wait=1")
            assert status in (200, 202), (status, job)
            yield job
            if status == 200:
                return

    def result(self, job_id):
        return list(self.follow(job_id))[-1]

    def when(self, job_id, condition):
        """Ends when the job is as it shall be, or fails when it has ended otherwise."""
        while True:
            status, job = self.send("GET", f"/jobs/{job_id}")
            if condition(job):
                return job
            assert status == 202, job


class Cancelled(Exception):
    """The job was asked to stop."""


class Lost(Exception):
    """Somebody else has the job meanwhile: nothing may be said about it any more."""


class Worker:
    """Claims the jobs of a queue and runs them, one after the other."""

    def __init__(self, databus, queue, handlers):
        self.databus, self.queue, self.handlers = databus, queue, handlers
        self.stopped = threading.Event()
        self.lost = []

    def run(self):
        while not self.stopped.is_set():
            claim = {"worker": "python", "queues": [self.queue], "names": list(self.handlers), "leaseSeconds": 2, "waitSeconds": 1}
            status, answer = self.databus.send("POST", "/workers/claim", claim)
            assert status == 200, (status, answer)
            for job in answer["jobs"]:
                self.complete(job, self.handle(job))

    def handle(self, job):
        try:
            return {"outcome": "succeeded", "result": self.handlers[job["name"]](self, job)}
        except Cancelled:
            return {"outcome": "cancelled"}
        except Lost:
            return None
        except Exception as error:  # whatever it is, the job has failed
            return {"outcome": "failed", "error": repr(error), "delaySeconds": 0}

    def report(self, job, progress, message):
        """Says how far the job is, and hears what becomes of it."""
        lines = [{"level": "debug", "text": message}]
        self.hear(self.databus.send(
            "POST", "/workers/report", {"token": job["token"], "progress": progress, "message": message, "lines": lines}))
        self.hear(self.databus.send("POST", "/workers/renew", {"tokens": [job["token"]], "leaseSeconds": 2}))

    def hear(self, answered):
        status, answer = answered
        assert status == 200, answered
        if answer["lost"]:
            raise Lost
        if answer["cancelRequested"]:
            raise Cancelled

    def complete(self, job, outcome):
        if outcome is None:
            return
        outcome["token"] = job["token"]
        status, answer = self.databus.send("POST", "/workers/complete", {"completions": [outcome]})
        assert status == 200, (status, answer)
        self.lost += answer["lost"]


def add(worker, job):
    """Adds up, and says after each number how far it is."""
    total = 0
    for at, number in enumerate(job["arguments"]["numbers"], 1):
        total += number
        worker.report(job, at / len(job["arguments"]["numbers"]), f"{number} is added")
    return {"sum": total, "ü": [1.5, None, True]}


def endless(worker, job):
    while True:
        worker.report(job, 0.5, "not yet")


def broken(worker, job):
    raise ValueError(f"attempt {job['attempt']}")


def forgetful(worker, job):
    """The first time it lets its lease end, and goes on all the same."""
    if job["attempt"] == 1:
        worker.databus.when(job["id"], lambda seen: seen["attempt"] > 1 or seen["state"] != "running")
    return job["attempt"]


def main(url, queue):
    databus = Databus(url)
    worker = Worker(databus, queue, {"add": add, "endless": endless, "broken": broken, "forgetful": forgetful})
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        numbers = list(range(1, 101))
        seen = list(databus.follow(databus.enqueue("add", {"numbers": numbers}, queue=queue)))
        progress = [job["progress"] for job in seen if job["progress"] is not None]
        assert progress == sorted(progress) and progress[-1] == 1, progress
        print("result", json.dumps(seen[-1]["result"], sort_keys=True), seen[-1]["owner"], seen[-1]["arguments"]["numbers"] == numbers)

        job_id = databus.enqueue("endless", None, queue=queue)
        databus.when(job_id, lambda job: job["progress"] == 0.5)
        status, asked = databus.send("POST", f"/jobs/{job_id}/cancel")
        print("cancel", status, databus.result(job_id)["state"])

        job = databus.result(databus.enqueue("broken", {}, queue=queue, maxAttempts=2))
        print("failed", job["state"], job["attempt"], job["error"])

        job = databus.result(databus.enqueue("forgetful", {}, queue=queue))
        print("lost", job["state"], job["result"], [token.split("-")[0] == job["id"] for token in worker.lost])

        status, refusal = databus.send("GET", "/jobs/999999999")
        print("unknown", status, refusal["error"])
    finally:
        worker.stopped.set()
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
