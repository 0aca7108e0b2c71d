"""The command set: what is there answers, what is not is refused, and the drive tells which."""

from __future__ import annotations

from target.scsi import sense as s
from target.scsi.command import CDB_SIZES, Command
from tests.personalities.bench import ROWS, Bench, good, refused
from tests.personalities.registry import check, has
from tests.scsi.cdbs import plain
from tests.tape.host import CHECK, GOOD, Host

RSOC = "A3-0C"
ABSENT = (s.INVALID_OPCODE[:3], s.INVALID_FIELD_IN_CDB[:3])


def opcodes(host: Host, option: int = 0, row: Command | None = None, *, times: int = 0) -> bytes:
    """REPORT SUPPORTED OPERATION CODES."""
    opcode, action = (row.opcode, row.service_action or 0) if row else (0, 0)
    cdb = bytes((0xA3, 0x0C, times << 7 | option, opcode)) + action.to_bytes(2)
    return good(host.send(cdb + (0x10000).to_bytes(4) + bytes(2), size=0x10000))


def listed(host: Host, *, times: int = 0) -> list[bytes]:
    """The descriptors of all commands."""
    data = opcodes(host, times=times)
    assert int.from_bytes(data[:4]) == len(data) - 4
    size = 20 if times else 8
    return [data[at : at + size] for at in range(4, len(data), size)]


def benign(row: Command) -> bytes:
    """A CDB that asks for as little as the command has."""
    asks = {"REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS": {"allocation_length": 4}}
    return plain(row, **asks.get(row.name, {}))


@check()
def what_is_there_answers(bench: Bench) -> None:
    """No command of the model is an unknown operation code or service action."""
    host = bench.tape()
    for key, row in bench.model.rows.items():
        if row.opcode in (0x16, 0x17, 0x56, 0x57):
            continue
        reply = host.send(benign(row), size=64)
        if reply.status == CHECK:
            assert reply.sense is not None
            assert reply.sense.code != s.INVALID_OPCODE, key
            assert reply.sense.code != s.INTERNAL_FAILURE, key
            if row.service_action is not None and reply.sense.pointer is not None:
                assert reply.sense.pointer[0] != 1, key
        host.hear()


@check()
def what_is_not_is_refused(bench: Bench) -> None:
    """5/20/00 at byte 0 for every operation code that the model lacks, with a volume or without."""
    known = {row.opcode for row in bench.model.rows.values()}
    for host in (bench.empty(), bench.tape()):
        for opcode in set(range(256)) - known:
            size = CDB_SIZES.get(opcode >> 5, 16)
            refused(host.send(bytes((opcode,)).ljust(size, b"\0")), s.INVALID_OPCODE, (0, None))


@check()
def other_service_actions_are_refused(bench: Bench) -> None:
    """5/24/00 at the service action for every one that the model lacks."""
    host = bench.tape()
    groups: dict[int, set[int]] = {}
    for row in bench.model.rows.values():
        if row.service_action is not None:
            groups.setdefault(row.opcode, set()).add(row.service_action)
    for opcode, known in groups.items():
        for action in set(range(32)) - known:
            cdb = bytes((opcode, action)).ljust(CDB_SIZES[opcode >> 5], b"\0")
            refused(host.send(cdb), s.INVALID_FIELD_IN_CDB, (1, 4))


@check()
def reserved_bits_are_refused(bench: Bench) -> None:
    """5/24/00 with the field pointer for each bit of a CDB that no field has."""
    host = bench.tape()
    for row in bench.model.rows.values():
        usage = row.usage()
        for byte in range(1, row.size):
            for bit in range(8):
                action = row.service_action is not None and byte == 1 and bit < 5
                if usage[byte] >> bit & 1 or action:
                    continue
                cdb = bytearray(benign(row))
                cdb[byte] |= 1 << bit
                refused(host.send(bytes(cdb), size=64), s.INVALID_FIELD_IN_CDB, (byte, bit))


@check(has(RSOC))
def list_is_the_command_set(bench: Bench) -> None:
    """What REPORT SUPPORTED OPERATION CODES lists is what the personality names."""
    found = []
    for row in listed(bench.empty()):
        key = f"{row[0]:02X}"
        if row[5] & 1:
            key += f"-{int.from_bytes(row[2:4]):02X}"
        else:
            assert row[2:4] == bytes(2)
        found.append(key)
    assert sorted(found) == sorted(bench.model.personality.commands)
    assert len(found) == len(set(found))


@check(has(RSOC))
def list_has_cdb_lengths(bench: Bench) -> None:
    for row in listed(bench.empty()):
        assert int.from_bytes(row[6:8]) == CDB_SIZES[row[0] >> 5]


@check(has(RSOC))
def list_has_timeouts(bench: Bench) -> None:
    """Recommended seconds as the model's table has them."""
    names = {
        0x01: "rewind", 0x04: "format", 0x08: "read", 0x0A: "write", 0x0B: "set_capacity",
        0x10: "filemarks", 0x11: "locate", 0x13: "verify", 0x19: "erase", 0x1B: "load",
        0x1D: "send_diagnostic", 0x2B: "locate", 0x3B: "write_buffer", 0x3C: "read_buffer",
        0x91: "locate", 0x92: "locate",
    }  # fmt: skip
    told = bench.model.personality.timeouts
    for row in listed(bench.empty(), times=1):
        assert row[5] & 2
        assert row[8:10] == b"\0\x0a"
        if row[0] in names or row[0] in (0x00, 0x12, 0x1A, 0x34, 0xA0):
            wanted = told.get(names.get(row[0], "short"), told["short"])
            assert int.from_bytes(row[16:20]) == wanted, f"{row[0]:02X}"
        assert int.from_bytes(row[16:20]) >= told["short"]


@check(has(RSOC))
def one_command_with_its_usage(bench: Bench) -> None:
    """Options 1 to 3: supported as the standard says, the length, and the usage data."""
    host = bench.empty()
    for row in bench.model.rows.values():
        own = 1 if row.service_action is None else 2
        for option in (own, 3):
            for times in (0, 1):
                data = opcodes(host, option, row, times=times)
                assert data[1] == times << 7 | 3
                assert int.from_bytes(data[2:4]) == row.size
                usage = data[4 : 4 + row.size]
                assert usage[0] == row.opcode
                if row.service_action is not None:
                    assert usage[1] & 0x1F == row.service_action
                assert len(data) == 4 + row.size + 12 * times


@check(has(RSOC))
def commands_that_are_not_there_are_told(bench: Bench) -> None:
    """SUPPORT 001b for every command that other models have."""
    host = bench.empty()
    for row in (ROWS[key] for key in ROWS.keys() - bench.model.rows.keys()):
        assert opcodes(host, 3, row)[:4] == b"\0\1\0\0"


@check(has(RSOC))
def wrong_options_are_refused(bench: Bench) -> None:
    host = bench.empty()
    for option in range(4, 8):
        cdb = bytes((0xA3, 0x0C, option)) + bytes(3) + (64).to_bytes(4) + bytes(2)
        refused(host.send(cdb, size=64), s.INVALID_FIELD_IN_CDB, (2, 2))
    # Option 1 for an operation code with service actions, option 2 for one without.
    for option, opcode in ((1, 0xA3), (2, 0x12)):
        cdb = bytes((0xA3, 0x0C, option, opcode)) + bytes(2) + (64).to_bytes(4) + bytes(2)
        refused(host.send(cdb, size=64), s.INVALID_FIELD_IN_CDB, (2, 2))


@check()
def cdbs_longer_than_the_command(bench: Bench) -> None:
    """Bytes behind the CDB, as transports with CDBs of 16 bytes send them, are not looked at."""
    host = bench.tape()
    for cdb in (bytes(6), bytes((0x34,)) + bytes(9), bytes((0x05,)) + bytes(5)):
        assert host.send(cdb + b"\xff" * (16 - len(cdb)), size=64).status == GOOD
