"""Writes events while the test does something else: the load under which weir is killed, stopped, reloaded.

A thread with a client of its own writes portion after portion, each acknowledged before the next, until the
`with` is left; feed.written is then what it wrote. A broker that is away is waited for. At most some 10,000
events a second by default: weir keeps up with that, so it is always in the middle of a stream and never far
behind.
"""
import threading

from .kafka import Client


class Feed:
    """with Feed(address, topic, events) as feed: …; events are as many as it could ever need. pause: seconds
    between two portions."""

    def __init__(self, address, topic, events, portion=100, pause=0.01):
        self.sent = 0
        self._client = Client(address)
        self._topic = topic
        self._events = events
        self._portion = portion
        self._pause = pause
        self._halt = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while self.sent < len(self._events) and not self._halt.wait(self._pause):
                some = self._events[self.sent : self.sent + self._portion]
                self._client.produce(self._topic, (e.record() for e in some))
                self.sent += len(some)
        except BaseException as e:  # pylint: disable=broad-except
            self._error = e

    @property
    def written(self):
        return self._events[: self.sent]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        dry = self.sent == len(self._events)
        self._halt.set()
        self._thread.join(70)
        self._client.close()
        if not kind:
            if self._error:
                raise self._error
            assert not self._thread.is_alive(), f"the load hangs after {self.sent} events"
            assert not dry, f"the load ran dry after {self.sent} events: nothing was in mid-stream at the end"
