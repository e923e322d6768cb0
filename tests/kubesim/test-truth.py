#!/usr/bin/python3
"""kubesim --version 1.20.2 and a real kube-apiserver 1.20.2 give the same answers to the same requests.

Compared are code, reason, causes' fields and whole objects, after names that both make up (UIDs, times, addresses, ports, versions) are
put aside; of errors' messages only that there is one. KUBE_APISERVER names the binary; etcd comes from Debian. Skipped without them.
"""
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from simlib import DEADLINE, JSON_PATCH, MERGE, STRATEGIC, Sim, skip_all

APISERVER = os.environ.get('KUBE_APISERVER', '/var/cache/metallb-tests/k8s-1.20.2/kube-apiserver')
NS = 'truth'
S = f'/api/v1/namespaces/{NS}/services'
L = f'/apis/coordination.k8s.io/v1/namespaces/{NS}/leases'
E = f'/api/v1/namespaces/{NS}/events'


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Real:
    """etcd and kube-apiserver on loopback."""

    def __init__(self):
        self.tmp = tempfile.TemporaryDirectory(prefix='kubesim-truth-')
        self.dir, self.processes = self.tmp.name, []
        try:
            self.certificates()
            self.start()
        except Exception:
            self.stop()
            raise

    def file(self, name):
        return os.path.join(self.dir, name)

    def openssl(self, *args):
        subprocess.run(['openssl', *args], check=True, cwd=self.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def certificates(self):
        self.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
                     '/CN=api', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', 'api.key', '-out', 'api.crt')
        self.openssl('genrsa', '-out', 'sa.key', '2048')
        with open(self.file('tokens.csv'), 'w', encoding='ascii') as f:
            f.write('admin-token,admin,1,system:masters\n')

    def spawn(self, *args):
        log = open(self.file(os.path.basename(args[0]) + '.log'), 'wb')
        self.processes.append(subprocess.Popen(args, cwd=self.dir, stdout=log, stderr=log, stdin=subprocess.DEVNULL))
        log.close()

    def start(self):
        client, peer, self.port = free_port(), free_port(), free_port()
        etcd, other = f'http://127.0.0.1:{client}', f'http://127.0.0.1:{peer}'
        self.spawn(shutil.which('etcd'), '--name', 'x', '--data-dir', self.file('etcd'), '--listen-client-urls', etcd,
                   '--advertise-client-urls', etcd, '--listen-peer-urls', other, '--initial-advertise-peer-urls', other,
                   '--initial-cluster', 'x=' + other)
        self.spawn(APISERVER, '--etcd-servers=' + etcd, '--bind-address=127.0.0.1', f'--secure-port={self.port}',
                   '--advertise-address=192.0.2.1', '--tls-cert-file=api.crt', '--tls-private-key-file=api.key',
                   '--token-auth-file=tokens.csv', '--service-account-issuer=https://kubernetes.default.svc',
                   '--service-account-key-file=sa.key', '--service-account-signing-key-file=sa.key',
                   '--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112', '--authorization-mode=RBAC', '--cert-dir=' + self.dir,
                   '--feature-gates=IPv6DualStack=true,ServiceLBNodePortControl=true')
        end = time.monotonic() + 60
        while True:
            try:
                if self.call('GET', '/readyz')[0] == 200 and self.call('GET', '/api/v1/namespaces/default')[0] == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > end or any(p.poll() is not None for p in self.processes):
                raise RuntimeError('the real server did not start')
            time.sleep(0.1)

    def call(self, method, path, body=None, ctype='application/json'):
        c = http.client.HTTPSConnection('127.0.0.1', self.port, timeout=DEADLINE, context=ssl._create_unverified_context())
        h = {'Authorization': 'Bearer admin-token', 'Accept': 'application/json'}
        if body is not None:
            h['Content-Type'] = ctype
        c.request(method, path, body, h)
        r = c.getresponse()
        answer = r.status, r.read()
        c.close()
        return answer

    def stop(self):
        for p in reversed(self.processes):
            p.terminate()
        for p in self.processes:
            p.wait()
        self.tmp.cleanup()


UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
TIME = re.compile(r'^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
MADE_UP = {'resourceVersion': 'RV', 'nodePort': 'PORT', 'healthCheckNodePort': 'PORT', 'uid': 'UID', 'creationTimestamp': 'TIME',
           'deletionTimestamp': 'TIME'}


def neutral(value, key=''):
    """value without what each server makes up for itself; a Status without its wording."""
    if isinstance(value, list):
        return [neutral(v, key) for v in value]
    if isinstance(value, dict):
        out = {k: neutral(v, k) for k, v in value.items() if k != 'managedFields'}
        if value.get('kind') == 'Status' and value.get('status') == 'Failure':
            out['message'] = 'MESSAGE'
            for cause in out.get('details', {}).get('causes', []):
                cause.pop('message')
        if 'generateName' in value:
            out['name'] = 'NAME'
        return out
    if key in MADE_UP and value is not None:
        return MADE_UP[key]
    if key in ('clusterIP', 'clusterIPs') and isinstance(value, str):
        return re.sub(r'^10\.96\..*|^fd00:96::.*', lambda m: 'V6' if ':' in m.group() else 'V4', value)
    if isinstance(value, str):
        return UUID.sub('UUID', value)
    return value


def condition(kind, status='True'):
    return {'type': kind, 'status': status, 'reason': 'R', 'message': 'm', 'lastTransitionTime': '2026-01-01T00:00:00Z'}


def service(name, labels=None, **spec):
    meta = {'name': name}
    if labels:
        meta['labels'] = labels
    return {'metadata': meta, 'spec': {'ports': [{'port': 80}], **spec}}


def lb(name, **spec):
    return service(name, type='LoadBalancer', **spec)


def ingress(ip):
    return {'status': {'loadBalancer': {'ingress': [{'ip': ip}]}}}


TWO = [{'name': 'p', 'port': 80, 'targetPort': 'http'}, {'name': 'q', 'port': 53}]
B = S + '/b'
# (method, path, body, content type)
STEPS = [
    ('POST', '/api/v1/namespaces', {'metadata': {'name': NS}}),
    ('GET', f'/api/v1/namespaces/{NS}'),
    # services: defaults
    ('POST', S, lb('a')), ('POST', S, lb('a')), ('GET', S + '/a'), ('GET', S + '/nope'),
    ('POST', S, service('b', {'x': 'y'}, type='LoadBalancer', externalTrafficPolicy='Local', ipFamilyPolicy='PreferDualStack',
                        selector={'app': 'x'}, ports=TWO)),
    ('POST', S, service('c')), ('POST', S, {'metadata': {'name': 'h'}, 'spec': {'clusterIP': 'None'}}),
    ('POST', S, {'metadata': {'name': 'h2'}, 'spec': {'clusterIP': 'None', 'selector': {'a': 'b'}}}),
    ('POST', S, service('np', type='NodePort')), ('POST', S, {'metadata': {'name': 'e'}, 'spec': {'type': 'ExternalName', 'externalName': 'x.y'}}),
    ('POST', S, service('aff', sessionAffinity='ClientIP')), ('POST', S, lb('noports', allocateLoadBalancerNodePorts=False)),
    ('POST', S, service('six', ipFamilies=['IPv6'])),
    ('POST', S, {**service('d', ipFamilyPolicy='RequireDualStack', ipFamilies=['IPv6', 'IPv4']), **ingress('192.0.2.1')}),
    ('POST', S, {'metadata': {'generateName': 'gen-'}, 'spec': {'ports': [{'port': 80}]}}),
    # services: refusals
    ('POST', S, {'metadata': {'name': 'Bad'}, 'spec': {'type': 'Foo', 'ports': [{'port': 0}, {'port': 70000, 'protocol': 'X'}]}}),
    ('POST', S, {'metadata': {'name': 'x'}}), ('POST', S, {'metadata': {'name': 'x'}, 'spec': {'type': 'ExternalName'}}),
    ('POST', S, service('x', sessionAffinity='x')), ('POST', S, lb('x', externalTrafficPolicy='X', externalIPs=['z'])),
    ('POST', S, service('x', externalTrafficPolicy='Local')), ('POST', S, service('x', externalTrafficPolicy='Cluster')),
    ('POST', S, service('x', healthCheckNodePort=31000)), ('POST', S, service('x', ports=[{'port': 80, 'nodePort': 31000}])),
    ('POST', S, service('x', allocateLoadBalancerNodePorts=True)), ('POST', S, service('x', ports='x')),
    ('POST', S, service('x', type='NodePort', ports=[{'port': 80, 'nodePort': 80}])), ('POST', S, service('x', clusterIP='192.0.2.1')),
    ('POST', S, service('x', {'bad key': 'v'})), ('POST', S, service('x', {'k': 'bad value'})),
    ('POST', S, service('x', ipFamilyPolicy='SingleStack', ipFamilies=['IPv6', 'IPv4'])), ('POST', S, service('x', ipFamilyPolicy='Foo')),
    ('POST', S, lb('x', ports=[{'name': 'a', 'port': 80}, {'name': 'b', 'port': 80, 'protocol': 'UDP'}])),
    ('POST', S, service('x', ports=[{'port': 80}, {'port': 80}])),
    ('POST', S, '{"metadata":'), ('POST', S, '[]'), ('POST', S, '"x"'), ('POST', S, ''),
    ('POST', S, {'metadata': {}, 'spec': {'ports': [{'port': 80}]}}), ('POST', S, {**service('x'), 'kind': 'Pod', 'apiVersion': 'v1'}),
    ('POST', S, {'metadata': {'name': 'x', 'namespace': 'other'}, 'spec': {'ports': [{'port': 80}]}}),
    ('POST', '/api/v1/namespaces/nope/services', service('x')),
    ('POST', S, {'metadata': {'name': 'x', 'resourceVersion': '5'}, 'spec': {'ports': [{'port': 80}]}}),
    # status
    ('PATCH', B + '/status', {'metadata': {'annotations': {'a': 'b'}, 'labels': {'l': 'm'}}, 'spec': {'type': 'ClusterIP'},
                              **ingress('192.0.2.1')}, MERGE),
    ('PATCH', B + '/status', ingress('192.0.2.300'), MERGE),
    ('PATCH', B + '/status', {'status': {'loadBalancer': {'ingress': [{'hostname': '192.0.2.1'}]}}}, MERGE),
    ('PATCH', B + '/status', {'status': {'loadBalancer': {'ingress': [{'ip': '::1', 'hostname': 'Bad_'}]}}}, STRATEGIC),
    ('PATCH', B + '/status', {'status': {'conditions': [condition('x.io/A')]}}, STRATEGIC),
    ('PATCH', B + '/status', {'status': {'conditions': [condition('z', 'Tr')]}}, STRATEGIC),
    ('PATCH', B + '/status', {'status': {'conditions': [condition('x.io/A', 'False')]}}, STRATEGIC),
    ('PATCH', B + '/status', {'status': {'conditions': [{'type': 'z', '$patch': 'delete'}]}}, STRATEGIC),
    ('PATCH', B + '/status', {'status': {'conditions': [{'status': 'x'}]}}, STRATEGIC),
    ('PATCH', B + '/status', ingress('192.0.2.2'), STRATEGIC),
    ('PATCH', B + '/status', {'metadata': {'resourceVersion': '3'}, **ingress('192.0.2.3')}, MERGE),
    ('PATCH', B + '/status', {'metadata': {'resourceVersion': '3'}, **ingress('192.0.2.3')}, STRATEGIC),
    ('PATCH', S + '/a/status', {'spec': {'type': 'Foo', 'ports': [{'port': 99999}]}}, MERGE),
    ('PUT', S + '/a/status', {'metadata': {'name': 'a'}, **ingress('192.0.2.9')}), ('PUT', S + '/a/status', {**lb('a'), 'status': {}}),
    # patches
    ('PATCH', B, {**ingress('192.0.2.4'), 'spec': {'ports': [{'port': 81, 'name': 'z'}]}}, STRATEGIC),
    ('PATCH', B, {'spec': {'$setElementOrder/ports': [{'port': 53}, {'port': 81}, {'port': 80}], 'ports': [{'port': 53, 'name': 'dns'}]}}, STRATEGIC),
    ('PATCH', B, {'spec': {'ports': [{'port': 81, '$patch': 'delete'}]}}, STRATEGIC),
    ('PATCH', B, {'spec': {'ports': [{'$patch': 'replace'}, {'port': 90}]}}, STRATEGIC),
    ('PATCH', B, {'metadata': {'finalizers': ['x.io/a', 'x.io/b']}}, STRATEGIC), ('PATCH', B, {'metadata': {'finalizers': ['x.io/c']}}, STRATEGIC),
    ('PATCH', B, {'metadata': {'$deleteFromPrimitiveList/finalizers': ['x.io/a', 'x.io/b', 'x.io/c']}}, STRATEGIC),
    ('PATCH', B, {'spec': {'ports': [{'port': 82, 'name': 'z'}]}}, MERGE),
    ('PATCH', B, [{'op': 'test', 'path': '/spec/type', 'value': 'X'}], JSON_PATCH),
    ('PATCH', B, [{'op': 'replace', 'path': '/spec/nope/x', 'value': 'X'}], JSON_PATCH),
    ('PATCH', B, [{'op': 'add', 'path': '/metadata/labels/k~1x', 'value': 'X'}], JSON_PATCH),
    ('PATCH', B, [{'op': 'test', 'path': '/metadata/labels/k~1x', 'value': 'X'}, {'op': 'remove', 'path': '/metadata/labels/k~1x'}], JSON_PATCH),
    ('PATCH', B, [{'op': 'zz', 'path': '/metadata/labels/k', 'value': 'X'}], JSON_PATCH),
    ('PATCH', B, [{'op': 'remove', 'path': '/metadata/labels/nope'}], JSON_PATCH), ('PATCH', B, {'op': 'zz'}, JSON_PATCH),
    ('PATCH', B, '{"a":', MERGE), ('PATCH', B, '{"a":', STRATEGIC), ('PATCH', B, '{}', 'text/plain'), ('PATCH', S + '/nope', {}, MERGE),
    ('PATCH', B, {'metadata': {'name': 'c'}}, MERGE), ('PATCH', B, {'metadata': {'namespace': 'c'}}, MERGE), ('PATCH', B, {}, MERGE),
    # updates that depend on the type
    ('PATCH', B, {'spec': {'healthCheckNodePort': 31111}}, MERGE), ('PATCH', B, {'spec': {'type': 'ClusterIP'}}, MERGE),
    ('PATCH', B, {'spec': {'type': 'LoadBalancer'}}, MERGE), ('PATCH', B, {'spec': {'ipFamilyPolicy': 'SingleStack'}}, MERGE),
    ('PATCH', B, {'spec': {'ipFamilyPolicy': 'SingleStack', 'ipFamilies': ['IPv4'], 'clusterIPs': None}}, MERGE),
    ('PATCH', S + '/c', {'spec': {'ipFamilyPolicy': 'PreferDualStack'}}, MERGE), ('PATCH', S + '/c', {'spec': {'ipFamilyPolicy': 'RequireDualStack'}}, MERGE),
    ('PATCH', S + '/c', {'spec': {'clusterIP': '10.96.9.9', 'clusterIPs': ['10.96.9.9', 'fd00:96::77']}}, MERGE),
    ('PATCH', S + '/a', {'spec': {'type': 'Foo', 'ports': [{'port': 99999}]}}, MERGE),
    ('PATCH', S + '/a', {'spec': {'allocateLoadBalancerNodePorts': False}}, MERGE), ('PATCH', S + '/a', {'spec': {'externalTrafficPolicy': 'Local'}}, MERGE),
    ('PATCH', S + '/a', {'spec': {'externalTrafficPolicy': 'Cluster'}}, MERGE), ('PATCH', S + '/a', {'spec': {'clusterIPs': None}}, MERGE),
    ('PATCH', S + '/a', {'spec': {'type': 'ExternalName', 'externalName': 'x.y', 'clusterIPs': None, 'clusterIP': None, 'ipFamilies': None,
                                  'ipFamilyPolicy': None}}, MERGE),
    ('PATCH', S + '/a', {'spec': {'type': 'ClusterIP', 'externalTrafficPolicy': None, 'allocateLoadBalancerNodePorts': None}}, MERGE),
    ('PUT', S + '/a', {**lb('zz')}), ('PUT', S + '/zz', service('zz')), ('PUT', S + '/a', {'spec': {'ports': [{'port': 80}]}}),
    # leases
    ('POST', L, {'metadata': {'name': 'l'}, 'spec': {'holderIdentity': 'x', 'leaseTransitions': 1}}), ('POST', L, {'metadata': {'name': 'l0'}, 'spec': {}}),
    ('POST', L, {'metadata': {'name': 'l1'}}),
    ('POST', L, {'metadata': {'name': 'l2'}, 'spec': {'holderIdentity': 'x', 'leaseDurationSeconds': 15, 'renewTime': '2026-01-01T00:00:00.123456Z',
                                                      'acquireTime': '2026-01-01T01:00:00.123456+01:00'}}),
    ('POST', L, {'metadata': {'name': 'x'}, 'spec': {'renewTime': 'foo'}}), ('POST', L, {'metadata': {'name': 'x'}, 'spec': {'renewTime': '2026-01-01T00:00:00Z'}}),
    ('POST', L, {'metadata': {'name': 'x'}, 'spec': {'leaseDurationSeconds': 0, 'leaseTransitions': -1}}), ('POST', L, {'metadata': {'name': 'L5'}}),
    ('POST', L, {'metadata': {'name': 'l4', 'bogus': 1}, 'spec': {'zork': 'x'}, 'foo': 1}), ('POST', L, {'metadata': {'name': 'l6'}, 'spec': {'holderIdentity': ''}}),
    ('POST', L, {'metadata': {'name': 'x'}, 'spec': {'holderIdentity': 7}}), ('POST', L, {'metadata': {'name': 'ip-2001-0db8-0000-0000-0000-0000-0000-0001'}}),
    ('PUT', L + '/n', {'metadata': {'name': 'n'}, 'spec': {'holderIdentity': 'z'}}),
    ('PUT', L + '/n2', {'metadata': {'name': 'n2', 'resourceVersion': '7'}, 'spec': {'holderIdentity': 'z'}}),
    ('PUT', L + '/n3', {'metadata': {'name': 'n3', 'resourceVersion': '7', 'uid': 'abc'}, 'spec': {'holderIdentity': 'z'}}),
    ('PUT', L + '/l', {'metadata': {'name': 'l', 'uid': 'abc', 'resourceVersion': '7'}}), ('PUT', L + '/l', {'metadata': {'name': 'l'}}),
    ('PUT', L + '/l', {'metadata': {'name': 'l', 'resourceVersion': '7'}}), ('PATCH', L + '/l', {'spec': {'holderIdentity': 'p'}}, MERGE),
    ('PATCH', L + '/l', {'spec': {'holderIdentity': None}}, STRATEGIC), ('PATCH', L + '/l', {'metadata': {'annotations': {'b': 'c', 'a': 'b'}}}, STRATEGIC),
    ('DELETE', L + '/l', {'preconditions': {'resourceVersion': '7'}}), ('DELETE', L + '/l', {'preconditions': {'uid': 'abc'}}), ('DELETE', L + '/l', '{'),
    ('DELETE', L + '/l', {'kind': 'DeleteOptions', 'apiVersion': 'v1', 'propagationPolicy': 'Background'}), ('DELETE', L + '/l'), ('DELETE', L), ('GET', L),
    ('POST', L, {'metadata': {'name': 'fin', 'finalizers': ['x.io/a']}}), ('DELETE', L + '/fin'), ('PATCH', L + '/fin', {'metadata': {'finalizers': None}}, MERGE),
    ('GET', L + '/fin'),
    # finalizers and deletion of services
    ('POST', S, {'metadata': {'name': 'f', 'finalizers': ['x.io/a']}, 'spec': {'ports': [{'port': 80}]}}), ('DELETE', S + '/f'),
    ('PATCH', S + '/f/status', {'metadata': {'finalizers': None}}, MERGE), ('GET', S + '/f'), ('DELETE', S + '/e'), ('DELETE', S),
    ('DELETE', '/api/v1/services'), ('POST', '/api/v1/services', service('x')), ('PUT', '/api/v1/services', service('x')), ('PATCH', S, {}, MERGE),
    # lists
    ('GET', S + '?fieldSelector=metadata.name=a'), ('GET', S + '?fieldSelector=foo'), ('GET', S + '?fieldSelector=spec.type=LoadBalancer'),
    ('GET', S + '?labelSelector=x%20in%20(y,z)'), ('GET', S + '?labelSelector=x%20in%20(y,z'), ('GET', S + '?labelSelector=,'), ('GET', S + '?labelSelector=x!=y,!app'),
    ('GET', S + '?resourceVersion=abc'), ('GET', S + '?resourceVersionMatch=Exact'), ('GET', S + '?resourceVersion=0&resourceVersionMatch=Exact'),
    ('GET', S + '?resourceVersion=1&resourceVersionMatch=Foo'), ('GET', S + '?limit=x'), ('GET', S + '?continue=rubbish'), ('GET', S + '?watch=1&resourceVersion=x'),
    ('GET', S + '?watch=1&timeoutSeconds=1&fieldSelector=spec.type=LoadBalancer'), ('GET', '/api/v1/namespaces/nope/services'), ('GET', S + '?resourceVersion=99999999'),
    # events
    ('POST', E, {'metadata': {'name': 'e1'}, 'involvedObject': {'kind': 'Service', 'name': 'a', 'namespace': NS, 'uid': '5'}, 'reason': 'R', 'message': 'M',
                 'type': 'Normal', 'count': 1, 'firstTimestamp': '2026-01-23T00:23:00Z', 'lastTimestamp': '2026-01-23T00:23:00Z',
                 'source': {'component': 'metallbd', 'host': 'n'}}),
    ('POST', E, {'metadata': {'name': 'e2'}, 'involvedObject': {'kind': 'Service', 'name': 'a', 'namespace': 'other'}}),
    ('POST', E, {'metadata': {'name': 'e3'}, 'involvedObject': {'kind': 'Node', 'name': 'a'}}),
    ('POST', E, {'metadata': {'generateName': 'e5.'}, 'involvedObject': {'kind': 'Service', 'name': 'a', 'namespace': NS}, 'type': 'Normal', 'reason': 'foo',
                 'eventTime': '2026-01-23T00:23:00.000000Z', 'reportingComponent': 'x', 'reportingInstance': 'y', 'action': 'z'}),
    ('PATCH', E + '/e1', {'count': 2, 'lastTimestamp': '2026-01-23T00:24:00Z'}, MERGE), ('PATCH', E + '/e1', {'count': 3}, STRATEGIC),
    ('GET', E + '?fieldSelector=involvedObject.name=a,involvedObject.kind=Service,type!=Warning'), ('GET', E + '?fieldSelector=foo=bar'), ('GET', E + '/nope'),
    # the rest
    ('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {'spec': {'resourceAttributes': {'verb': 'get', 'resource': 'services'}}}),
    ('GET', '/apis/coordination.k8s.io/v1/nope'), ('GET', '/api/v2'), ('GET', '/api/v1/namespaces/nope'), ('GET', f'/api/v1/namespaces/{NS}/servicesx'),
    ('GET', '/healthz'), ('GET', '/readyz'), ('GET', '/livez'),
]


def answer(code, body):
    try:
        value = neutral(json.loads(body))
    except ValueError:
        value = body.decode(errors='replace')
    return code, json.dumps(value)


def main():
    if not os.access(APISERVER, os.X_OK):
        skip_all(f'no kube-apiserver at {APISERVER} (KUBE_APISERVER)')
    if shutil.which('etcd') is None or shutil.which('openssl') is None:
        skip_all('needs etcd (Debian: etcd-server) and openssl')
    print(f'1..{len(STEPS)}', flush=True)
    failed = 0
    real, sim = Real(), Sim('--version', '1.20.2')
    try:
        for n, step in enumerate(STEPS, 1):
            method, path, body, ctype = (*step, None, None)[:4] if len(step) < 4 else step
            ctype = ctype or 'application/json'
            if body is not None and not isinstance(body, str):
                body = json.dumps(body)
            wanted = answer(*real.call(method, path, body, ctype))
            a = sim.call(method, path, body, ctype)
            got = answer(a.code, a.body)
            if got != wanted:
                failed += 1
                print(f'# {method} {path} {body}\n# real {wanted}\n# sim  {got}')
            print(f'{"ok" if got == wanted else "not ok"} {n} - {method} {path.replace("#", "%23")} {wanted[0]}', flush=True)
    finally:
        real.stop()
        if sim.stop() != 0:
            print('# kubesim did not end cleanly')
            failed += 1
    sys.exit(1 if failed else 0)


main()
