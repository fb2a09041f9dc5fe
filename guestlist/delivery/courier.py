"""Sends what is queued: the worker's whole work, and in each web process what a crash or a crowd has left behind.

One thread speaks to the database; each message under way has a thread of its own, which waits for gateways
(docs/decisions/0016-delivery.md has the figures of threads against asyncio).
"""

import logging
import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

from django.conf import settings

from guestlist.delivery import bell, dispatch, outbox, rules
from guestlist.delivery.outbox import Ended, Message
from guestlist.lib import clock, sql

BATCH = 500  # messages in one statement
SOON, IDLE = 0.02, 1.0  # seconds between two looks, when there was something and when there was nothing for long
AWAY = 1.0  # seconds to wait for a database that is away
GRACE = 25.0  # seconds to finish; a supervisor kills after 30
INLINE = 32  # messages at once in a web process
STACK = 256 * 1024  # bytes of each thread's stack; thousands of them wait

log = logging.getLogger("guestlist.delivery")

_turn = threading.Lock()
_thread: threading.Thread | None = None


class Courier:
    """Sends queued messages, up to `most` of them at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: dict[Future[None], Message] = {}
        self._done: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._unwritten: list[Ended] = []
        self._threads = ThreadPoolExecutor(most, "courier")

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`; then finish what is under way, and give back what has not begun."""
        pause = SOON
        while not stop.is_set():
            bell.woken.clear()
            try:
                is_busy = self._write_down() + self._take_up() > 0
            except sql.AWAY as error:
                log.error("messages wait, the database is away: %s", error)
                stop.wait(AWAY)
                continue
            finally:
                sql.let_go()
            pause = SOON if is_busy else min(2 * pause, IDLE)
            if not stop.is_set():
                bell.woken.wait(pause)
        self._finish()

    def run_dry(self) -> None:
        """Send all that is due now, and return."""
        while self._write_down() + self._take_up() or self._under_way:
            time.sleep(SOON)
        self._write_down()

    def _take_up(self) -> int:
        free = min(self._most - len(self._under_way), BATCH)
        claimed = outbox.claim(free) if free > 0 else []
        if not claimed:
            return 0
        claimed_at = clock.now()
        contents = outbox.contents(claimed)
        for message in claimed:
            if message.id not in contents:
                self._done.put(outbox.no_longer_due(message))
                continue
            sending = dispatch.ready(message, contents[message.id], outbox.failed_before(message))
            future = self._threads.submit(self._send, message, sending, claimed_at)
            self._under_way[future] = message
            future.add_done_callback(self._forget)
        return len(claimed)

    def _send(self, message: Message, sending: dispatch.Sending, claimed_at: datetime) -> None:
        if clock.now() > claimed_at + rules.LEASE - timedelta(seconds=rules.DEADLINE):
            return  # this process stood still: somebody else takes it up, or has by now
        ended, failure = sending()
        if failure is not None and not failure.is_final:
            retry_at = clock.now() + rules.retry_in(message.claims)
            if message.claims < rules.MOST_CLAIMS and retry_at < message.expires_at:
                ended = ended._replace(retry_at=retry_at)
        self._done.put(ended)

    def _forget(self, future: "Future[None]") -> None:
        self._under_way.pop(future, None)
        bell.woken.set()

    def _write_down(self) -> int:
        while len(self._unwritten) < BATCH:
            try:
                self._unwritten.append(self._done.get_nowait())
            except queue.Empty:
                break
        number = len(self._unwritten)
        if number:
            outbox.end(self._unwritten)
            self._unwritten.clear()
        return number

    def _finish(self) -> None:
        ends = time.monotonic() + GRACE
        for future, message in list(self._under_way.items()):
            if future.cancel():
                self._done.put(Ended(message, "accepted", "", "", None, None, retry_at=clock.now()))
        while (self._under_way or not self._done.empty() or self._unwritten) and time.monotonic() < ends:
            try:
                self._write_down()
            except sql.AWAY as error:
                log.error("what was sent cannot be written down yet: %s", error)
            bell.woken.wait(SOON)
        self._threads.shutdown(wait=False, cancel_futures=True)
        sql.let_go()


def start() -> None:
    """Start a courier in this web process, once, where the service sends inline. Costs a look when it runs already."""
    global _thread
    if _thread is not None or settings.DELIVERY == "worker":
        return
    with _turn:
        if _thread is None:
            courier = Courier(INLINE)
            _thread = threading.Thread(target=courier.run, args=[threading.Event()], name="courier", daemon=True)
            _thread.start()
