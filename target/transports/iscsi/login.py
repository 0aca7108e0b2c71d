"""The login phase of one connection, without any I/O: a request in, a response out.

Security negotiation, operational negotiation, full feature phase (RFC 7143 sections 6.3, 11.12 and
11.13). A failed login is one response with a status, and the end of the connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from target.transports.iscsi.chap import AuthenticationFailed, Chap, Credentials
from target.transports.iscsi.keys import (
    KEYS,
    LONGEST_TEXT,
    OUR_SEGMENT,
    Parameters,
    TextError,
    When,
    encode,
    parse,
    resolve,
)

SECURITY, OPERATIONAL, FULL_FEATURE = 0, 1, 3
"""Stages (11.12.3)."""
_WHERE = {SECURITY: When.SECURITY, OPERATIONAL: When.OPERATIONAL}
MOST_REQUESTS = 32

# Status class and detail (11.13.5).
INITIATOR_ERROR = 0x0200
AUTHENTICATION_FAILURE = 0x0201
NOT_FOUND = 0x0203
UNSUPPORTED_VERSION = 0x0205
TOO_MANY_CONNECTIONS = 0x0206
MISSING_PARAMETER = 0x0207
CANNOT_INCLUDE = 0x0208
SESSION_TYPE = 0x0209
NO_SESSION = 0x020A
INVALID_REQUEST = 0x020B
TARGET_ERROR = 0x0300
OUT_OF_RESOURCES = 0x0302

_ISCSI_NAME = re.compile(r"(iqn\.[!-~]+|eui\.[0-9a-f]{16}|naa\.([0-9a-f]{16}|[0-9a-f]{32}))")


class LoginFailed(Exception):
    """The login ends with this status; the text is for the log."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def normal_name(text: str) -> str:
    """An iSCSI name in its normal form. Raises LoginFailed."""
    name = text.lower()
    if len(name.encode()) > 223 or not _ISCSI_NAME.fullmatch(name):
        raise LoginFailed(INITIATOR_ERROR, "a name is no iSCSI name")
    return name


class Login:
    """The login of one connection.

    ``exists`` says whether there is a target of that name. When `step` has answered with the
    full feature phase, the public fields say who logged in to what.
    """

    def __init__(self, credentials: Credentials | None, exists: Callable[[str], bool]) -> None:
        self.parameters = Parameters()
        self.initiator = ""
        self.target = ""
        self.isid = self.tsih = self.cid = 0
        self.done = False
        self._exists = exists
        self._chap = None if credentials is None else Chap(credentials)
        self._authenticated = False
        self._expected = "AuthMethod"
        """The key that the security negotiation is waiting for."""
        self._stage: int | None = None
        self._text = bytearray()
        self._requests = 0
        self._declared = False

    def step(self, request: dict[str, int], data: memoryview) -> tuple[dict[str, int], bytes]:
        """The fields and the text of the response. Raises LoginFailed."""
        self._check(request)
        answer = {"csg": request["csg"], "isid": self.isid, "tsih": self.tsih}
        self._text += data
        if len(self._text) > LONGEST_TEXT:
            raise LoginFailed(OUT_OF_RESOURCES, "too much text")
        if request["continue"]:
            if request["transit"]:
                raise LoginFailed(INVALID_REQUEST, "C and T are both set")
            return answer, b""
        try:
            offers = parse(self._text)
            self._text.clear()
            answers = self._negotiate(request, offers)
        except TextError as error:
            raise LoginFailed(INITIATOR_ERROR, str(error)) from None
        except AuthenticationFailed as error:
            raise LoginFailed(AUTHENTICATION_FAILURE, str(error)) from None
        if request["transit"] and (request["csg"] != SECURITY or self._authenticated):
            answer |= {"transit": 1, "nsg": request["nsg"]}
            self._stage = request["nsg"]
            self.done = self._stage == FULL_FEATURE
        return answer, encode(answers)

    def _check(self, request: dict[str, int]) -> None:
        """What a header may say."""
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            raise LoginFailed(OUT_OF_RESOURCES, "the login does not come to an end")
        if request["version_min"] > 0:
            raise LoginFailed(UNSUPPORTED_VERSION, f"version {request['version_min']}")
        stage, following = request["csg"], request["nsg"]
        if stage not in _WHERE or (
            request["transit"] and (following <= stage or following not in (1, FULL_FEATURE))
        ):
            raise LoginFailed(INVALID_REQUEST, f"stage {stage} to {following}")
        who = request["isid"], request["tsih"], request["cid"]
        if self._stage is None:
            self._stage = stage
            self.isid, self.tsih, self.cid = who
            if stage == OPERATIONAL and self._chap is not None:
                raise LoginFailed(AUTHENTICATION_FAILURE, "the initiator offers no authentication")
        elif who != (self.isid, self.tsih, self.cid):
            raise LoginFailed(INVALID_REQUEST, "ISID, TSIH or CID changed")
        elif stage != self._stage:
            raise LoginFailed(INVALID_REQUEST, f"stage {stage} instead of {self._stage}")

    def _negotiate(self, request: dict[str, int], offers: dict[str, str]) -> dict[str, str]:
        answers: dict[str, str] = {}
        if not self.initiator:
            answers |= self._introduce(offers)
        where = _WHERE[request["csg"]]
        if where is When.SECURITY:
            for name in offers:
                if name in KEYS and not KEYS[name].when & where:
                    raise LoginFailed(INITIATOR_ERROR, f"{name} in the security stage")
            answers |= self._authenticate(offers, bool(request["transit"]))
            offers = {k: v for k, v in offers.items() if k not in _SECURITY_KEYS}
        answers |= self.parameters.negotiate(offers, where)
        if where is When.OPERATIONAL and not self._declared:
            self._declared = True
            answers["MaxRecvDataSegmentLength"] = str(OUR_SEGMENT)
        return answers

    def _introduce(self, offers: dict[str, str]) -> dict[str, str]:
        """Who logs in to what: in the first request."""
        if "InitiatorName" not in offers:
            raise LoginFailed(MISSING_PARAMETER, "no InitiatorName")
        self.initiator = normal_name(offers["InitiatorName"])
        kind = offers.get("SessionType", "Normal")
        if kind not in ("Normal", "Discovery"):
            raise LoginFailed(SESSION_TYPE, "a session type that is not known")
        self.parameters.discovery = kind == "Discovery"
        if self.parameters.discovery:
            return {}
        if "TargetName" not in offers:
            raise LoginFailed(MISSING_PARAMETER, "no TargetName")
        self.target = normal_name(offers["TargetName"])
        if not self._exists(self.target):
            raise LoginFailed(NOT_FOUND, f"there is no target {self.target}")
        return {"TargetPortalGroupTag": KEYS["TargetPortalGroupTag"].ours}

    def _authenticate(self, offers: dict[str, str], leaving: bool) -> dict[str, str]:
        """One step of the security negotiation."""
        if self._expected == "AuthMethod":
            offer = offers.get("AuthMethod")
            if offer is None and not leaving:
                return {}
            ours = "None" if self._chap is None else "CHAP"
            method = resolve(KEYS["AuthMethod"]._replace(ours=ours), offer or "None")
            if method is None:
                raise AuthenticationFailed(f"AuthMethod {ours} is needed")
            self._authenticated = self._chap is None
            self._expected = "" if self._authenticated else "CHAP_A"
            return {} if offer is None else {"AuthMethod": method}
        assert self._chap is not None or not self._expected
        if self._chap is None or self._authenticated:
            if _SECURITY_KEYS & offers.keys():
                raise AuthenticationFailed("authentication goes on after its end")
            return {}
        if self._expected not in offers:
            raise AuthenticationFailed(f"{self._expected} is missing")
        if self._expected == "CHAP_A":
            self._expected = "CHAP_N"
            return self._chap.challenge(offers)
        answers = self._chap.check(offers)
        self._authenticated, self._expected = True, ""
        return answers


_SECURITY_KEYS = {"AuthMethod", "CHAP_A", "CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R"}
