"""Sends what is queued: the worker's whole work, and in each web process what a crash or a crowd has left behind.

One thread speaks to the database; each message under way has a thread of its own, which waits for gateways
(docs/decisions/0016-delivery.md has the figures of threads against asyncio).
"""

import logging
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from django.conf import settings

from guestlist.delivery import bell, dispatch, outbox, rules
from guestlist.delivery.outbox import Ended, Message
from guestlist.lib import clock, sql
from guestlist.lib.refusals import Refusal

BATCH = 500  # messages in one statement
SOON, IDLE = 0.02, 1.0  # seconds between two looks, when there was something and when there was nothing for long
AWAY = 1.0  # seconds to wait for a database that is away
GRACE = 25.0  # seconds to finish; a supervisor kills after 30
INLINE = 32  # messages at once in a web process
STACK = 256 * 1024  # bytes of each thread's stack; thousands of them wait

log = logging.getLogger("guestlist.delivery")

_turn = threading.Lock()
_here: "Courier | None" = None


class Ready(NamedTuple):
    """A message that has been taken up, and what sends it."""

    message: Message
    sending: dispatch.Sending


class Courier:
    """Sends queued messages, up to `most` of them at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: dict[Future[None], Message] = {}
        self._done: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._unwritten: list[Ended] = []
        self._threads = ThreadPoolExecutor(most, "courier")

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`, or until the process ends; then finish what is under way.

        Ends by itself, and the log says why, where the gateways are not of the kind that the database belongs to.
        """
        pause = SOON
        # The main thread counts as dead from the moment that it waits for the others: so a server that ends is heard.
        while not stop.is_set() and threading.main_thread().is_alive():
            bell.woken.clear()
            try:
                is_busy = self.turn()
            except Refusal:
                log.critical("SMS_GATEWAYS does not fit this database: nothing is sent by this process")
                break
            except Exception as error:  # whatever it is: without this thread nothing is sent any more
                _tell(error)
                stop.wait(AWAY)
                continue
            finally:
                sql.let_go()
            pause = SOON if is_busy else min(2 * pause, IDLE)
            if not stop.is_set():
                bell.woken.wait(pause)
        self._finish()

    def turn(self) -> bool:
        """Write down what is done, and take up what is due; whether there was anything."""
        return self._write_down() + self._take_up() > 0

    def is_busy(self) -> bool:
        """Whether anything is under way, or not yet written down."""
        return bool(self._under_way or self._unwritten or not self._done.empty())

    def write_later(self, ended: Ended) -> None:
        """Take over the end of a message from a thread that found the database away."""
        self._done.put(ended)
        bell.woken.set()

    def _take_up(self) -> int:
        free = min(self._most - len(self._under_way), BATCH)
        claimed = outbox.claim(free) if free > 0 else []
        contents = outbox.contents(claimed) if claimed else {}
        for message in claimed:
            if message.claims > rules.MOST_CLAIMS:
                self._done.put(outbox.no_longer_due(message, "given up"))
            elif message.id not in contents:
                self._done.put(outbox.no_longer_due(message))
            elif ready := self._ready(message, contents[message.id]):
                self._begin(ready)
        return len(claimed)

    def _ready(self, message: Message, content: str) -> Ready | None:
        try:
            return Ready(message, dispatch.ready(message, content, outbox.failed_before(message)))
        except sql.AWAY:
            raise  # all of them are anybody's again when their lease is over
        except Exception as error:  # one that cannot be made ready keeps no other one back
            _tell(error)
            self._done.put(Ended(message, "failed", "a fault of ours", ended_at=clock.now()))
            return None

    def _begin(self, ready: Ready) -> None:
        try:
            future = self._threads.submit(self._send, ready)
        except RuntimeError:  # this process ends, or may have no more threads
            self._done.put(outbox.let_go(ready.message, clock.now() + rules.FIRST_RETRY))
            return
        self._under_way[future] = ready.message
        future.add_done_callback(self._forget)

    def _send(self, ready: Ready) -> None:
        message = ready.message
        try:
            ended, failure = ready.sending()
        except Exception as error:  # nobody knows what became of it: somebody takes it up when its lease is over
            _tell(error)
            return
        finally:
            sql.let_go()
        if failure is not None and not failure.is_final and ended.retry_at is None:
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
            _end(self._unwritten)
            self._unwritten.clear()
        return number

    def _finish(self) -> None:
        ends = time.monotonic() + GRACE
        while self.is_busy() and time.monotonic() < ends:
            bell.woken.clear()
            try:
                self._write_down()
            except Exception as error:  # until there is no time left
                _tell(error)
                time.sleep(AWAY)
            bell.woken.wait(SOON)
        self._threads.shutdown(wait=False)
        sql.let_go()


def start() -> None:
    """Start a courier in this web process, once, where the service sends inline. Costs a look when it runs already.

    Its thread is waited for when the process ends: what it has sent, it writes down.
    """
    global _here
    if _here is not None or settings.DELIVERY == "worker":
        return
    with _turn:
        if _here is None:
            _here = Courier(INLINE)
            threading.Thread(target=_here.run, args=[threading.Event()], name="courier").start()


def write_later(ended: Ended) -> bool:
    """Let this process's courier write down the end of a message; False when there is none."""
    if _here is None:
        return False
    _here.write_later(ended)
    return True


def _end(ended: Sequence[Ended]) -> None:
    try:
        outbox.end(ended)
    except sql.AWAY:
        raise
    except Exception as error:  # one that cannot be written down keeps no other one back
        _tell(error)
        for one in ended:
            _end_alone(one)


def _end_alone(one: Ended) -> None:
    try:
        outbox.end([one])
    except sql.AWAY:
        raise
    except Exception as error:
        _tell(error)
        outbox.end([one._replace(tries=(), reason="a fault of ours")])


def _tell(error: Exception) -> None:
    if isinstance(error, sql.AWAY):
        log.error("messages wait, the database is away: %s", error)
    else:
        log.error("sending broke: %s", type(error).__name__, exc_info=error)
