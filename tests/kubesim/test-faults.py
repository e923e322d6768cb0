#!/usr/bin/python3
"""Each fault of kubesim does what it says, and nothing after it is gone."""
import http.client
import json
import select
import socket
import time

from simlib import (DEADLINE, LEASES, MERGE, SERVICES, Sim, Watch, brief, equal, raw_request, run, wait_until)


def lost(sim, method, path, body=None):
    """True when the server closes without an answer."""
    try:
        sim.call(method, path, body)
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return True
    return False


def test_delay(sim):
    """delay: the answer comes later, delays add up"""
    sim.fault(kind='delay', ms=150)
    sim.fault(kind='delay', ms=150, path='/version')
    began = time.monotonic()
    sim.ok('GET', '/version')
    took = time.monotonic() - began
    assert 0.29 < took < 2, took
    equal(sim.stats()['faults'], 1)


def test_drop_count(sim):
    """drop: closed without an answer; count, then it is over"""
    sim.fault(kind='drop', count=2)
    equal([lost(sim, 'GET', '/version') for _ in range(3)], [True, True, False])
    f = sim.ok('GET', '/sim/faults')
    equal((f[0]['kind'], f[0]['count'], f[0]['hits']), ('drop', 2, 2))


def test_matching(sim):
    """faults match by method or verb, path and user; removing one ends it"""
    get = sim.fault(kind='error', method='GET', path='/api/v1/*')
    equal(sim.call('GET', SERVICES).code, 500)
    equal(sim.call('GET', '/version').code, 200)
    equal(sim.call('POST', SERVICES, {'metadata': {'name': 'a'}, 'spec': {'ports': [{'port': 80}]}}).code, 201)
    sim.ok('DELETE', f'/sim/faults/{get}')
    equal(sim.call('GET', SERVICES).code, 200)
    equal(sim.call('DELETE', f'/sim/faults/{get}').code, 404)
    sim.fault(kind='error', user='somebody')
    equal(sim.call('GET', SERVICES).code, 200)
    sim.fault(kind='error', user='admin', method='list')
    equal(sim.call('GET', SERVICES).code, 500)
    equal(sim.call('GET', SERVICES + '/a').code, 200, 'a get is no list')
    sim.clear()
    sim.fault(kind='unavailable', path='*/status', method='patch')
    equal(sim.call('PATCH', SERVICES + '/a/status', {}, MERGE).code, 503)
    equal(sim.call('PATCH', SERVICES + '/a', {}, MERGE).code, 200)


def test_half_open(sim):
    """half-open: the request is swallowed, the connection stays, also after our FIN"""
    sim.fault(kind='half-open', path='/version')
    s = socket.create_connection(('127.0.0.1', sim.port))
    s.sendall(b'GET /version HTTP/1.1\r\nHost: x\r\n\r\n')
    wait_until('the fault is met', lambda: sim.stats()['faults'] == 1)
    s.shutdown(socket.SHUT_WR)
    equal(select.select([s], [], [], 0.4)[0], [], 'neither data nor an end')
    sim.clear()
    equal(select.select([s], [], [], 0.2)[0], [], 'for ever')
    s.close()


def test_statuses(sim):
    """gone, throttle, error, unavailable, forbidden: the Status and its headers"""
    for kind, code, reason, retry in (('gone', 410, 'Expired', None), ('throttle', 429, 'TooManyRequests', '7'),
                                      ('error', 500, 'InternalError', None), ('unavailable', 503, 'ServiceUnavailable', '7'),
                                      ('forbidden', 403, 'Forbidden', None)):
        sim.fault(kind=kind, retryAfter=7, count=1)
        a = sim.call('GET', SERVICES)
        equal((a.code, a.json['code'], a.json['reason'], a.json['status'], a.headers['Retry-After']),
              (code, code, reason, 'Failure', retry), kind)
        equal(sim.call('GET', SERVICES).code, 200)


def test_gone_watch(sim):
    """gone: a new and a running watch get the ERROR event and end"""
    running = Watch(sim, SERVICES)
    sim.service('a')
    equal(brief(running.next()), ('ADDED', 'a'))
    sim.fault(kind='gone', path='*services', method='watch')
    for w in running, Watch(sim, SERVICES + '?resourceVersion=6'):
        equal(w.code, 200)
        e = w.next()
        equal((e['type'], e['object']['code'], e['object']['reason']), ('ERROR', 410, 'Expired'))
        equal(w.next(), None)
    equal(sim.call('GET', SERVICES).code, 200, 'lists go on')


def test_truncate(sim):
    """truncate: half of the body, then the end"""
    whole = sim.call('GET', '/api/v1/namespaces').body
    sim.fault(kind='truncate', count=1)
    out = raw_request(sim, b'GET /api/v1/namespaces HTTP/1.1\r\nHost: x\r\n\r\n')
    head, _, body = out.partition(b'\r\n\r\n')
    assert b'Content-Length: %d' % len(whole) in head, head
    equal(body, whole[:len(whole) // 2])
    sim.service('a')
    sim.fault(kind='truncate', method='watch', count=1)
    out = raw_request(sim, b'GET ' + SERVICES.encode() + b'?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n')
    chunk = out.partition(b'\r\n\r\n')[2]
    size, _, data = chunk.partition(b'\r\n')
    equal(len(data), int(size, 16) // 2)


def test_garbage(sim):
    """garbage: a 200 that is no JSON"""
    sim.fault(kind='garbage')
    a = sim.call('GET', SERVICES)
    equal((a.code, a.headers['Content-Type']), (200, 'application/json'))
    try:
        a.json
    except ValueError:
        return
    raise AssertionError(a.body)


def test_freeze(sim):
    """freeze-watch: running and new watches are silent, and get everything on thaw"""
    running = Watch(sim, SERVICES)
    sim.service('a')
    equal(brief(running.next()), ('ADDED', 'a'))
    leases = Watch(sim, LEASES)
    ends = Watch(sim, SERVICES + '?timeoutSeconds=1&resourceVersion=6')
    f = sim.fault(kind='freeze-watch', path='*/services')
    new = Watch(sim, SERVICES)
    sim.service('b')
    sim.ok('DELETE', SERVICES + '/a')
    sim.ok('POST', LEASES, {'metadata': {'name': 'l'}})
    equal(brief(leases.next()), ('ADDED', 'l'), 'other resources go on')
    assert running.silent() and new.silent()
    assert ends.silent(1.0), 'not even an end at the time-out'
    sim.ok('DELETE', f'/sim/faults/{f}')
    equal([brief(e) for e in running.events(2)], [('ADDED', 'b'), ('DELETED', 'a')])
    equal([brief(e) for e in new.events(3)], [('ADDED', 'a'), ('ADDED', 'b'), ('DELETED', 'a')])
    equal([brief(e) for e in ends.events(3)], [('ADDED', 'b'), ('DELETED', 'a'), None])
    for w in running, new, leases:
        w.close()


def test_lost_answer(sim):
    """lost-answer: the write is done, nobody says so"""
    sim.fault(kind='lost-answer', method='POST', count=1)
    equal(lost(sim, 'POST', LEASES, {'metadata': {'name': 'l'}, 'spec': {'holderIdentity': 'x'}}), True)
    equal(sim.ok('GET', LEASES + '/l')['spec']['holderIdentity'], 'x')


def test_slow_body(sim):
    """slow-body: the head at once, the body one byte per ms; then the connection goes on"""
    whole = sim.call('GET', '/version').body
    sim.fault(kind='slow-body', count=1)
    c = sim.connect()
    began = time.monotonic()
    c.request('GET', '/version')
    r = c.getresponse()
    head = time.monotonic() - began
    equal(r.read(), whole)
    took = time.monotonic() - began
    assert head < 0.1 and len(whole) * 0.0009 < took < len(whole) * 0.01 + 1, (head, took, len(whole))
    equal(sim.call('GET', '/version', conn=c).body, whole)
    c.close()


def read_line_length(w, cap):
    """Length of the next line without keeping it."""
    n, last = 0, b''
    while not last.endswith(b'\n'):
        last = w.response.readline(1 << 20)
        if not last or n > cap:
            raise AssertionError(f'no end of line after {n} bytes')
        n += len(last)
    return n


def test_huge_line(sim):
    """huge-line: an event of 64 MiB, streamed; the watch goes on behind it"""
    running = Watch(sim, SERVICES)
    sim.service('a')
    running.next()
    sim.fault(kind='huge-line', path='*/services', count=1)
    sim.service('b')
    n = read_line_length(running, 80 << 20)
    assert 64 << 20 < n < (64 << 20) + 1024, n
    equal(brief(running.next()), ('ADDED', 'b'))
    running.close()
    sim.fault(kind='huge-line', bytes=1000, count=1)
    w = Watch(sim, SERVICES + '?resourceVersion=7')
    e = w.next()
    equal((e['type'], len(e['object']['metadata']['annotations']['x'])), ('MODIFIED', 1000))
    w.close()
    with open(f'/proc/{sim.process.pid}/status', encoding='ascii') as f:
        print('# ' + [line for line in f if line.startswith('VmHWM')][0].strip(), flush=True)


def test_compact_close(sim):
    """close-watches ends watches cleanly; the connection can be used again"""
    c = sim.connect()
    c.request('GET', SERVICES + '?watch=1')
    r = c.getresponse()
    wait_until('the watch runs', lambda: sim.stats()['watches'] == 1)
    sim.ok('POST', '/sim/close-watches')
    equal(r.read(), b'')
    equal(sim.call('GET', '/version', conn=c).code, 200)
    c.close()


def test_down(sim):
    """down: connections die, nobody is let in, and then it is back on the same port"""
    w = Watch(sim, SERVICES)
    equal(sim.call('POST', '/sim/down', {}).code, 400)
    sim.ok('POST', '/sim/down', {'ms': 400})
    try:
        equal(w.response.read(), b'')
    except http.client.IncompleteRead:
        pass
    refused = 0
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            sim.ok('GET', '/version')
            break
        except ConnectionRefusedError:
            refused += 1
            time.sleep(0.02)
    assert refused > 2, refused
    sim.service('a')


def test_restore(sim):
    """restore: state and counter go back, watches break, allocations fit"""
    old = sim.service('a')
    port = sim.service('b')['spec']['ports'][0]['nodePort']
    w = Watch(sim, SERVICES)
    w.events(2)
    sim.ok('POST', '/sim/restore', {'resourceVersion': int(old['metadata']['resourceVersion'])})
    now = sim.ok('GET', SERVICES)
    equal([i['metadata']['name'] for i in now['items']], ['a'])
    equal(now['metadata']['resourceVersion'], old['metadata']['resourceVersion'])
    body = {'metadata': {'name': 'c'}, 'spec': {'type': 'NodePort', 'ports': [{'port': 1, 'nodePort': port}]}}
    c = sim.ok('POST', SERVICES, body)
    equal(int(c['metadata']['resourceVersion']), int(old['metadata']['resourceVersion']) + 1)
    body['metadata']['name'] = 'd'
    body['spec']['ports'][0]['nodePort'] = old['spec']['ports'][0]['nodePort']
    equal(sim.call('POST', SERVICES, body).code, 422)
    equal(sim.call('POST', '/sim/restore', {'resourceVersion': 999}).code, 410)
    equal(sim.call('POST', '/sim/restore', {'resourceVersion': 1}).code, 410)


def test_bad_faults(sim):
    """a fault that cannot be is refused"""
    for body in ({}, {'kind': 'foo'}, {'kind': 'drop', 'pth': '/x'}, {'kind': 'drop', 'count': -1},
                 {'kind': 'drop', 'path': 5}, {'kind': 'delay', 'ms': '5'}, [1]):
        equal(sim.call('POST', '/sim/faults', body).code, 400, json.dumps(body))
    equal(sim.call('POST', '/sim/faults', '{').code, 400)
    equal(sim.ok('GET', '/sim/faults'), [])
    equal(sim.call('GET', '/sim/nope').code, 404)


def test_stats(sim):
    """stats count requests by verb and resource, and users"""
    before = sim.stats()
    sim.service('a')
    sim.ok('PATCH', SERVICES + '/a/status', {}, MERGE)
    sim.ok('GET', SERVICES)
    w = Watch(sim, LEASES)
    s = sim.stats()
    equal(s['requests'], {'create services': 1, 'patch services/status': 1, 'list services': 1, 'watch leases': 1})
    equal((s['users'], s['watches']), ({'admin': 4}, 1))
    assert s['bytesIn'] > before['bytesIn'] and s['bytesOut'] > before['bytesOut']
    w.close()


run([v for k, v in list(globals().items()) if k.startswith('test_')])
