"""A library as a whole, with its real parts: from a key to the moniker that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from target.library.options import PROFESSIONAL
from tests.library.tower import encrypted, plan_of, powered, secret
from tests.tape.host import CHECK, GOOD

DATA = b"the books of the year"


@pytest.mark.req("BS-01", "BS-09")
def test_a_tape_asks_for_its_moniker(tmp_path: Path) -> None:
    plan = encrypted(plan_of(tmp_path, options=(PROFESSIONAL,)))
    with powered(tmp_path, plan) as tower:
        operator = tower.login()
        desk = operator.encryption(secret(""))
        desk.create("books_2026")
        desk.create("sales_2026")
        desk.assign("finance", "books_2026")
        desk.assign("sales", "sales_2026")

        operator.move("KRL001L9", "drive0")
        host = tower.host("drive0")
        assert host.write(DATA).status == GOOD
        assert host.filemarks().status == GOOD
        host.rewind()
        assert host.read(100, sili=True).data == DATA

        operator.move("KRL001L9", "drive2")
        host = tower.host("drive2")
        assert host.read(100).status == CHECK
        (asked,) = [one for one in tower.library.messages.since() if one.origin == "drive2"]
        assert "books_2026" in asked.text
        assert asked.cure
        assert asked.severity == "error"
        assert host.read(100).status == CHECK
        (asked,) = [one for one in tower.library.messages.since() if one.origin == "drive2"]
        assert asked.count == 2

        desk.assign("sales", "sales_2026", ["books_2026"])
        assert host.read(100, sili=True).data == DATA
