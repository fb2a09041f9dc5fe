"""A process that loads ends when it is told to, although it was forked with handlers that would only take a note."""

import multiprocessing
import os
import signal
import time

import pytest

from guestlist.lib import early_end

FORK = multiprocessing.get_context("fork")


class Server:
    """As granian's: its handler notes the signal in whichever process runs it."""

    def __init__(self) -> None:
        self.interrupt_signal = False

    def handle(self, *_: object) -> None:
        self.interrupt_signal = True


def load(number: int, is_told_before: bool) -> None:
    signal.signal(number, Server().handle)
    if is_told_before:
        os.kill(os.getpid(), number)
    early_end.allow()
    if not is_told_before:
        os.kill(os.getpid(), number)
    time.sleep(30)


@pytest.mark.parametrize("number", early_end.SIGNALS)
@pytest.mark.parametrize("is_told_before", [True, False])
def test_it_ends_at_once_whenever_the_signal_came(number, is_told_before):
    child = FORK.Process(target=load, args=(number, is_told_before))
    child.start()
    child.join(10)
    assert child.exitcode == -number


def test_whoever_is_no_child_keeps_its_handlers():
    before = [signal.getsignal(number) for number in early_end.SIGNALS]
    early_end.allow()
    assert [signal.getsignal(number) for number in early_end.SIGNALS] == before
