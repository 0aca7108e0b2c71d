"""A program for the guest: asks the Linux driver ch, by its ioctls, and says a line for each.

`python ch_driver.py /dev/schN REQUEST...`; a request is a word with numbers behind a colon:
params; status:TYPE:COUNT; element:TYPE,UNIT; move:TYPE,UNIT,TYPE,UNIT;
exchange:TYPE,UNIT,TYPE,UNIT,TYPE,UNIT; position:TYPE,UNIT; init. TYPE: 0 transport,
1 storage, 2 import/export, 3 drive; units count from 0 (Linux `include/uapi/linux/chio.h`). The
answer to a request that failed is the name of its errno.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import struct
import sys
from collections.abc import Callable, Sequence

Request = Callable[[int, list[int]], Sequence[object]]
INT = 4
READ, WRITE = 2, 1


def request(direction: int, number: int, size: int) -> int:
    """The number of an ioctl (Linux `include/uapi/asm-generic/ioctl.h`)."""
    return direction << 30 | size << 16 | ord("c") << 8 | number


def params(node: int, _: list[int]) -> Sequence[object]:
    """CHIOGPARAMS: current picker; pickers, slots, portals and drives."""
    return list(array.array("i", fcntl.ioctl(node, request(READ, 6, 5 * INT), bytes(5 * INT))))


def status(node: int, numbers: list[int]) -> Sequence[object]:
    """CHIOGSTATUS: a byte of flags for each element of a type; 1 full, 2 put in by an operator, 4
    exception, 8 accessible, 16 exports, 32 imports."""
    kind, count = numbers
    flags = array.array("B", bytes(count))
    fcntl.ioctl(node, request(WRITE, 8, 16), struct.pack("i4xP", kind, flags.buffer_info()[0]))
    return list(flags)


def element(node: int, numbers: list[int]) -> Sequence[object]:
    """CHIOGELEM: flags as `status`, where it was taken from (type and unit), volume tag."""
    about = bytearray(struct.pack("2i", *numbers).ljust(27 * INT, b"\0"))
    fcntl.ioctl(node, request(WRITE, 16, len(about)), about, True)
    told = struct.unpack_from("8i", about)
    source = told[4:6] if array.array("i", about[-INT:])[0] & 4 else ("-",)
    return [told[2], *source, about[32:68].rstrip(b"\0 ").decode("ascii") or "-"]


def plain(number: int, flags: int) -> Request:
    """An ioctl that takes the numbers and ``flags`` more integers, and returns nothing."""

    def ask(node: int, numbers: list[int]) -> Sequence[object]:
        values = array.array("i", [*numbers, *[0] * flags]).tobytes()
        fcntl.ioctl(node, request(WRITE if values else 0, number, len(values)), values)
        return []

    return ask


REQUESTS: dict[str, Request] = {
    "params": params, "status": status, "element": element,
    "move": plain(1, 1), "exchange": plain(2, 1), "position": plain(3, 1), "init": plain(17, 0),
}  # fmt: skip


def main() -> None:
    """Do what the arguments say."""
    node = os.open(sys.argv[1], os.O_RDWR)
    for word in sys.argv[2:]:
        name, _, rest = word.partition(":")
        numbers = [int(number) for number in rest.replace(":", ",").split(",") if number]
        try:
            said = REQUESTS[name](node, numbers)
        except OSError as error:
            said = [errno.errorcode.get(error.errno or 0, error.errno)]
        print(word, *said)


if __name__ == "__main__":
    main()
