"""The definition of a legal answer refuses what is not one."""

from __future__ import annotations

import pytest

from harness.layers import cdb as c
from harness.layers.inquiry import StandardInquiry
from harness.layers.mode import BlockDescriptor, DataCompression, ModeData6
from harness.layers.security import DataEncryptionStatus, kad
from harness.layers.sense import (
    DescriptorSense,
    FixedSense,
    InformationDescriptor,
    OtherSenseDescriptor,
    SenseKeySpecificDescriptor,
)
from harness.layers.vpd import SupportedVpdPages
from tests.layers.legal import CHECK_CONDITION, GOOD, Illegal, check

INQUIRY = bytes(c.Inquiry(allocation_length=255))
PAGES = bytes(c.Inquiry(evpd=1, allocation_length=255))
MODES = bytes(c.ModeSense6(page_code=0x0F, allocation_length=255))
STATUS = bytes(
    c.SecurityProtocolIn(
        security_protocol=0x20, security_protocol_specific=0x20, allocation_length=255
    )
)
READ = bytes(c.Read6(transfer_length=100))
FIELD = {"sense_key": 5, "additional_sense_code": 0x24}

MODE_DATA = bytes(ModeData6(block_descriptors=[BlockDescriptor()], pages=[DataCompression()]))
STATUS_DATA = bytes(DataEncryptionStatus(kad_list=[kad(0, b"label", authenticated=1)]))

LEGAL = {
    "good": (READ, GOOD, b"", b"x" * 100),
    "a conflict": (READ, 0x18, b"", b""),
    "fixed": (READ, CHECK_CONDITION, bytes(FixedSense(**FIELD)), b""),
    "a pointer": (READ, CHECK_CONDITION, bytes(FixedSense(sksv=1, c_d=1, specific_value=5)), b""),
    "described": (
        READ, CHECK_CONDITION, bytes(DescriptorSense(descriptors=[InformationDescriptor()])), b"",
    ),
    "a maker's code": (
        READ, CHECK_CONDITION, bytes(FixedSense(sense_key=7, additional_sense_code=0xEF)), b"",
    ),
    "standard data": (INQUIRY, GOOD, b"", bytes(StandardInquiry())),
    "a list": (PAGES, GOOD, b"", bytes(SupportedVpdPages(page_codes=[0, 0x80]))),
    "pages": (MODES, GOOD, b"", MODE_DATA),
    "descriptors": (STATUS, GOOD, b"", STATUS_DATA),
    "cut where it may be": (bytes(c.Inquiry(allocation_length=6)), GOOD, b"",
                            bytes(StandardInquiry())[:6]),
}  # fmt: skip

ILLEGAL = {
    "there is no status": (READ, 0x01, b"", b""),
    "status 00h with sense data": (READ, GOOD, bytes(FixedSense()), b""),
    "bytes are no sense data": (READ, CHECK_CONDITION, b"", b""),
    "response code": (READ, CHECK_CONDITION, bytes(FixedSense(response_code=0x74)), b""),
    "18 bytes of sense data say 20": (
        READ, CHECK_CONDITION, bytes(FixedSense(additional_sense_length=20)), b"",
    ),
    "sense data are short": (
        READ, CHECK_CONDITION, bytes((0x70, 0, 0, 0, 0, 0, 0, 6, *bytes(6))), b"",
    ),
    "the target failed": (
        READ, CHECK_CONDITION, bytes(FixedSense(sense_key=4, additional_sense_code=0x44)), b"",
    ),
    "sense key 9": (READ, CHECK_CONDITION, bytes(FixedSense(sense_key=9)), b""),
    "no additional sense code": (
        READ, CHECK_CONDITION, bytes(FixedSense(sense_key=5, additional_sense_code=0x7F)), b"",
    ),
    "reserved bits are set in Fixed": (
        READ, CHECK_CONDITION, bytes(FixedSense(reserved_1_7=1)), b"",
    ),
    "pointer 6 into a CDB of 6": (
        READ,
        CHECK_CONDITION,
        bytes(FixedSense(**FIELD, sksv=1, c_d=1, specific_value=6)),
        b"",
    ),
    "pointer 0 into a list of 0": (
        READ,
        CHECK_CONDITION,
        bytes(
            DescriptorSense(**FIELD, descriptors=[SenseKeySpecificDescriptor(sksv=1)])
        ),
        b"",
    ),
    "Padding": (PAGES, GOOD, b"", bytes(SupportedVpdPages(page_codes=[0])) + b"\0"),
    "announce more": (PAGES, GOOD, b"", bytes(SupportedVpdPages(page_length=3, page_codes=[0]))),
    "KAD descriptor reserved": (STATUS, GOOD, b"", STATUS_DATA.replace(b"\0\1\0\5", b"\0\xf1\0\5")),
    "255 allowed": (INQUIRY, GOOD, b"", bytes(256)),
    "room for 1000": (READ, GOOD, b"", bytes(1001)),
    "reserved bits are set in Data Compression": (
        MODES, GOOD, b"", MODE_DATA[:-1] + b"\1",
    ),
}  # fmt: skip
"""Answers that are not, by what is said of them."""


@pytest.mark.parametrize("name", LEGAL)
def test_legal(name: str) -> None:
    cdb, status, sense, data = LEGAL[name]
    check(cdb, status, sense, data, 1000)


@pytest.mark.parametrize("words", ILLEGAL)
def test_illegal(words: str) -> None:
    cdb, status, sense, data = ILLEGAL[words]
    with pytest.raises(Illegal, match=words):
        check(cdb, status, sense, data, 1000)


def test_what_a_descriptor_has_not() -> None:
    raw = bytes(DescriptorSense(descriptors=[OtherSenseDescriptor(data=b"abc")]))
    assert check(READ, CHECK_CONDITION, raw, b"", 0) == "0/00/00"
