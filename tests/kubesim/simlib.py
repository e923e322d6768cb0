"""What the Python tests of kubesim share: starting it, talking to it, TAP. Standard library only."""
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get('top_builddir', os.path.join(HERE, '..', '..'))
KUBESIM = os.environ.get('KUBESIM', os.path.join(BUILD, 'tests', 'kubesim', 'kubesim'))
DEADLINE = 20.0

MERGE = 'application/merge-patch+json'
STRATEGIC = 'application/strategic-merge-patch+json'
JSON_PATCH = 'application/json-patch+json'
SERVICES = '/api/v1/namespaces/default/services'
LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases'


class Answer:
    def __init__(self, code, headers, body):
        self.code, self.headers, self.body = code, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Sim:
    """One kubesim process on a port of its own."""

    def __init__(self, *args):
        self.dir = tempfile.TemporaryDirectory(prefix='kubesim-')
        port_file = os.path.join(self.dir.name, 'port')
        self.process = subprocess.Popen([KUBESIM, '--listen', '127.0.0.1:0', '--port-file', port_file, *args])
        end = time.monotonic() + DEADLINE
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError('kubesim did not start')
            time.sleep(0.01)
        with open(port_file) as f:
            self.port = int(f.read())

    def stop(self):
        """Ends it; its exit status (ASan turns a leak into a failure)."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        self.dir.cleanup()
        return code

    def connect(self, timeout=DEADLINE):
        return http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)

    def call(self, method, path, body=None, ctype='application/json', headers=None, conn=None, timeout=DEADLINE):
        c = conn or self.connect(timeout)
        h = {'Accept': 'application/json', **(headers or {})}
        if body is not None:
            h['Content-Type'] = ctype
            if not isinstance(body, (str, bytes)):
                body = json.dumps(body)
        c.request(method, path, body, h)
        r = c.getresponse()
        answer = Answer(r.status, r.headers, r.read())
        if conn is None:
            c.close()
        return answer

    def ok(self, *args, **kwargs):
        a = self.call(*args, **kwargs)
        if a.code >= 300:
            raise AssertionError(f'{args[0]} {args[1]}: {a.code} {a.body[:500]}')
        return a.json

    def service(self, name, path=SERVICES, **spec):
        return self.ok('POST', path, {'metadata': {'name': name},
                                      'spec': {'type': 'LoadBalancer', 'ports': [{'port': 80}], **spec}})

    def fault(self, **f):
        return self.ok('POST', '/sim/faults', f)['id']

    def clear(self):
        self.ok('DELETE', '/sim/faults')

    def stats(self):
        return self.ok('GET', '/sim/stats')


class Watch:
    """A watch, read line by line with a deadline."""

    def __init__(self, sim, path):
        self.conn = sim.connect()
        self.conn.request('GET', path + ('&' if '?' in path else '?') + 'watch=1')
        self.response = self.conn.getresponse()
        self.code = self.response.status

    def next(self):
        """The next event; None at the end of the stream."""
        line = self.response.readline()
        return json.loads(line) if line else None

    def events(self, n):
        return [self.next() for _ in range(n)]

    def silent(self, seconds=0.3):
        """Nothing comes for so long. Only before the first read, or when all that came was read."""
        r, _, _ = select.select([self.conn.sock], [], [], seconds)
        return not r

    def close(self):
        self.response.close()
        self.conn.close()


def brief(event):
    return None if event is None else (event['type'], event['object']['metadata']['name'])


def raw_request(sim, text, timeout=DEADLINE):
    """Bytes in, bytes out until the server closes."""
    s = socket.create_connection(('127.0.0.1', sim.port), timeout=timeout)
    s.sendall(text)
    out = b''
    try:
        while True:
            b = s.recv(65536)
            if not b:
                break
            out += b
    except ConnectionResetError:
        pass
    finally:
        s.close()
    return out


def wait_until(what, fn):
    end = time.monotonic() + DEADLINE
    while not fn():
        if time.monotonic() > end:
            raise AssertionError(f'not within {DEADLINE} s: {what}')
        time.sleep(0.01)


def equal(got, wanted, what=''):
    if got != wanted:
        raise AssertionError(f'{what}: got {got!r}, wanted {wanted!r}')


def run(tests, make=Sim):
    """Each test gets a kubesim of its own (or make's); prints TAP."""
    print(f'1..{len(tests)}', flush=True)
    failed = 0
    for n, test in enumerate(tests, 1):
        name = (test.__doc__ or test.__name__).strip().split('\n')[0]
        sim, error = None, None
        try:
            sim = make()
            test(sim)
        except Exception:
            error = traceback.format_exc()
        if sim is not None:
            code = sim.stop()
            if code != 0 and error is None:
                error = f'kubesim ended with status {code}'
        if error is not None:
            failed += 1
            print(''.join(f'# {line}\n' for line in error.splitlines()), end='')
        print(f'{"not ok" if error else "ok"} {n} - {name}', flush=True)
    sys.exit(1 if failed else 0)


def skip_all(why):
    print(f'1..0 # SKIP {why}')
    sys.exit(0)
