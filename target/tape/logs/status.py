"""Log pages of the present state: 0Dh, 11h to 13h, 15h, 18h, 2Eh."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target.scsi.command import Nexus
from target.scsi.layout import Layout
from target.scsi.log import BINARY_LIST, LogPage, Parameter
from target.scsi.transport_id import FIBRE_CHANNEL, SAS, address_of
from target.tape import tape_alert
from target.tape.logs.rows import Value, fixed, number, port_address, protocol
from target.tape.tape_alert import Flag

if TYPE_CHECKING:
    from target.tape.drive import Drive

# --- temperature -------------------------------------------------------------------------------

TEMPERATURE, REFERENCE, HUMIDITY = 30, 55, 40
"""Degrees Celsius and percent: a comfortable place that never changes."""

TEMPERATURES = LogPage(
    0x0D,
    "temperature",
    (
        Parameter(0x0000, 2, lambda d: bytes((0, TEMPERATURE)), BINARY_LIST),
        Parameter(0x0001, 2, lambda d: bytes((0, REFERENCE)), BINARY_LIST),
    ),
)
"""SPC-4 7.3.21."""


def _report(value: int) -> Value:
    """Now, and the most and the least in the drive's life and since it has power."""
    return lambda d: bytes((0, value, value, value, value, value, 0, 0))


ENVIRONMENT = LogPage(
    0x0D,
    "environmental reporting",
    (number(0x0000, 8, _report(TEMPERATURE)), number(0x0100, 8, _report(HUMIDITY))),
    subpage=0x01,
)
"""SPC-5 7.3.7."""

# --- 11h ---------------------------------------------------------------------------------------

VERY_HIGH_FREQUENCY = Layout(
    """0.7  pamr
    0.6    hiu
    0.5    macc
    0.4    cmpr
    0.3    wrtp
    0.2    crqst
    0.1    crqrd
    0.0    dinit
    1.7    inxtn
    1.5    raa
    1.4    mprsnt
    1.2    mstd
    1.1    mthrd
    1.0    mounted
    2      activity
    3.7    vs
    3.5    tddec
    3.4    epp
    3.3    esr
    3.2    rrqst
    3.1    intfc
    3.0    tafc""",
    4,
)
ACTIVITIES = {
    "clean": 0x01, "load": 0x02, "unload": 0x03, "verify": 0x05, "locate": 0x07, "rewind": 0x08,
    "erase": 0x09, "format": 0x0A, "set capacity": 0x0A, "optimise": 0x0B,
}  # fmt: skip
"""DT DEVICE ACTIVITY by the operation that goes on (see `target.tape.operation`): a command that
is waited for is over before anybody can ask."""

POLLING_DELAY = 500
"""Milliseconds, as IBM's LTO drives have it."""

_MOVING = ("load", "unload", "optimise", "clean")
"""While these go on, the bits of the medium are about to change."""


class Seen(NamedTuple):
    """A drive as one nexus sees it."""

    drive: Drive
    nexus: Nexus


def very_high_frequency(seen: Seen) -> bytes:
    """The parameter that a library polls."""
    drive, nexus = seen
    active, cartridge = drive.alerts.active, drive.cartridge
    operation = drive.background.operation
    compressing = (0x0F, 0x00) in drive.modes and drive.modes[0x0F]["dce"]
    return bytes(
        VERY_HIGH_FREQUENCY.encode(
            pamr=drive.removal_prevented,
            hiu=drive.host_unloaded,
            macc=cartridge is not None and (drive.loaded or drive.held),
            cmpr=bool(compressing),
            wrtp=cartridge is not None and cartridge.write_protect,
            crqst=Flag.CLEAN_PERIODIC in active,
            crqrd=Flag.CLEAN_NOW in active,
            dinit=1,
            inxtn=operation is not None and operation.name in _MOVING,
            raa=not drive.loaded and operation is None,
            mprsnt=cartridge is not None,
            mstd=drive.loaded or drive.held,
            mthrd=drive.loaded,
            mounted=drive.loaded,
            activity=ACTIVITIES.get(operation.name, 0) if operation else 0,
            tddec=drive.diagnosed_since(nexus),
            epp=drive.parameters.shared is not None and drive.parameters.shared.active,
            esr=drive.external is not None and drive.external.asked is not None,
            rrqst=bool(recovery(drive)),
            tafc=bool(drive.alerts.unread(nexus)),
        )
    )


SAS_PORT = Layout("0.7-4 rate, 0.1 signal, 0.0 pic, 1-3 hashed, 4-11 address", 12)
FC_PORT = Layout(
    """0.7  topology
    0.6-4  speed
    0.3    login_complete
    0.1    signal
    0.0    pic
    1-3    port_id
    8-15   port_name
    16-23  node_name""",
    24,
)
RATE_6G, SPEED_8G = 0xA, 0x4
_GENERATOR = 0x01DB2777


def hashed(address: int) -> int:
    """The 24-bit hash of a SAS address (SPL, annex on SAS address hashing)."""
    rest = address << 24
    for bit in range(87, 23, -1):
        if rest >> bit & 1:
            rest ^= _GENERATOR << bit - 24
    return rest


def _port(seen: Seen) -> bytes | None:
    """Of the only port there is, where a tape drive has such: it is up and somebody is there."""
    drive, address = seen.drive, port_address(seen.drive)
    if protocol(drive) == SAS:
        values = {"rate": RATE_6G, "signal": 1, "pic": 1, "address": address}
        return bytes(SAS_PORT.encode({**values, "hashed": hashed(address)}))
    if protocol(drive) == FIBRE_CHANNEL:
        values = {"topology": 1, "speed": SPEED_8G, "login_complete": 1, "signal": 1, "pic": 1}
        names = {"port_name": address, "node_name": address}
        return bytes(FC_PORT.encode({**values, **names, "port_id": 0x010000}))
    return None


DEVICE_STATUS = LogPage(
    0x11,
    "DT device status",
    (
        number(0x0000, 4, very_high_frequency),
        number(0x0001, 2, lambda seen: POLLING_DELAY),
        # Their layouts are in no public source.
        number(0x0002, 8, lambda seen: bytes(8)),
        number(0x0003, 12, lambda seen: bytes(12)),
        number(0x0101, 12, _port),
    ),
    subject=Seen,
)
"""SSC-4 8.2.4, ADC-3 6.1.3. TDDEC and TAFC are those of the nexus that asks: what it has not read
in 16h and 2Eh."""

# --- TapeAlert, recovery -----------------------------------------------------------------------

ALERT_RESPONSE = LogPage(
    0x12,
    "TapeAlert response",
    (number(0x0000, 8, lambda d: tape_alert.bits(d.alerts.active)),),
)
"""The flags that are active, whoever has read them; reading changes nothing (SSC-4 8.2.5)."""

REINSERT = 0x03
"""RECOVERY PROCEDURE: take the volume out and put it in again."""


def recovery(drive: Drive) -> tuple[int, ...]:
    """The recovery procedures that would help."""
    return (REINSERT,) if Flag.LOAD_FAILED in drive.alerts.active else ()


REQUESTED_RECOVERY = LogPage(
    0x13, "requested recovery", (number(0x0000, 1, lambda d: bytes(recovery(d) or (0,))),)
)
"""ADC-3 6.1.4; 0: none is requested."""


def _alert(flag: int) -> Parameter:
    """A TapeAlert flag, looked up among those that a nexus has not read yet."""
    return fixed(flag, 1, lambda unread: flag in unread)


def _unread(drive: Drive, nexus: Nexus) -> set[int]:
    return drive.alerts.unread(nexus)


def _setting(drive: Drive, name: str) -> int:
    return drive.modes.current.get((0x10, 0x01), {}).get(name, 0)


def _read(drive: Drive, nexus: Nexus) -> None:
    """Reading deactivates the flags for the nexus, unless TAPLSD says not to."""
    if not _setting(drive, "taplsd"):
        drive.alerts.read(nexus)


def _cleared(drive: Drive, nexus: Nexus) -> bool:
    """LOG SELECT deactivates them for everyone, unless TASER says not to."""
    return not _setting(drive, "taser") and drive.alerts.clear()


TAPE_ALERT = LogPage(
    0x2E,
    "TapeAlert",
    tuple(_alert(flag) for flag in range(1, 65)),
    subject=_unread,
    read=_read,
    cleared=_cleared,
)
"""SSC-4 8.2.3; PAGE CONTROL makes no difference (TARPC 0)."""

# --- buffers, ports ----------------------------------------------------------------------------

SERVICE_BUFFER = Layout(
    "0 buffer_id, 1.4 tu, 1.3 nmp, 1.2 nmm, 1.1 offline, 1.0 pd, 2.3-0 code_set", 4
)
ASCII = 2
_TITLE = b"Dump"


def _service_buffer(identifier: int) -> Value:
    """A buffer that READ BUFFER hands out without moving or needing a volume."""

    def value(drive: Drive) -> bytes | None:
        if identifier not in drive.buffers or not drive.buffers[identifier].dump:
            return None
        fields = {"buffer_id": identifier, "nmp": 1, "nmm": 1, "code_set": ASCII}
        return bytes(SERVICE_BUFFER.encode(fields)) + _TITLE

    return value


SERVICE_BUFFERS = LogPage(
    0x15,
    "service buffers information",
    tuple(number(identifier, 8, _service_buffer(identifier)) for identifier in range(0x100)),
)
"""ADC-3 6.1.5: the buffers that hold a dump."""

PORT = Layout("0.3-0 protocol, 2 generation, 3 phys", 4)
PHY = Layout(
    """1      identifier
    3        length
    4.6-4    attached_type
    4.3-0    attached_reason
    5.7-4    reason
    5.3-0    rate
    6.3      ssp_initiator
    6.2      stp_initiator
    6.1      smp_initiator
    7.3      ssp_target
    7.2      stp_target
    7.1      smp_target
    8-15     address
    16-23    attached_address
    24       attached_identifier
    32-35    invalid_dwords
    36-39    disparity_errors
    40-43    lost_synchronization
    44-47    reset_problems""",
    48,
)
END_DEVICE, POWER_ON = 1, 1


def _phy(seen: Seen) -> bytes | None:
    """The only phy of the only port, and at its other end the initiator that asks. No errors."""
    if protocol(seen.drive) != SAS:
        return None
    phy = PHY.encode(
        length=PHY.size - 4,
        attached_type=END_DEVICE,
        attached_reason=POWER_ON,
        reason=POWER_ON,
        rate=RATE_6G,
        ssp_initiator=1,
        address=port_address(seen.drive),
        attached_address=address_of(seen.nexus.initiator),
    )
    return bytes(PORT.encode(protocol=SAS, phys=1)) + bytes(phy)


PORTS = LogPage(0x18, "protocol-specific port", (number(0x0001, 52, _phy),), subject=Seen)
"""SPL 9.2.8.1; parameters are relative target ports. Only SAS has such a page."""
