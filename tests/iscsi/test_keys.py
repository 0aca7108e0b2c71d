"""The table of text keys: each kind's way to a result, by the table of RFC 7143 section 13."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.transports.iscsi import keys
from target.transports.iscsi.keys import KEYS, Kind, Parameters, TextError, When

DEFAULTS = {
    "HeaderDigest": "None",
    "DataDigest": "None",
    "MaxConnections": "1",
    "InitialR2T": "Yes",
    "ImmediateData": "Yes",
    "MaxRecvDataSegmentLength": "8192",
    "MaxBurstLength": "262144",
    "FirstBurstLength": "65536",
    "DefaultTime2Wait": "2",
    "DefaultTime2Retain": "20",
    "MaxOutstandingR2T": "1",
    "DataPDUInOrder": "Yes",
    "DataSequenceInOrder": "Yes",
    "ErrorRecoveryLevel": "0",
    "SessionType": "Normal",
    "TaskReporting": "RFC3720",
    "iSCSIProtocolLevel": "1",
}
"""As the sections of 13 have them."""

NEGOTIATED = [
    ("HeaderDigest", "CRC32C,None", "CRC32C"),
    ("HeaderDigest", "None,CRC32C", "None"),
    ("DataDigest", "X-md5,CRC32C", "CRC32C"),
    ("DataDigest", "X-md5", "Reject"),
    ("MaxConnections", "8", "1"),
    ("MaxConnections", "0", "Reject"),
    ("MaxConnections", "65536", "Reject"),
    ("InitialR2T", "Yes", "Yes"),
    ("InitialR2T", "No", "No"),
    ("InitialR2T", "no", "Reject"),
    ("ImmediateData", "Yes", "Yes"),
    ("ImmediateData", "No", "No"),
    ("MaxRecvDataSegmentLength", "512", None),
    ("MaxRecvDataSegmentLength", "16777215", None),
    ("MaxRecvDataSegmentLength", "511", "Reject"),
    ("MaxRecvDataSegmentLength", "16777216", "Reject"),
    ("MaxBurstLength", "16776192", "16776192"),
    ("MaxBurstLength", "0x1000", "4096"),
    ("MaxBurstLength", "511", "Reject"),
    ("FirstBurstLength", "65536", "65536"),
    ("FirstBurstLength", "16777215", "262144"),
    ("DefaultTime2Wait", "0", "0"),
    ("DefaultTime2Wait", "3600", "3600"),
    ("DefaultTime2Wait", "3601", "Reject"),
    ("DefaultTime2Retain", "20", "0"),
    ("MaxOutstandingR2T", "1", "1"),
    ("MaxOutstandingR2T", "65535", "8"),
    ("DataPDUInOrder", "No", "Yes"),
    ("DataSequenceInOrder", "No", "Yes"),
    ("ErrorRecoveryLevel", "2", "0"),
    ("ErrorRecoveryLevel", "3", "Reject"),
    ("TaskReporting", "FastAbort,RFC3720", "RFC3720"),
    ("TaskReporting", "FastAbort", "Reject"),
    ("iSCSIProtocolLevel", "2", "1"),
    ("IFMarker", "No", "No"),
    ("OFMarker", "Yes", "No"),
    ("IFMarkInt", "2048", "Reject"),
    ("OFMarkInt", "1~65535", "Reject"),
    ("InitiatorAlias", "me", None),
    ("TargetAlias", "you", "Reject"),
    ("TargetPortalGroupTag", "1", "Reject"),
    ("SendTargets", "All", "Reject"),
    ("X-com.example.Key", "7", "NotUnderstood"),
]


def test_defaults_are_those_of_the_standard() -> None:
    assert {name: KEYS[name].default for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize(("name", "offer", "answer"), NEGOTIATED)
def test_an_offer_in_the_login(name: str, offer: str, answer: str | None) -> None:
    parameters = Parameters()
    before = dict(parameters.values)
    answers = parameters.negotiate(
        {name: offer}, When.OPERATIONAL if name != "InitiatorAlias" else When.LOGIN
    )
    assert answers == ({} if answer is None else {name: answer})
    if answer in ("Reject", "NotUnderstood"):
        assert parameters.values == before


def test_every_key_of_the_table_is_tried() -> None:
    security = {name for name, key in KEYS.items() if key.when is When.SECURITY}
    who = {"InitiatorName", "TargetName", "SessionType", "TargetAddress"}
    assert {name for name, *_ in NEGOTIATED} | security | who >= KEYS.keys()


@given(
    st.sampled_from([key for key in keys.TABLE if key.kind in (Kind.MINIMUM, Kind.MAXIMUM)]),
    st.integers(0, 1 << 24),
)
def test_numbers_come_out_in_their_range(key: keys.Key, offer: int) -> None:
    result = keys.resolve(key, str(offer))
    assert result == keys.resolve(key, hex(offer))
    assert (result is not None) == (key.low <= offer <= key.high)
    if result is not None:
        best = min if key.kind is Kind.MINIMUM else max
        assert int(result) == best(offer, int(key.ours))


def test_what_a_discovery_session_has_no_use_for_is_irrelevant() -> None:
    parameters = Parameters()
    parameters.discovery = True
    offers = {"MaxBurstLength": "512", "InitialR2T": "No", "ErrorRecoveryLevel": "0"}
    assert parameters.negotiate(offers, When.OPERATIONAL) == {
        "MaxBurstLength": "Irrelevant",
        "InitialR2T": "Irrelevant",
        "ErrorRecoveryLevel": "0",
    }


def test_a_login_negotiates_a_key_once() -> None:
    parameters = Parameters()
    parameters.negotiate({"MaxBurstLength": "512"}, When.OPERATIONAL)
    with pytest.raises(TextError, match="twice"):
        parameters.negotiate({"MaxBurstLength": "512"}, When.OPERATIONAL)


def test_in_full_feature_phase_few_keys_change() -> None:
    parameters = Parameters()
    for size in ("1024", "2048"):
        assert not parameters.negotiate({"MaxRecvDataSegmentLength": size}, When.FULL)
        assert parameters["MaxRecvDataSegmentLength"] == int(size)
    assert parameters.negotiate({"MaxBurstLength": "512"}, When.FULL) == {
        "MaxBurstLength": "Reject"
    }


@pytest.mark.parametrize(
    "data",
    [
        b"NoEquals\0",
        b"=value\0",
        b"lower=case\0",
        b"Key=1\0Key=2\0",
        b"K" * 64 + b"=1\0",
        b"Key=" + b"v" * 256 + b"\0",
        b"CHAP_C=0x" + b"0" * 2049 + b"\0",
        b"Key=\xff\xfe\0",
        b"\xc3\xa4=1\0",
    ],
)
def test_text_that_breaks_the_rules(data: bytes) -> None:
    with pytest.raises(TextError):
        keys.parse(data)


@given(
    st.dictionaries(
        st.sampled_from([*KEYS, "X-some.key"]),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60),
    )
)
def test_text_round_trip(pairs: dict[str, str]) -> None:
    assert keys.parse(keys.encode(pairs)) == pairs


@pytest.mark.parametrize(
    ("text", "value"),
    [("10", 10), ("0x1F", 31), ("0X1f", 31), ("", None), ("-1", None), ("0x", None), ("1.0", None)],
)
def test_numerical_values(text: str, value: int | None) -> None:
    assert keys.number(text) == value
