"""The console: a message stands on stderr, at once, and in no log."""

import logging

from guestlist.delivery.gateways import Outgoing, Receipt
from guestlist.delivery.gateways.console import Console


def test_number_and_text_stand_on_stderr_and_nowhere_else(capfd, caplog):
    caplog.set_level(logging.DEBUG)
    receipt = Console().send(Outgoing("+79001112233", "Ваш код 7209"), 5)
    out, err = capfd.readouterr()
    assert "+79001112233" in err
    assert "Ваш код 7209" in err
    assert (out, caplog.records) == ("", [])
    assert receipt == Receipt(arrives_in=0.0)
