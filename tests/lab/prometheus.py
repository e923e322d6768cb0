"""Debian's prometheus beside the lab: scrapes the daemons each second, with the shipped rules at a pace that a test can wait for."""

import json
import os
import re
import urllib.parse
import urllib.request

from .process import Process
from .wait import wait_until

URL = "http://127.0.0.1:9090"
WINDOW = "15s"


def hurried(rules):
    """The rules with short windows and delays; what they compare is left as it is."""
    rules = re.sub(r"\[\d+[smhd]\]", f"[{WINDOW}]", rules)
    return re.sub(r"(?m)^(\s+for:) .*$", r"\1 1s", rules)


class Prometheus:
    """In the client's namespace. `rules` is a file of rules, `targets` are "ADDRESS:PORT"."""

    def __init__(self, lab, directory, rules, targets):
        self.lab, self.directory, self.process = lab, directory, None
        os.makedirs(directory, exist_ok=True)
        with open(rules, encoding="utf-8") as f:
            self._write("rules.yaml", hurried(f.read()))
        # YAML is a superset of JSON.
        self._write("prometheus.yaml", json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "metallb", "static_configs": [{"targets": targets}]}]}))

    def _write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as f:
            f.write(text)

    def start(self):
        self.process = Process(
            ["prometheus", f"--config.file={self.directory}/prometheus.yaml", f"--storage.tsdb.path={self.directory}/data",
             "--web.listen-address=127.0.0.1:9090"],
            self.lab.ns("client"), os.path.join(self.directory, "log"))
        wait_until(self._is_ready, 30, "prometheus is ready")
        return self

    def stop(self):
        if self.process:
            self.process.kill()

    def _get(self, path):
        with self.lab.enter("client"):
            with urllib.request.urlopen(URL + path, timeout=10) as answer:
                return answer.read().decode()

    def _is_ready(self):
        try:
            return "eady" in self._get("/-/ready")
        except OSError:
            return False

    def query(self, expression):
        """The instant vector: a list of (labels, number)."""
        answer = json.loads(self._get("/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
        return [(item["metric"], float(item["value"][1])) for item in answer["data"]["result"]]

    def firing(self):
        """The names of the alerts that fire."""
        answer = json.loads(self._get("/api/v1/alerts"))
        return {alert["labels"]["alertname"] for alert in answer["data"]["alerts"] if alert["state"] == "firing"}
