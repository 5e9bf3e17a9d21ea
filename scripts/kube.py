"""A real API server of Kubernetes for a cluster, with nothing else of Kubernetes.

    with Cluster(find_programs()) as cluster:
        kube = KubeServer(cluster)
        pod = kube.pod("worker-0")
        worker = cluster.start("dynamo-worker", config="worker-demo.jsonc",
                               environment=pod.environment())

scripts/kube_apiserver.sh builds it. No kubelet and no controller runs: pods, the
slices that say which of them are ready, and the removal of what a pod owned are
written by whoever uses this. It listens on a port of loopback, and keeps that and
what it stored when it is started again.

Users: "admin" may do everything, "worker" what deploy/kubernetes gives to a pod,
"nobody" nothing.

Needs python3-yaml and the command openssl.
"""

import base64
import itertools
import json
import pathlib
import secrets
import signal
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request

import yaml

from cluster import ROOT, Failure, wait_for
from etcd import EtcdServer, free_ports, loopback

START_SECONDS = 120
CALL_SECONDS = 20
USERS = {"admin": "system:masters", "worker": "pods", "nobody": "nobodies"}
LABELS = {"nvidia.com/dynamo-discovery-backend": "kubernetes",
          "nvidia.com/dynamo-discovery-enabled": "true"}
OBJECTS = "dynamoworkermetadatas"
GROUPS = {"pods": "/api/v1", "serviceaccounts": "/api/v1",
          "endpointslices": "/apis/discovery.k8s.io/v1",
          "roles": "/apis/rbac.authorization.k8s.io/v1",
          "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
          OBJECTS: "/apis/nvidia.com/v1alpha1"}
MANIFESTS = ROOT / "deploy/kubernetes"
# An address for documentation: what slices name must not be loopback.
POD_ADDRESS = "192.0.2.1"


def apiserver_program():
    """The program, which is built when it is not there yet."""
    built = subprocess.run([ROOT / "scripts/kube_apiserver.sh"], check=True,
                           capture_output=True, text=True)
    return built.stdout.strip()


class Rejected(Failure):
    """An answer of the API server with a status from 400 on."""

    def __init__(self, status, body):
        super().__init__(f"the API server: HTTP {status}: {body}")
        self.status = status


class KubeServer:
    """etcd, kube-apiserver, and one namespace with the custom resource."""

    def __init__(self, cluster, namespace="dynamo"):
        self.namespace = namespace
        self.program = None
        self._cluster = cluster
        self._directory = pathlib.Path(
            tempfile.mkdtemp(prefix="kube-", dir=cluster.directory))
        self._apiserver = apiserver_program()
        self._etcd = EtcdServer(cluster, name="kube")
        self.port, = free_ports(1)
        self.tokens = {user: secrets.token_hex(16) for user in USERS}
        self._make_keys()
        self._trust = ssl.create_default_context(
            cafile=self._file("ca.crt"))
        self.start()
        self._install()

    @property
    def url(self):
        return loopback(self.port, "https")

    # -- its life -------------------------------------------------------------

    def _file(self, name):
        return self._directory / name

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self._directory, check=True,
                       capture_output=True, timeout=60)

    def _make_keys(self):
        self._file("names").write_text(
            "subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
               "-nodes")
        self._openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=ca",
                      "-keyout", "ca.key", "-out", "ca.crt")
        self._openssl("req", *key, "-subj", "/CN=api", "-keyout", "api.key",
                      "-out", "api.csr")
        self._openssl("x509", "-req", "-days", "2", "-in", "api.csr", "-CA",
                      "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                      "-extfile", "names", "-out", "api.crt")
        self._openssl("genrsa", "-out", "accounts.key", "2048")
        self._openssl("rsa", "-in", "accounts.key", "-pubout", "-out",
                      "accounts.pub")

    def write_tokens(self):
        """What the server knows from its next start on."""
        self._file("tokens.csv").write_text("".join(
            f'{token},{user},{user},"{USERS[user]}"\n'
            for user, token in self.tokens.items()))

    def start(self):
        """Returns when it is ready."""
        self.write_tokens()
        self.program = self._cluster.start_command("kube-apiserver", [
            self._apiserver, f"--etcd-servers={self._etcd.url}",
            f"--secure-port={self.port}", "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--tls-cert-file={self._file('api.crt')}",
            f"--tls-private-key-file={self._file('api.key')}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._file('accounts.pub')}",
            f"--service-account-signing-key-file={self._file('accounts.key')}",
            f"--token-auth-file={self._file('tokens.csv')}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--disable-admission-plugins=ServiceAccount"])
        self.program.serves_others = True
        self.program.end_signal = signal.SIGKILL
        self.program.killed = True
        wait_for(self._is_ready, START_SECONDS,
                 lambda: f"{self.url} to be ready; it says "
                         f"{self.program.stderr()[-800:]}")

    def _is_ready(self):
        if not self.program.running():
            raise Failure(
                f"kube-apiserver ended: {self.program.stderr()[-1500:]}")
        try:
            with self._open("GET", "/readyz", seconds=2) as answer:
                return answer.read() == b"ok"
        except (OSError, Failure):
            return False

    def kill(self):
        self.program.kill()

    def _install(self):
        self.put(f"/api/v1/namespaces/{self.namespace}", {
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": self.namespace}})
        definition, = read_manifest("crd/dynamoworkermetadata.yaml")
        self.put("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
                 + definition["metadata"]["name"], definition)
        wait_for(self._has_resource, CALL_SECONDS, "the custom resource")
        self.grant()

    def _has_resource(self):
        try:
            return self.call("GET", self.path(OBJECTS))
        except Rejected:
            return None

    # -- requests -------------------------------------------------------------

    def _open(self, method, path, body=None, kind="application/json",
              user="admin", seconds=CALL_SECONDS):
        headers = {"Authorization": f"Bearer {self.tokens[user]}",
                   "Content-Type": kind}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data, headers,
                                       method=method)
        try:
            return urllib.request.urlopen(asked, timeout=seconds,
                                          context=self._trust)
        except urllib.error.HTTPError as refused:
            raise Rejected(refused.code, refused.read().decode()) from None

    def call(self, method, path, body=None, **more):
        with self._open(method, path, body, **more) as answer:
            return json.load(answer)

    def text(self, path):
        with self._open("GET", path) as answer:
            return answer.read().decode()

    def path(self, kind, name=""):
        base = f"{GROUPS[kind]}/namespaces/{self.namespace}/{kind}"
        return f"{base}/{name}" if name else base

    def put(self, path, body, **more):
        """Creates it, or changes what this script wrote before."""
        return self.call("PATCH", f"{path}?fieldManager=test&force=true", body,
                         kind="application/apply-patch+yaml", **more)

    def delete(self, path):
        try:
            self.call("DELETE", path + "?gracePeriodSeconds=0")
        except Rejected as refused:
            if refused.status != 404:
                raise

    # -- objects --------------------------------------------------------------

    def pod(self, name, ready=True, containers=("main",), sliced=True):
        """A pod whose containers are ready or not."""
        made = Pod(self, name, containers, sliced)
        made.become(ready)
        return made

    def slice(self, name, members):
        """An EndpointSlice; members: (pod, uid, ready)."""
        self.put(self.path("endpointslices", name), {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": LABELS},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 9090, "protocol": "TCP"}],
            "endpoints": [{
                "addresses": [POD_ADDRESS], "conditions": {"ready": ready},
                "targetRef": {"kind": "Pod", "namespace": self.namespace,
                              "name": pod, "uid": uid}}
                for pod, uid, ready in members]})

    def objects(self):
        """name -> object, of all that processes wrote."""
        found = self.call("GET", self.path(OBJECTS))["items"]
        return {each["metadata"]["name"]: each for each in found}

    def records(self):
        """The keys of all records, as sorted (object, map, key)."""
        return sorted((name, of, key) for name, each in self.objects().items()
                      for of, values in each["spec"]["data"].items()
                      for key in values or {})

    def grant(self, *without):
        """What pods may do, but for the verbs `without`."""
        role, = (each for each in read_manifest("base/rbac.yaml")
                 if each["kind"] == "Role")
        for rule in role["rules"]:
            rule["verbs"] = [verb for verb in rule["verbs"]
                             if verb not in without]
        role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
        self.put(self.path("roles", role["metadata"]["name"]), role)
        self.put(self.path("rolebindings", "test-user"), {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding", "metadata": {"name": "test-user"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
                        "kind": "Role", "name": role["metadata"]["name"]},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io",
                          "kind": "User", "name": "worker"}]})

    def compact(self):
        """etcd forgets: who watches from an older version is told so, after the
        API server was started again."""
        revision = self._etcd.revision()
        self._etcd.call("kv/compaction",
                        {"revision": revision, "physical": True})

    # -- how processes reach it -----------------------------------------------

    def kubeconfig(self, user="worker", **more):
        """The path of a kubeconfig, which is JSON; `more` members of its
        cluster."""
        path = self._file(f"kubeconfig-{secrets.token_hex(4)}")
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": self.url,
                "certificate-authority-data": base64.b64encode(
                    self._file("ca.crt").read_bytes()).decode(), **more}}],
            "contexts": [{"name": "test", "context": {
                "cluster": "test", "user": "test",
                "namespace": self.namespace}}],
            "users": [{"name": "test",
                       "user": {"token": self.tokens[user]}}]}))
        return str(path)

    def service_account(self, user="worker"):
        """A directory as a pod has it, and what tells a process to use it."""
        place = pathlib.Path(tempfile.mkdtemp(prefix="account-",
                                              dir=self._directory))
        (place / "token").write_text(self.tokens[user])
        (place / "namespace").write_text(self.namespace)
        (place / "ca.crt").write_bytes(self._file("ca.crt").read_bytes())
        return place

    def settings(self):
        """Keys of our configuration that choose it."""
        return {"discovery.backend": "kubernetes"}


class Pod:
    """A pod without a kubelet. Its processes are whatever has its name."""

    def __init__(self, server, name, containers, sliced):
        self.server = server
        self.name = name
        self.containers = containers
        self._sliced = sliced
        self._kubeconfig = server.kubeconfig()
        self.uid = server.put(self._path, self._head() | {"spec": {
            "containers": [{"name": container, "image": "none"}
                           for container in containers]}})["metadata"]["uid"]

    @property
    def _path(self):
        return self.server.path("pods", self.name)

    def _head(self):
        return {"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": self.name, "labels": LABELS}}

    def become(self, ready):
        """Whether it is ready; or which containers are, {name: ready}."""
        states = (ready if isinstance(ready, dict)
                  else dict.fromkeys(self.containers, ready))
        whole = all(states.values())
        self.server.put(self._path + "/status", self._head() | {"status": {
            "phase": "Running", "podIP": POD_ADDRESS,
            "podIPs": [{"ip": POD_ADDRESS}],
            "conditions": [{"type": "Ready", "status": str(whole)}],
            "containerStatuses": [
                {"name": name, "ready": state, "started": state,
                 "restartCount": 0, "image": "none", "imageID": ""}
                for name, state in states.items()]}})
        if self._sliced:
            self.server.slice(self.name, [(self.name, self.uid, whole)])

    def delete(self, keep_objects=False):
        """It goes, with its slice and with the objects that it owns, which a
        controller would remove."""
        self.server.delete(self.server.path("endpointslices", self.name))
        self.server.delete(self._path)
        if keep_objects:
            return
        for name, each in self.server.objects().items():
            owners = each["metadata"].get("ownerReferences", [])
            if any(owner["uid"] == self.uid for owner in owners):
                self.server.delete(self.server.path(OBJECTS, name))

    def environment(self, container=None):
        """What the downward API would tell a process of it."""
        told = {"KUBECONFIG": self._kubeconfig, "POD_NAME": self.name,
                "POD_UID": self.uid, "POD_NAMESPACE": self.server.namespace}
        if container:
            told |= {"CONTAINER_NAME": container,
                     "DYN_KUBE_DISCOVERY_MODE": "container"}
        return told


class Pods:
    """Gives each program of a cluster a pod of its own: for clusters that were
    not made with Kubernetes in mind."""

    def __init__(self, server):
        self.server = server
        self._numbers = itertools.count()

    def new(self, name):
        return self.server.pod(f"{name}-{next(self._numbers)}")


def read_manifest(name):
    """The objects of a file below deploy/kubernetes."""
    text = (MANIFESTS / name).read_text(encoding="utf-8")
    return [each for each in yaml.safe_load_all(text) if each]
