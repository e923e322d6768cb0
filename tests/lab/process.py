"""Processes of a lab: started in a namespace, with a log file, ended by pid and in no other way."""

import ctypes
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    # A test run that is killed must not leave daemons behind.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    """One process in a namespace (None: the current one). stdout and stderr go to `log`, appended."""

    def __init__(self, argv, namespace=None, log=os.devnull, env=None):
        self.argv = [str(a) for a in argv]
        self.log = log
        full = self.argv
        if namespace is not None:
            # "ip netns exec" ends in exec(), so that this pid is the program's own.
            full = ["ip", "netns", "exec", namespace] + self.argv
        with open(log, "ab") as out:
            self._popen = subprocess.Popen(
                full, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})}, preexec_fn=_die_with_parent)

    @property
    def pid(self):
        return self._popen.pid

    def alive(self):
        return self._popen.poll() is None

    def signal(self, number):
        if self.alive():
            self._popen.send_signal(number)

    def wait(self, seconds=10):
        """The exit status (negative: killed by that signal)."""
        return self._popen.wait(timeout=seconds)

    def terminate(self):
        """SIGTERM, which a stopped process gets too."""
        if self.alive():
            self._popen.send_signal(signal.SIGTERM)
            self._popen.send_signal(signal.SIGCONT)

    def join(self, seconds=10):
        """The exit status; SIGKILL if it takes longer."""
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def stop(self, seconds=10):
        self.terminate()
        return self.join(seconds)

    def kill(self):
        """SIGKILL: the crash. Returns the exit status."""
        if self.alive():
            self._popen.kill()
        return self.wait()

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()
