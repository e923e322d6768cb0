"""A small Kubernetes client for the tests: JSON over HTTPS from inside a namespace, as administrator."""

import http.client
import ipaddress
import json
import ssl

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
NAMESPACE = "metallbd-system"


class ApiError(Exception):
    def __init__(self, status, method, path, body):
        super().__init__(f"{method} {path}: {status} {body[:300]}")
        self.status = status


class _Connection(http.client.HTTPSConnection):
    """Connects from inside a lab member's namespace; afterwards the socket works from anywhere."""

    def __init__(self, lab, member, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._lab, self._member = lab, member

    def connect(self):
        with self._lab.enter(self._member):
            super().connect()


class ApiClient:
    def __init__(self, lab, host, port, ca_file, token, member="api"):
        self._lab, self._member, self._host, self._port, self._token = lab, member, host, port, token
        self._tls = ssl.create_default_context(cafile=ca_file)

    def request(self, method, path, body=None, content_type="application/json", timeout=10):
        """Returns the decoded answer; ApiError for a status that is not 2xx."""
        connection = _Connection(self._lab, self._member, self._host, self._port, timeout=timeout,
                                 context=self._tls)
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = body if isinstance(body, (bytes, str)) else json.dumps(body)
            headers["Content-Type"] = content_type
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise ApiError(answer.status, method, path, text)
        if answer.headers.get_content_type() == "application/json" and text.strip():
            return json.loads(text)
        return text

    def get(self, path):
        """The object, or None where there is none."""
        try:
            return self.request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, path):
        return self.request("GET", path)["items"]

    def create(self, path, body):
        return self.request("POST", path, body)

    def replace(self, path, body):
        return self.request("PUT", path, body)

    def patch(self, path, body, content_type=MERGE):
        return self.request("PATCH", path, body, content_type)

    def delete(self, path):
        """Deletes; an object that is not there is fine."""
        try:
            return self.request("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    # Services

    @staticmethod
    def service_path(name=None, namespace="default"):
        path = f"/api/v1/namespaces/{namespace}/services"
        return f"{path}/{name}" if name else path

    def create_service(self, name, namespace="default", annotations=None, labels=None, port=80, **spec):
        metadata = {"name": name, "namespace": namespace}
        if annotations:
            metadata["annotations"] = annotations
        if labels:
            metadata["labels"] = labels
        return self.create(self.service_path(namespace=namespace), {
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"type": "LoadBalancer", "ports": [{"name": "http", "port": port, "protocol": "TCP"}], **spec}})

    def service(self, name, namespace="default"):
        return self.get(self.service_path(name, namespace))

    def patch_service(self, name, body, namespace="default"):
        return self.patch(self.service_path(name, namespace), body)

    def delete_service(self, name, namespace="default"):
        return self.delete(self.service_path(name, namespace))

    def addresses(self, name, namespace="default"):
        """The addresses in the Service's status, in order."""
        service = self.service(name, namespace) or {}
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
        return [entry.get("ip") for entry in ingress]

    def condition(self, name, kind="metallb.io/Allocated", namespace="default"):
        service = self.service(name, namespace) or {}
        return next((c for c in service.get("status", {}).get("conditions") or [] if c["type"] == kind), None)

    def annotation(self, name, key, namespace="default"):
        service = self.service(name, namespace) or {}
        return service.get("metadata", {}).get("annotations", {}).get(key)

    # Leases and Events

    @staticmethod
    def lease_path(name=None):
        path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
        return f"{path}/{name}" if name else path

    def lease(self, name):
        return self.get(self.lease_path(name))

    def leases(self):
        return {lease["metadata"]["name"]: lease for lease in self.list(self.lease_path())}

    def holder(self, lease_name):
        """holderIdentity of a Lease, or None where there is no Lease or no holder."""
        lease = self.lease(lease_name) or {}
        return lease.get("spec", {}).get("holderIdentity") or None

    def events(self, name, reason=None, namespace="default"):
        """Events about a Service, the oldest first."""
        found = [e for e in self.list(f"/api/v1/namespaces/{namespace}/events")
                 if e["involvedObject"].get("name") == name and (reason is None or e.get("reason") == reason)]
        return sorted(found, key=lambda e: int(e["metadata"]["resourceVersion"]))


def lease_name(address):
    """The name of an address's Lease."""
    return "ip-" + ipaddress.ip_address(address).exploded.replace(".", "-").replace(":", "-")
