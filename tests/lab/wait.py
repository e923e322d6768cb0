"""Waiting for a condition. Nothing in the tests sleeps for a guessed time: they poll until a deadline."""

import time


class Timeout(AssertionError):
    """The condition did not come true in time."""


def wait_until(check, seconds, what, interval=0.03):
    """Calls check() until it returns something true, and returns that.

    check may raise AssertionError or LookupError while the thing is not there yet. After `seconds` a Timeout says what
    was waited for and what the last call saw.
    """
    deadline = time.monotonic() + seconds
    while True:
        last = None
        try:
            last = check()
            if last:
                return last
        except (AssertionError, LookupError) as error:
            last = error
        if time.monotonic() >= deadline:
            raise Timeout(f"not within {seconds} s: {what} (last seen: {last!r})")
        time.sleep(interval)


def stays(check, seconds, what, interval=0.1):
    """The opposite: check() must be true now and at every look for `seconds`. For 'nothing happens' only."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not check():
            raise AssertionError(f"did not stay so for {seconds} s: {what}")
        time.sleep(interval)
