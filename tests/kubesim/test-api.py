#!/usr/bin/python3
"""kubesim answers lists, watches and patches as kube-apiserver does."""
import concurrent.futures
import time
import urllib.parse

from simlib import (JSON_PATCH, LEASES, MERGE, SERVICES, STRATEGIC, Sim, Watch, brief, equal, raw_request, run, wait_until)

LB = urllib.parse.quote('spec.type=LoadBalancer')


def version(obj):
    return obj['metadata']['resourceVersion']


def test_create_defaults(sim):
    """a Service gets cluster IPs, node ports and a health check port"""
    s = sim.service('a', externalTrafficPolicy='Local', ipFamilyPolicy='PreferDualStack')
    spec = s['spec']
    equal(spec['ipFamilies'], ['IPv4', 'IPv6'])
    assert spec['clusterIPs'][0].startswith('10.96.') and spec['clusterIPs'][1].startswith('fd00:96::'), spec
    assert 30000 <= spec['ports'][0]['nodePort'] <= 32767 and spec['healthCheckNodePort'] > 0, spec
    assert spec['ports'][0]['nodePort'] != spec['healthCheckNodePort']
    equal(spec['ports'][0]['targetPort'], 80)
    equal(s['status'], {'loadBalancer': {}})
    equal('nodePort' in sim.service('b', allocateLoadBalancerNodePorts=False)['spec']['ports'][0], False)


def test_released(sim):
    """what a deleted or changed Service held can be had again"""
    port = sim.service('a')['spec']['ports'][0]['nodePort']
    same = {'ports': [{'port': 80, 'nodePort': port}]}
    body = {'metadata': {'name': 'b'}, 'spec': {'type': 'NodePort', **same}}
    equal(sim.call('POST', SERVICES, body).code, 422)
    sim.ok('PATCH', SERVICES + '/a', {'spec': {'type': 'ClusterIP'}}, MERGE)
    equal(sim.ok('POST', SERVICES, body)['spec']['ports'][0]['nodePort'], port)
    ip = sim.ok('GET', SERVICES + '/a')['spec']['clusterIP']
    sim.ok('DELETE', SERVICES + '/a')
    equal(sim.service('c', clusterIP=ip)['spec']['clusterIP'], ip)


def test_refused_takes_nothing(sim):
    """a refused Service takes no port from another one"""
    port = sim.service('a')['spec']['ports'][0]['nodePort']
    free = 30000 if port != 30000 else 30001
    ports = [{'name': 'x', 'port': 1, 'nodePort': free}, {'name': 'y', 'port': 2, 'nodePort': port}]
    equal(sim.call('POST', SERVICES, {'metadata': {'name': 'b'}, 'spec': {'type': 'NodePort', 'ports': ports}}).code, 422)
    one = {'metadata': {'name': 'c'}, 'spec': {'type': 'NodePort', 'ports': [{'port': 1, 'nodePort': port}]}}
    equal(sim.call('POST', SERVICES, one).code, 422, 'the port of the other Service')
    one['spec']['ports'][0]['nodePort'] = free
    equal(sim.call('POST', SERVICES, one).code, 201, 'the port that the refused one asked for')


def test_invalid(sim):
    """what is wrong with a Service comes as causes of a 422"""
    a = sim.call('POST', SERVICES, {'metadata': {'name': 'Bad'}, 'spec': {'type': 'Foo', 'ports': [{'port': 0}]}})
    equal(a.code, 422)
    equal([c['field'] for c in a.json['details']['causes']],
          ['metadata.name', 'spec.ports[0].port', 'spec.ports[0].targetPort', 'spec.type'])
    equal(a.json['reason'], 'Invalid')
    sim.service('a', loadBalancerClass='x.io/y')
    a = sim.call('PATCH', SERVICES + '/a', {'spec': {'loadBalancerClass': 'x.io/z'}}, MERGE)
    equal((a.code, a.json['details']['causes'][0]['field']), (422, 'spec.loadBalancerClass'))


def test_conflict(sim):
    """409 for a stale resourceVersion, for a second create and for a wrong precondition"""
    lease = sim.ok('POST', LEASES, {'metadata': {'name': 'l'}, 'spec': {'holderIdentity': 'a'}})
    equal(sim.call('POST', LEASES, {'metadata': {'name': 'l'}}).json['reason'], 'AlreadyExists')
    lease['spec']['holderIdentity'] = 'b'
    new = sim.ok('PUT', LEASES + '/l', lease)
    assert int(version(new)) > int(version(lease))
    a = sim.call('PUT', LEASES + '/l', lease)
    equal((a.code, a.json['reason']), (409, 'Conflict'))
    a = sim.call('DELETE', LEASES + '/l', {'preconditions': {'resourceVersion': version(lease)}})
    equal((a.code, a.json['reason']), (409, 'Conflict'))
    sim.ok('DELETE', LEASES + '/l', {'preconditions': {'resourceVersion': version(new), 'uid': new['metadata']['uid']}})
    equal(sim.call('GET', LEASES + '/l').code, 404)
    equal(sim.call('PUT', LEASES + '/l', new).code, 409, 'a PUT with the UID of a deleted object')
    del new['metadata']['uid']
    equal(sim.call('PUT', LEASES + '/l', new).code, 201, 'a PUT of a missing Lease makes it')


def test_no_change(sim):
    """an update that changes nothing makes no event"""
    s = sim.service('a')
    equal(version(sim.ok('PATCH', SERVICES + '/a', {}, MERGE)), version(s))
    equal(version(sim.ok('PATCH', SERVICES + '/a', {'spec': {'type': 'LoadBalancer'}}, MERGE)), version(s))


def test_status(sim):
    """a write to /status changes status and metadata, a write beside it everything else"""
    s = sim.service('a')
    patch = {'metadata': {'annotations': {'x': 'y'}}, 'spec': {'type': 'ClusterIP'},
             'status': {'loadBalancer': {'ingress': [{'ip': '192.0.2.1'}]}}}
    t = sim.ok('PATCH', SERVICES + '/a/status', patch, MERGE)
    equal(t['spec'], s['spec'])
    equal(t['metadata']['annotations'], {'x': 'y'})
    equal(t['status']['loadBalancer']['ingress'], [{'ip': '192.0.2.1', 'ipMode': 'VIP'}])
    t = sim.ok('PATCH', SERVICES + '/a', {'status': {'loadBalancer': None}, 'metadata': {'labels': {'l': 'm'}}}, MERGE)
    equal(len(t['status']['loadBalancer']['ingress']), 1)
    t = sim.ok('PATCH', SERVICES + '/a', {'spec': {'type': 'ClusterIP'}}, MERGE)
    equal(t['status'], {'loadBalancer': {}}, 'the type has left LoadBalancer')
    a = sim.call('PATCH', SERVICES + '/a/status', {'status': {'loadBalancer': {'ingress': [{'ip': '192.0.2.300'}]}}}, MERGE)
    equal(a.code, 422)


def test_patch_kinds(sim):
    """a merge patch replaces lists, a strategic one merges them by key, a JSON patch works by path"""
    sim.service('a', ports=[{'name': 'x', 'port': 1}, {'name': 'y', 'port': 2}])
    cond = {'type': 'x.io/A', 'status': 'True', 'reason': 'R', 'message': '', 'lastTransitionTime': '2026-01-01T00:00:00Z'}
    ports = [p['name'] for p in sim.ok('PATCH', SERVICES + '/a', {'spec': {'ports': [{'name': 'Y2'.lower(), 'port': 2}]}},
                                       STRATEGIC)['spec']['ports']]
    equal(ports, ['x', 'y2'])
    ports = sim.ok('PATCH', SERVICES + '/a', {'spec': {'ports': [{'name': 'z', 'port': 3}]}}, MERGE)['spec']['ports']
    equal([p['port'] for p in ports], [3])
    for kind in 'A', 'B':
        t = sim.ok('PATCH', SERVICES + '/a/status', {'status': {'conditions': [{**cond, 'type': 'x.io/' + kind}]}}, STRATEGIC)
    equal(sorted(c['type'] for c in t['status']['conditions']), ['x.io/A', 'x.io/B'])
    for ip in '192.0.2.1', '192.0.2.2':
        t = sim.ok('PATCH', SERVICES + '/a/status', {'status': {'loadBalancer': {'ingress': [{'ip': ip}]}}}, STRATEGIC)
    equal([i['ip'] for i in t['status']['loadBalancer']['ingress']], ['192.0.2.2'], 'ingress is atomic')
    t = sim.ok('PATCH', SERVICES + '/a', [{'op': 'test', 'path': '/spec/ports/0/port', 'value': 3},
                                          {'op': 'add', 'path': '/metadata/labels', 'value': {'a/b': 'c'}},
                                          {'op': 'replace', 'path': '/metadata/labels/a~1b', 'value': 'd'}], JSON_PATCH)
    equal(t['metadata']['labels'], {'a/b': 'd'})
    equal(sim.call('PATCH', SERVICES + '/a', [{'op': 'test', 'path': '/spec/type', 'value': 'X'}], JSON_PATCH).code, 422)
    equal(sim.call('PATCH', SERVICES + '/a', '{}', 'application/apply-patch+yaml').code, 415)
    a = sim.call('PATCH', SERVICES + '/a', {'metadata': {'resourceVersion': '1'}, 'spec': {'ports': [{'port': 9}]}}, MERGE)
    equal(a.code, 409)


def test_pages(sim):
    """limit and continue show one consistent state, until it is forgotten"""
    names = [f's{i:02}' for i in range(10)]
    for n in names:
        sim.service(n)
    got, token, versions = [], '', set()
    while True:
        page = sim.ok('GET', SERVICES + '?limit=4' + (f'&continue={token}' if token else ''))
        got += [i['metadata']['name'] for i in page['items']]
        versions.add(version(page))
        token = page['metadata'].get('continue')
        if not token:
            break
        equal(page['metadata']['remainingItemCount'], 10 - len(got))
        # neither of these may be seen by the pages that follow
        sim.service('a' + str(len(got)))
        if len(got) == 4:
            sim.ok('DELETE', SERVICES + '/s07')
    equal(got, names)
    equal(len(versions), 1)
    page = sim.ok('GET', SERVICES + '?limit=4')
    sim.service('zz')
    sim.ok('POST', '/sim/compact')
    a = sim.call('GET', SERVICES + '?limit=4&continue=' + page['metadata']['continue'])
    equal((a.code, a.json['reason']), (410, 'Expired'))
    rest = sim.ok('GET', SERVICES + '?continue=' + a.json['metadata']['continue'])
    equal(rest['items'][-1]['metadata']['name'], 'zz', 'the inconsistent remainder')
    equal(sim.call('GET', SERVICES + '?continue=rubbish').code, 400)


def test_list_versions(sim):
    """resourceVersion of lists: exact, too old, from the future"""
    old = version(sim.service('a'))
    sim.service('b')
    equal(len(sim.ok('GET', f'{SERVICES}?resourceVersion={old}&resourceVersionMatch=Exact')['items']), 1)
    equal(len(sim.ok('GET', f'{SERVICES}?resourceVersion={old}')['items']), 2, 'at least as new')
    equal(len(sim.ok('GET', f'{SERVICES}?resourceVersion=0')['items']), 2)
    sim.ok('POST', '/sim/compact')
    a = sim.call('GET', f'{SERVICES}?resourceVersion={old}&resourceVersionMatch=Exact')
    equal((a.code, a.json['reason']), (410, 'Expired'))
    a = sim.call('GET', f'{SERVICES}?resourceVersion=99999')
    equal((a.code, a.json['reason'], a.json['details']['retryAfterSeconds'], a.headers['Retry-After']), (504, 'Timeout', 1, '1'))


def test_selectors(sim):
    """label and field selectors of lists"""
    for n, labels in ('a', {'x': '1'}), ('b', {'x': '2'}), ('c', {}):
        sim.ok('POST', SERVICES, {'metadata': {'name': n, 'labels': labels},
                                  'spec': {'type': 'LoadBalancer' if n == 'a' else 'ClusterIP', 'ports': [{'port': 80}]}})

    def names(query):
        q = urllib.parse.urlencode(query)
        return ''.join(i['metadata']['name'] for i in sim.ok('GET', f'{SERVICES}?{q}')['items'])

    for selector, wanted in (('x', 'ab'), ('!x', 'c'), ('x=1', 'a'), ('x!=1', 'bc'), ('x in (1, 2)', 'ab'),
                             ('x notin (1)', 'bc'), ('x,x!=2', 'a')):
        equal(names({'labelSelector': selector}), wanted, selector)
    for selector, wanted in (('spec.type=LoadBalancer', 'a'), ('spec.type!=LoadBalancer', 'bc'),
                             ('metadata.name=b', 'b'), ('metadata.namespace=default', 'abc')):
        equal(names({'fieldSelector': selector}), wanted, selector)
    equal(sim.call('GET', SERVICES + '?fieldSelector=spec.foo%3D1').code, 400)
    equal(sim.call('GET', SERVICES + '?labelSelector=x%20in%20(').code, 400)


def test_watch(sim):
    """a watch from a list's version sees each change once; one without a version begins with what is there"""
    sim.service('a')
    rv = version(sim.ok('GET', SERVICES))
    w = Watch(sim, f'{SERVICES}?resourceVersion={rv}')
    sim.service('b')
    sim.ok('PATCH', SERVICES + '/a', {'metadata': {'labels': {'x': 'y'}}}, MERGE)
    sim.ok('DELETE', SERVICES + '/b')
    last = w.events(3)
    equal([brief(e) for e in last], [('ADDED', 'b'), ('MODIFIED', 'a'), ('DELETED', 'b')])
    equal(version(last[2]['object']), version(sim.ok('GET', SERVICES)), 'DELETED carries the version of the deletion')
    equal(last[0]['object']['kind'], 'Service')
    resumed = Watch(sim, f"{SERVICES}?resourceVersion={version(last[0]['object'])}")
    equal([brief(e) for e in resumed.events(2)], [('MODIFIED', 'a'), ('DELETED', 'b')])
    fresh = Watch(sim, SERVICES)
    equal(brief(fresh.next()), ('ADDED', 'a'))
    other = Watch(sim, '/api/v1/namespaces/kube-system/services')
    sim.service('c')
    equal(brief(fresh.next()), ('ADDED', 'c'))
    assert other.silent(), 'another namespace'
    for x in w, resumed, fresh, other:
        x.close()


def test_watch_selector(sim):
    """an object that stops matching arrives as DELETED in its last matching state"""
    w = Watch(sim, f'{SERVICES}?fieldSelector={LB}')
    sim.service('a', externalTrafficPolicy='Local')
    t = sim.ok('PATCH', SERVICES + '/a', {'spec': {'type': 'ClusterIP'}}, MERGE)
    sim.ok('PATCH', SERVICES + '/a', {'metadata': {'labels': {'x': 'y'}}}, MERGE)
    sim.ok('PATCH', SERVICES + '/a', {'spec': {'type': 'LoadBalancer'}}, MERGE)
    e = w.events(3)
    equal([brief(x) for x in e], [('ADDED', 'a'), ('DELETED', 'a'), ('ADDED', 'a')])
    equal(e[1]['object']['spec']['type'], 'LoadBalancer')
    equal(e[1]['object']['spec']['healthCheckNodePort'], e[0]['object']['spec']['healthCheckNodePort'])
    equal(version(e[1]['object']), version(t))
    w.close()


def test_watch_expired(sim):
    """a watch at a forgotten version: 200, one ERROR event with 410, and the end"""
    rv = version(sim.service('a'))
    sim.service('b')
    sim.ok('POST', '/sim/compact')
    w = Watch(sim, f'{SERVICES}?resourceVersion={rv}')
    equal(w.code, 200)
    e = w.next()
    equal((e['type'], e['object']['kind'], e['object']['code'], e['object']['reason']), ('ERROR', 'Status', 410, 'Expired'))
    equal(w.next(), None)
    w = Watch(sim, f'{SERVICES}?resourceVersion=99999')
    sim.service('c')
    assert w.silent(), 'a watch in the future is silent'
    w.close()


def test_history_bound(unused):
    """only --history events are kept, for each resource by itself"""
    sim = Sim('--history', '10')
    rv = version(sim.ok('POST', LEASES, {'metadata': {'name': 'l'}}))
    for i in range(12):
        sim.service(f's{i}')
    w = Watch(sim, f'{SERVICES}?resourceVersion={rv}')
    equal(w.next()['type'], 'ERROR')
    w = Watch(sim, f'{LEASES}?resourceVersion={rv}&timeoutSeconds=1')
    equal(w.next(), None, 'the Leases have not changed since')
    equal(sim.stop(), 0)


def test_bookmarks(sim):
    """bookmarks: at the end of the initial events, and 2 s before the time-out"""
    sim.service('a')
    began = time.monotonic()
    w = Watch(sim, f'{SERVICES}?allowWatchBookmarks=true&timeoutSeconds=3')
    e = w.events(2)
    equal([x['type'] for x in e], ['ADDED', 'BOOKMARK'])
    equal(e[1]['object']['metadata']['annotations'], {'k8s.io/initial-events-end': 'true'})
    sim.ok('POST', LEASES, {'metadata': {'name': 'l'}})
    e = w.next()
    at = time.monotonic() - began
    equal((e['type'], e['object']['metadata'].get('annotations')), ('BOOKMARK', None))
    equal(version(e['object']), version(sim.ok('GET', LEASES)), 'the bookmark is as new as the server')
    equal(w.next(), None)
    end = time.monotonic() - began
    assert 0.8 < at < 2.0 and 2.8 < end < 5.0, (at, end)


def test_no_type_selector(unused):
    """servers before 1.31 answer 400 to fieldSelector spec.type"""
    for args in ('--no-field-selector',), ('--version', '1.30.4'):
        old = Sim(*args)
        a = old.call('GET', f'{SERVICES}?watch=1&fieldSelector={LB}')
        code = old.stop()
        equal((a.code, a.json['reason'], code), (400, 'BadRequest', 0))


def test_old_version(unused):
    """--version 1.20.2: no ipMode, no loadBalancerClass, no discovery/v1"""
    old = Sim('--version', '1.20.2')
    try:
        s = old.service('a', loadBalancerClass='x.io/y')
        equal('loadBalancerClass' in s['spec'], False)
        s = old.ok('PATCH', SERVICES + '/a/status', {'status': {'loadBalancer': {'ingress': [{'ip': '192.0.2.1', 'ipMode': 'VIP'}]}}}, MERGE)
        equal(s['status']['loadBalancer']['ingress'], [{'ip': '192.0.2.1'}])
        equal(old.call('GET', '/apis/discovery.k8s.io/v1/endpointslices').code, 404)
        equal(old.ok('GET', '/version')['minor'], '20')
    finally:
        code = old.stop()
    equal(code, 0)


def test_finalizer(sim):
    """an object with a finalizer stays, marked, until the finalizer goes"""
    sim.ok('POST', SERVICES, {'metadata': {'name': 'a', 'finalizers': ['x.io/f']}, 'spec': {'ports': [{'port': 80}]}})
    w = Watch(sim, SERVICES)
    w.next()
    sim.ok('DELETE', SERVICES + '/a')
    e = w.next()
    equal(e['type'], 'MODIFIED')
    assert 'deletionTimestamp' in e['object']['metadata']
    sim.ok('PATCH', SERVICES + '/a', {'metadata': {'finalizers': None}}, MERGE)
    equal(brief(w.next()), ('DELETED', 'a'))
    equal(sim.call('GET', SERVICES + '/a').code, 404)
    w.close()


def test_micro_time(sim):
    """times of a Lease need six digits, as Go's MicroTime does"""
    lease = {'metadata': {'name': 'l'}, 'spec': {'renewTime': '2026-01-01T00:00:00Z'}}
    equal(sim.call('POST', LEASES, lease).code, 400)
    lease['spec']['renewTime'] = '2026-01-01T01:00:00.000001+01:00'
    equal(sim.ok('POST', LEASES, lease)['spec']['renewTime'], '2026-01-01T00:00:00.000001Z')


def test_namespaces(sim):
    """a namespace that is not there takes nothing; one that goes takes all with it"""
    path = '/api/v1/namespaces/n/services'
    body = {'metadata': {'name': 'a'}, 'spec': {'ports': [{'port': 80}]}}
    equal(sim.call('POST', path, body).code, 404)
    sim.ok('POST', '/api/v1/namespaces', {'metadata': {'name': 'n'}})
    sim.ok('POST', path, body)
    w = Watch(sim, '/api/v1/services')
    equal(brief(w.next()), ('ADDED', 'a'))
    sim.ok('DELETE', '/api/v1/namespaces/n')
    equal(brief(w.next()), ('DELETED', 'a'))
    equal(sim.call('GET', '/api/v1/namespaces/n').code, 404)
    w.close()


def test_strict(sim):
    """unknown fields: warned of, refused with fieldValidation=Strict, never stored"""
    body = {'metadata': {'name': 'a'}, 'spec': {'ports': [{'port': 80, 'prot': 'x'}]}}
    a = sim.call('POST', SERVICES + '?fieldValidation=Strict', body)
    equal(a.code, 400)
    assert 'spec.ports[0].prot' in a.json['message'], a.json
    a = sim.call('POST', SERVICES, body)
    equal((a.code, a.headers['Warning']), (201, '299 - "unknown field \\"spec.ports[0].prot\\""'))
    equal('prot' in a.json['spec']['ports'][0], False)


def test_http(sim):
    """HTTP: chunked bodies, pipelining, limits, rubbish"""
    body = b'{"metadata":{"name":"l"}}'
    chunks = b'5\r\n' + body[:5] + b'\r\n%x\r\n' % (len(body) - 5) + body[5:] + b'\r\n0\r\n\r\n'
    post = b'POST ' + LEASES.encode() + b' HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n' + chunks
    out = raw_request(sim, post + b'GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    assert out.startswith(b'HTTP/1.1 201') and b'"gitVersion"' in out, out
    out = raw_request(sim, b'POST /api/v1/nodes HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n')
    assert out.startswith(b'HTTP/1.1 413'), out
    out = raw_request(sim, b'GET /version HTTP/1.1\r\nX: ' + b'y' * 70000 + b'\r\n\r\n')
    assert out.startswith(b'HTTP/1.1 431'), out[:100]
    for rubbish in b'\r\n\r\n', b'GET\r\n\r\n', b'GET /version HTTP/3\r\n\r\n', b'GET x HTTP/1.1\r\n\r\n', b'GET / HTTP/1.1\r\nfoo\r\n\r\n', \
            b'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', b'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n':
        out = raw_request(sim, rubbish)
        assert out.startswith(b'HTTP/1.1 400'), (rubbish, out)


def test_load(sim):
    """1,000 Services by 8 connections, 50 watches that see all of them, 10,000 Leases"""
    watches = [Watch(sim, SERVICES) for _ in range(50)]

    def create(k):
        c = sim.connect()
        for i in range(k, 1000, 8):
            a = sim.call('POST', SERVICES, {'metadata': {'name': f's{i:04}'}, 'spec': {
                'type': 'LoadBalancer', 'ports': [{'port': 80}]}}, conn=c)
            equal(a.code, 201)
        c.close()

    def leases(k):
        c = sim.connect()
        for i in range(k, 10000, 8):
            equal(sim.call('POST', LEASES, {'metadata': {'name': f'l{i}'}, 'spec': {'holderIdentity': 'x'}}, conn=c).code, 201)
        c.close()

    def see(w):
        equal(len({w.next()['object']['metadata']['name'] for _ in range(1000)}), 1000)
        w.close()

    with concurrent.futures.ThreadPoolExecutor(50) as readers, concurrent.futures.ThreadPoolExecutor(8) as pool:
        # Read while they come, as clients do: megabytes that nobody reads on fifty connections are for the kernel to drop.
        seen = [readers.submit(see, w) for w in watches]
        began = time.monotonic()
        list(pool.map(create, range(8)))
        for s in seen:
            s.result()
        print(f'# 1,000 Services with 50 watches: {time.monotonic() - began:.2f} s', flush=True)
        began = time.monotonic()
        list(pool.map(leases, range(8)))
        print(f'# 10,000 Leases: {time.monotonic() - began:.2f} s', flush=True)
    equal(len(sim.ok('GET', SERVICES)['items']), 1000)
    equal(len(sim.ok('GET', LEASES)['items']), 10000)
    wait_until('watches gone', lambda: sim.stats()['watches'] == 0)


TESTS = [v for k, v in list(globals().items()) if k.startswith('test_')]
run(TESTS)
