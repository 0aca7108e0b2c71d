"""The commands that checks send, in the fewest words: what is not said is zero.

Each function makes a CDB by its layer. Checks send the same few CDBs again and again, and scapy
builds slowly, so each is built once.
"""

from __future__ import annotations

from functools import cache

from harness.layers import cdb

BLOCKS, FILEMARKS, SEQUENTIAL_FILEMARKS, END_OF_DATA = 0, 1, 2, 3
"""Codes of SPACE."""
OBJECT, FILE, EOD = 0, 1, 3
"""Kinds of destination of LOCATE(16)."""
SHORT, VENDOR, LONG, EXTENDED = 0, 1, 6, 8
"""Forms of READ POSITION."""


@cache
def built(layer: type[cdb.Cdb], **fields: int) -> bytes:
    """A CDB with those fields. Raises OverflowError for a length or address that does not fit."""
    return bytes(layer(**fields))


def flags_of(value: int, names: str) -> dict[str, int]:
    """Fields of one bit each, by ``names`` from the highest bit to bit 0."""
    return {name: value >> at & 1 for at, name in enumerate(reversed(names.split()))}


def plain(opcode: int, action: int = 0) -> bytes:
    """A CDB, of no command perhaps, with nothing but its operation code and service action, as
    long as its group says."""
    return bytes((opcode, action)).ljust(size_of(opcode), b"\0")


def size_of(opcode: int) -> int:
    """Length of the CDBs of an operation code."""
    return cdb.SIZES.get(opcode >> 5, 16)


# --- blocks and marks (SSC-4 chapters 5 to 7) ----------------------------------------------------

TEST_UNIT_READY = built(cdb.TestUnitReady)
REWIND = built(cdb.Rewind)
READ_BLOCK_LIMITS = built(cdb.ReadBlockLimits)


def read(length: int, *, fixed: bool = False, sili: bool = False) -> bytes:
    """READ(6): bytes, or blocks with ``fixed``."""
    return built(cdb.Read6, transfer_length=length, fixed=fixed, sili=sili)


def read_reverse(length: int, *, fixed: bool = False, byte_order: bool = True) -> bytes:
    """READ REVERSE(6); ``byte_order``: BYTORD, the bytes of a block as they were written."""
    return built(cdb.ReadReverse6, transfer_length=length, fixed=fixed, bytord=byte_order)


def write(length: int, *, fixed: bool = False) -> bytes:
    """WRITE(6)."""
    return built(cdb.Write6, transfer_length=length, fixed=fixed)


def verify(length: int, flags: int = 0) -> bytes:
    """VERIFY(6); flags: 20h VTE, 10h VLBPM, 08h VBF, 04h IMMED, 02h BYTCMP, 01h FIXED."""
    names = "vte vlbpm vbf immed bytcmp fixed"
    return built(cdb.Verify6, verification_length=length, **flags_of(flags, names))


def write_filemarks(count: int, *, immed: bool = False, wsmk: bool = False) -> bytes:
    """WRITE FILEMARKS(6)."""
    return built(cdb.WriteFilemarks6, filemark_count=count, immed=immed, wsmk=wsmk)


def space(code: int, count: int) -> bytes:
    """SPACE(6); a negative count goes backwards."""
    return built(cdb.Space6, code=code, count=count)


def space_16(code: int, count: int) -> bytes:
    """SPACE(16)."""
    return built(cdb.Space16, code=code, count=count)


def locate(
    number: int, *, partition: int | None = None, vendor: bool = False, immed: bool = False
) -> bytes:
    """LOCATE(10); ``partition`` sets CP, ``vendor`` is BT."""
    return built(
        cdb.Locate10,
        bt=vendor,
        cp=partition is not None,
        immed=immed,
        logical_object_identifier=number,
        partition=partition or 0,
    )


def locate_16(
    number: int,
    kind: int = OBJECT,
    *,
    partition: int | None = None,
    immed: bool = False,
    bam: bool = False,
) -> bytes:
    """LOCATE(16); ``partition`` sets CP."""
    return built(
        cdb.Locate16,
        dest_type=kind,
        cp=partition is not None,
        immed=immed,
        bam=bam,
        partition=partition or 0,
        logical_identifier=number,
    )


def read_position(form: int = SHORT, allocation: int = 0) -> bytes:
    """READ POSITION; only the extended form takes an allocation length."""
    return built(cdb.ReadPosition, service_action=form, allocation_length=allocation)


def erase(*, long: bool = False, immed: bool = False) -> bytes:
    """ERASE(6)."""
    return built(cdb.Erase6, long=long, immed=immed)


def load_unload(flags: int, *, immed: bool = False) -> bytes:
    """LOAD UNLOAD; flags: 08h HOLD, 04h EOT, 02h RETEN, 01h LOAD."""
    return built(cdb.LoadUnload, immed=immed, **flags_of(flags, "hold eot reten load"))


def prevent(value: int) -> bytes:
    """PREVENT ALLOW MEDIUM REMOVAL: 1 prevents, 0 allows."""
    return built(cdb.PreventAllowMediumRemoval, prevent=value)


def format_medium(
    kind: int, *, verify: bool = False, immed: bool = False, length: int = 0
) -> bytes:
    """FORMAT MEDIUM."""
    return built(cdb.FormatMedium, format=kind, verify=verify, immed=immed, transfer_length=length)


def set_capacity(proportion: int) -> bytes:
    """SET CAPACITY."""
    return built(cdb.SetCapacity, capacity_proportion_value=proportion)


def allow_overwrite(value: int, number: int = 0, partition: int = 0) -> bytes:
    """ALLOW OVERWRITE."""
    return built(
        cdb.AllowOverwrite,
        allow_overwrite=value,
        partition=partition,
        logical_object_identifier=number,
    )


def report_density_support(
    allocation: int, *, media: bool = False, medium_type: bool = False
) -> bytes:
    """REPORT DENSITY SUPPORT."""
    return built(
        cdb.ReportDensitySupport, media=media, medium_type=medium_type, allocation_length=allocation
    )


# --- commands of every device (SPC-4 chapter 6) --------------------------------------------------


def inquiry(allocation: int, page: int | None = None) -> bytes:
    """INQUIRY; ``page`` sets EVPD."""
    evpd = page is not None
    return built(cdb.Inquiry, evpd=evpd, page_code=page or 0, allocation_length=allocation)


def request_sense(allocation: int = 252, *, desc: bool = False) -> bytes:
    """REQUEST SENSE."""
    return built(cdb.RequestSense, desc=desc, allocation_length=allocation)


def mode_sense_6(
    page: int, subpage: int = 0, *, control: int = 0, dbd: bool = False, allocation: int = 255
) -> bytes:
    """MODE SENSE(6); control: 0 current, 1 changeable, 2 default, 3 saved."""
    return built(
        cdb.ModeSense6,
        dbd=dbd,
        pc=control,
        page_code=page,
        subpage_code=subpage,
        allocation_length=allocation,
    )


def mode_sense(
    page: int, subpage: int = 0, *, control: int = 0, dbd: bool = False, allocation: int = 0xFFFC
) -> bytes:
    """MODE SENSE(10)."""
    return built(
        cdb.ModeSense10,
        dbd=dbd,
        pc=control,
        page_code=page,
        subpage_code=subpage,
        allocation_length=allocation,
    )


def mode_select_6(length: int, *, pf: bool = True, sp: bool = False) -> bytes:
    """MODE SELECT(6)."""
    return built(cdb.ModeSelect6, pf=pf, sp=sp, parameter_list_length=length)


def mode_select(length: int, *, pf: bool = True, sp: bool = False) -> bytes:
    """MODE SELECT(10)."""
    return built(cdb.ModeSelect10, pf=pf, sp=sp, parameter_list_length=length)


def log_sense(
    page: int,
    subpage: int = 0,
    *,
    control: int = 1,
    pointer: int = 0,
    flags: int = 0,
    allocation: int = 0xFFFC,
) -> bytes:
    """LOG SENSE; control: 0 threshold, 1 cumulative, 2, 3 their defaults; flags: 2 PPC, 1 SP."""
    return built(
        cdb.LogSense,
        pc=control,
        page_code=page,
        subpage_code=subpage,
        parameter_pointer=pointer,
        allocation_length=allocation,
        **flags_of(flags, "ppc sp"),
    )


def log_select(
    *, flags: int = 2, control: int = 1, page: int = 0, subpage: int = 0, length: int = 0
) -> bytes:
    """LOG SELECT; flags: 02h PCR, 01h SP."""
    return built(
        cdb.LogSelect,
        pc=control,
        page_code=page,
        subpage_code=subpage,
        parameter_list_length=length,
        **flags_of(flags, "pcr sp"),
    )


def report_luns(allocation: int, select: int = 0) -> bytes:
    """REPORT LUNS."""
    return built(cdb.ReportLuns, select_report=select, allocation_length=allocation)


def operation_codes(
    option: int = 0, opcode: int = 0, action: int = 0, *, times: bool = False, room: int = 0xFFFC
) -> bytes:
    """REPORT SUPPORTED OPERATION CODES; ``times`` is RCTD."""
    return built(
        cdb.ReportSupportedOperationCodes,
        rctd=times,
        reporting_options=option,
        requested_operation_code=opcode,
        requested_service_action=action,
        allocation_length=room,
    )


def maintenance_in(action: int, allocation: int, flags: int = 0) -> bytes:
    """MAINTENANCE IN with one of the service actions that a layer describes; flags: 80h REPD."""
    layer = type(cdb.dissect_cdb(plain(0xA3, action)))
    return built(layer, allocation_length=allocation, **({"repd": 1} if flags else {}))


def maintenance_out(action: int, length: int) -> bytes:
    """MAINTENANCE OUT with one of the service actions that a layer describes."""
    layer = type(cdb.dissect_cdb(plain(0xA4, action)))
    return built(layer, parameter_list_length=length)


def read_attribute(
    action: int = 0, first: int = 0, *, partition: int = 0, allocation: int = 0xFFFC
) -> bytes:
    """READ ATTRIBUTE; action: 0 values, 1 list, 2 logical volumes, 3 partitions, 5 supported."""
    return built(
        cdb.ReadAttribute,
        service_action=action,
        partition_number=partition,
        first_attribute_identifier=first,
        allocation_length=allocation,
    )


def write_attribute(length: int, *, partition: int = 0, through: bool = False) -> bytes:
    """WRITE ATTRIBUTE; ``through`` is WTC."""
    return built(
        cdb.WriteAttribute, wtc=through, partition_number=partition, parameter_list_length=length
    )


def reserve_in(action: int, allocation: int = 0xFFFC) -> bytes:
    """PERSISTENT RESERVE IN: 0 keys, 1 reservation, 2 capabilities, 3 full status."""
    return built(cdb.PersistentReserveIn, service_action=action, allocation_length=allocation)


def reserve_out(action: int, kind: int = 0, *, scope: int = 0, length: int = 24) -> bytes:
    """PERSISTENT RESERVE OUT: 0 register, 1 reserve, 2 release, 3 clear, 4 preempt, 6 ignore."""
    return built(
        cdb.PersistentReserveOut,
        service_action=action,
        scope=scope,
        type=kind,
        parameter_list_length=length,
    )


def send_diagnostic(flags: int = 0x04, length: int = 0) -> bytes:
    """SEND DIAGNOSTIC; flags: bits 7-5 self-test code, 10h PF, 04h SELFTEST, 02h DEVOFFL, 01h
    UNITOFFL."""
    return built(
        cdb.SendDiagnostic,
        self_test_code=flags >> 5,
        pf=flags >> 4 & 1,
        parameter_list_length=length,
        **flags_of(flags, "selftest devoffl unitoffl"),
    )


def receive_diagnostic(page: int, allocation: int = 0xFFFC) -> bytes:
    """RECEIVE DIAGNOSTIC RESULTS, with PCV."""
    return built(cdb.ReceiveDiagnosticResults, pcv=1, page_code=page, allocation_length=allocation)


def read_buffer(mode: int, length: int, *, buffer: int = 0, offset: int = 0) -> bytes:
    """READ BUFFER."""
    return built(
        cdb.ReadBuffer, mode=mode, buffer_id=buffer, buffer_offset=offset, allocation_length=length
    )


def write_buffer(mode: int, length: int, *, buffer: int = 0, offset: int = 0) -> bytes:
    """WRITE BUFFER."""
    return built(
        cdb.WriteBuffer,
        mode=mode,
        buffer_id=buffer,
        buffer_offset=offset,
        parameter_list_length=length,
    )


# --- commands of changers (SMC-3 chapter 6) ------------------------------------------------------


def read_element_status(
    kind: int,
    start: int = 0,
    count: int = 0xFFFF,
    *,
    tags: bool = True,
    devices: bool = False,
    allocation: int = 0xFFFFF,
) -> bytes:
    """READ ELEMENT STATUS; ``tags`` is VOLTAG, ``devices`` DVCID."""
    return built(
        cdb.ReadElementStatus,
        voltag=tags,
        element_type_code=kind,
        starting_element_address=start,
        number_of_elements=count,
        dvcid=devices,
        allocation_length=allocation,
    )


def move_medium(
    source: int, destination: int, *, transport: int = 0, invert: bool = False
) -> bytes:
    """MOVE MEDIUM."""
    return built(
        cdb.MoveMedium,
        medium_transport_element_address=transport,
        source_element_address=source,
        destination_element_address=destination,
        invert=invert,
    )


def exchange_medium(source: int, first: int, second: int, *, transport: int = 0) -> bytes:
    """EXCHANGE MEDIUM."""
    return built(
        cdb.ExchangeMedium,
        medium_transport_element_address=transport,
        source_element_address=source,
        first_destination_element_address=first,
        second_destination_element_address=second,
    )


def position_to_element(destination: int, *, transport: int = 0) -> bytes:
    """POSITION TO ELEMENT."""
    return built(
        cdb.PositionToElement,
        medium_transport_element_address=transport,
        destination_element_address=destination,
    )


def initialize_range(start: int, count: int) -> bytes:
    """INITIALIZE ELEMENT STATUS WITH RANGE, with RANGE set."""
    return built(
        cdb.InitializeElementStatusWithRange,
        range=1,
        starting_element_address=start,
        number_of_elements=count,
    )


def send_volume_tag(kind: int, start: int, action: int, length: int = 40) -> bytes:
    """SEND VOLUME TAG."""
    return built(
        cdb.SendVolumeTag,
        element_type_code=kind,
        starting_element_address=start,
        send_action_code=action,
        parameter_list_length=length,
    )


def request_volume_element_address(kind: int, allocation: int = 0xFFFFF) -> bytes:
    """REQUEST VOLUME ELEMENT ADDRESS, with VOLTAG, of as many elements as there are."""
    return built(
        cdb.RequestVolumeElementAddress,
        voltag=1,
        element_type_code=kind,
        number_of_elements=0xFFFF,
        allocation_length=allocation,
    )
