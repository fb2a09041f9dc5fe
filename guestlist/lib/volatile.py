"""What Redis counts, if there is one, and whether that is all there is: it may be lost or forget, and nothing opens.

From then on each limit is also counted in SQL, at half its figures, until Redis has counted for the limit's longest
window without a gap (`is_trusted`). While Redis does not answer, SQL is alone (docs/decisions/0011).
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings

from guestlist.lib import audit, clock, epochs, sql
from guestlist.lib.epochs import Epoch
from guestlist.lib.redis_server import CONNECTIONS, NoAnswer, Server, Swap
from guestlist.lib.sliding_log import Change

PREFIX = "guestlist:limits:"
EPOCH = f"{PREFIX}epoch"
PAUSE = 1.0  # seconds in which a Redis that did not answer is not asked again: requests shall not each wait for it
FRESH = 1.0  # seconds after which the epoch is read from SQL again
ROUNDS = 5  # of agreeing on the epoch
TOLD = timedelta(hours=1)  # how often the audit trail tells of a loss

Rewriting = Callable[[Mapping[str, str]], list[Change]]

log = logging.getLogger("guestlist.limits")


def is_in_use() -> bool:
    """Whether there is a Redis to count in."""
    return bool(settings.REDIS_URL)


def answers() -> bool:
    """Whether Redis can be used now; for the start, which goes on without it."""
    try:
        Server(settings.REDIS_URL).look([EPOCH])
    except NoAnswer:
        return False
    return True


def is_lost() -> bool:
    """Whether Redis did not answer this process, or had forgotten, when it was last asked."""
    return is_in_use() and _store().is_lost


def is_trusted(longest: timedelta, now: datetime) -> bool:
    """Whether Redis has every use of a policy with this longest window, so that it need not be counted in SQL too."""
    return _store().is_trusted(longest, now)


def rewrite(ids: Sequence[str], now: datetime, rewriting: Rewriting) -> bool:
    """Change what is remembered under these ids to what `rewriting` makes of it, at once; False when Redis is lost.

    Not inside a transaction: no connection to the database is held meanwhile. What `rewriting` raises is raised.
    """
    return _store().rewrite(ids, now, rewriting)


def read(ids: Sequence[str], now: datetime) -> Mapping[str, str] | None:
    """What is remembered under these ids; None when Redis is lost."""
    found: dict[str, str] = {}

    def note(remembered: Mapping[str, str]) -> list[Change]:
        found.update(remembered)
        return []

    return found if rewrite(ids, now, note) else None


class Store:
    """One process's view of Redis."""

    def __init__(self, url: str) -> None:
        self.is_lost = False
        self._server = Server(url)
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        self._turn = threading.Lock()
        self._known: tuple[Epoch, float] | None = None  # and when it was read, in one: threads replace it at once
        self._silent_until = float("-inf")
        self._owed = ""  # why an epoch must begin before anything is counted without Redis

    def is_trusted(self, longest: timedelta, now: datetime) -> bool:
        """See the module's."""
        epoch, _ = self._known or (None, 0.0)
        return not self.is_lost and epoch is not None and bool(epoch.server) and now >= epoch.since + longest

    def rewrite(self, ids: Sequence[str], now: datetime, rewriting: Rewriting) -> bool:
        """See the module's."""
        try:
            for _ in range(ROUNDS):
                epoch = self._known_epoch()
                if not epoch.server:
                    self._tell(epoch)
                elif self._exchange(epoch, ids, now, rewriting):
                    return True
                elif self._note(epochs.current) == epoch:  # otherwise another process has noticed before us
                    raise NoAnswer("it has forgotten what it counted")
            raise NoAnswer("it never has the same epoch as the database")
        except NoAnswer as lost:
            self._give_up(str(lost))
            return False

    def _exchange(self, epoch: Epoch, ids: Sequence[str], now: datetime, rewriting: Rewriting) -> bool:
        """Look, let Python compute, swap if nothing has changed; False when Redis is not of this epoch.

        Each round that is lost is another one's success, and a spent limit is refused without a swap: so there are
        at most as many rounds as the limits allow uses.
        """
        names = [EPOCH, *(PREFIX + id_ for id_ in ids)]
        with self._asking():
            found = self._server.look(names)
            while (found.texts[0], found.server) == (epoch.name, epoch.server):
                self._welcome()
                changes = {change.id: change for change in rewriting(dict(zip(ids, found.texts[1:], strict=True)))}
                swaps = [Swap(epoch.name, epoch.name)]
                for id_, text in zip(ids, found.texts[1:], strict=True):
                    change = changes.get(id_, Change(id_, text, now))
                    swaps.append(Swap(text, change.text, round((change.ends_at - now).total_seconds() * 1000)))
                instead = self._server.swap(names, swaps) if changes else None
                if instead is None:
                    return True
                found = instead
        return False

    @contextmanager
    def _asking(self) -> Iterator[None]:
        with sql.out_of_the_crowd(), self._places:
            if time.monotonic() < self._silent_until:
                raise NoAnswer("it has not answered a moment ago")
            yield

    def _known_epoch(self) -> Epoch:
        self._settle()
        if time.monotonic() < self._silent_until:
            raise NoAnswer("it has not answered a moment ago")
        if self._known is None or time.monotonic() > self._known[1] + FRESH:
            return self._note(epochs.current)
        return self._known[0]

    def _note(self, read: Callable[[], Epoch]) -> Epoch:
        read_at = time.monotonic()
        self._known = read(), read_at
        return self._known[0]

    def _tell(self, epoch: Epoch) -> None:
        """Give Redis the name of an epoch that has just begun."""
        with self._asking():
            found = self._server.look([EPOCH])
            self._server.swap([EPOCH], [Swap(found.texts[0], epoch.name)])  # unless another process was faster
        self._note(lambda: epochs.told(epoch, found.server))

    def _give_up(self, why: str) -> None:
        with self._turn:
            if time.monotonic() >= self._silent_until:
                self._silent_until = time.monotonic() + PAUSE
                self._owed = why
        self._settle()

    def _settle(self) -> None:
        """Begin the epoch that is owed. If that fails so does the request: nothing is counted without it."""
        if not self._owed:
            return
        sql.let_go()  # whoever has the turn may need it
        with self._turn:
            if not self._owed:
                return
            self._note(lambda: epochs.begin(clock.now() + timedelta(seconds=PAUSE)))
            audit.record_once("limits.redis_lost", TOLD, why=self._owed)
            if not self.is_lost:
                log.warning("Redis is lost (%s): what it counted runs at half its figures in SQL.", self._owed)
            self.is_lost, self._owed = True, ""

    def _welcome(self) -> None:
        if self.is_lost:
            self.is_lost = False
            log.warning("Redis is back: SQL counts too, at half the figures, until it has counted for a whole window.")


_stores: dict[tuple[int, str], Store] = {}
_making = threading.Lock()


def _store() -> Store:
    key = (os.getpid(), settings.REDIS_URL)  # a forked child must not share its parent's sockets
    if (found := _stores.get(key)) is None:
        with _making:
            found = _stores.get(key) or _stores.setdefault(key, Store(settings.REDIS_URL))
    return found
