"""CHAP as iSCSI has it (RFC 7143 section 12.1.3, RFC 1994), in one direction or both.

The target asks first; an initiator that sends a challenge of its own gets an answer with the
target's name and secret. The two have different secrets, so that no answer of one side can be
got from the other by sending its challenge back.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keymgr.private_file import NotPrivate, read_private
from keymgr.secret import Secret

ALGORITHMS = {5: "md5", 7: "sha256"}
"""CHAP_A: name of the hash function (IANA, PPP authentication algorithms)."""
CHALLENGE = 32
"""Bytes of a challenge of ours."""
SHORTEST_SECRET = 12
"""Bytes (RFC 7143 section 9.2.1: 96 bits at least)."""
LONGEST_CHALLENGE = 1024


class AuthenticationFailed(Exception):
    """The initiator is not who it says; the text is for the log and names no secret."""


_LARGEST = 1 << 20
"""Bytes of a file of credentials."""


class Credentials:
    """Who may log in, and as whom the target answers; from a TOML file of mode 0600.

    The file has a table ``[initiators]`` of ``name = "secret"`` and, for mutual CHAP, a table
    ``[target]`` with ``name`` and ``secret``.
    """

    def __init__(self, initiators: Mapping[str, str], target: tuple[str, str] | None) -> None:
        self.initiators = {name: Secret(secret.encode()) for name, secret in initiators.items()}
        self.target = None if target is None else (target[0], Secret(target[1].encode()))

    @classmethod
    def load(cls, path: Path) -> Credentials:
        """Read a file. Raises OSError with one sentence that names it and the cure."""
        try:
            content = read_private(path, "credentials", _LARGEST)
            raw = tomllib.loads(content.reveal().decode())
        except NotPrivate as error:
            raise OSError(str(error)) from None
        except tomllib.TOMLDecodeError:
            # What is wrong there may be a secret.
            raise OSError(f"{path}: is not valid TOML: see docs/iscsi.md for its form") from None
        except UnicodeDecodeError:
            raise OSError(f"{path}: is not UTF-8 text: write it as such") from None
        content.wipe()
        return cls(*_checked(path, raw))


def _checked(path: Path, raw: dict[str, Any]) -> tuple[dict[str, str], tuple[str, str] | None]:
    """What a credentials file says. Raises OSError."""
    initiators, target = raw.get("initiators"), raw.get("target")
    if not isinstance(initiators, dict) or not initiators or raw.keys() - {"initiators", "target"}:
        raise OSError(f'{path}: write a table [initiators] with lines such as name = "secret"')
    if target is not None and (
        not isinstance(target, dict)
        or target.keys() != {"name", "secret"}
        or not isinstance(target["name"], str)
    ):
        raise OSError(f"{path}: [target] has name and secret, nothing else: write both")
    secrets = list(initiators.items())
    if target is not None:
        secrets.append(("[target]", target["secret"]))
    for name, secret in secrets:
        if not isinstance(secret, str) or len(secret.encode()) < SHORTEST_SECRET:
            raise OSError(
                f"{path}: the secret of {name} is too short: write {SHORTEST_SECRET} or more"
                " characters in quotes"
            )
    if target is not None and target["secret"] in initiators.values():
        raise OSError(f"{path}: [target] has an initiator's secret: give it one of its own")
    return initiators, None if target is None else (target["name"], target["secret"])


def response(algorithm: int, identifier: int, secret: Secret, challenge: bytes) -> bytes:
    """The answer to a challenge (RFC 1994 section 4.1)."""
    digest = hashlib.new(ALGORITHMS[algorithm], bytes((identifier,)), usedforsecurity=False)
    digest.update(secret.reveal())
    digest.update(challenge)
    return digest.digest()


def encode_binary(data: bytes) -> str:
    """A large binary value as text."""
    return "0x" + data.hex()


def decode_binary(text: str) -> bytes:
    """A large binary value (RFC 7143 section 6.1). Raises AuthenticationFailed."""
    try:
        if text[:2] in ("0x", "0X") and re.fullmatch("[0-9a-fA-F]+", text[2:]):
            return bytes.fromhex(text[2:].rjust(len(text) - 2 + len(text) % 2, "0"))
        if text[:2] in ("0b", "0B"):
            return base64.b64decode(text[2:], validate=True)
    except (ValueError, binascii.Error):
        pass
    raise AuthenticationFailed("a binary value is neither 0x nor 0b")


class Chap:
    """The target's side of one login: `challenge`, then `check`."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._algorithm = 0
        self._identifier = os.urandom(1)[0]
        self._challenge = os.urandom(CHALLENGE)

    def challenge(self, offers: Mapping[str, str]) -> dict[str, str]:
        """The challenge, by the first algorithm offered that is known."""
        for text in offers.get("CHAP_A", "").split(","):
            if text in map(str, ALGORITHMS):
                self._algorithm = int(text)
                return {
                    "CHAP_A": text,
                    "CHAP_I": str(self._identifier),
                    "CHAP_C": encode_binary(self._challenge),
                }
        raise AuthenticationFailed("no CHAP algorithm in common: 5 (MD5) and 7 (SHA-256) are known")

    def check(self, offers: Mapping[str, str]) -> dict[str, str]:
        """Check the answer; ours if the initiator asks as well. Raises AuthenticationFailed."""
        name, answer = offers.get("CHAP_N", ""), decode_binary(offers.get("CHAP_R", ""))
        # A name that nobody has takes as long as one with another secret.
        secret = self._credentials.initiators.get(name) or Secret(os.urandom(SHORTEST_SECRET))
        right = response(self._algorithm, self._identifier, secret, self._challenge)
        if not hmac.compare_digest(right, answer) or name not in self._credentials.initiators:
            raise AuthenticationFailed("wrong CHAP name or secret")
        if "CHAP_I" not in offers and "CHAP_C" not in offers:
            return {}
        return self._answer(offers)

    def _answer(self, offers: Mapping[str, str]) -> dict[str, str]:
        if self._credentials.target is None:
            raise AuthenticationFailed(
                "the initiator wants mutual CHAP, and the credentials have no [target]"
            )
        identifier, challenge = offers.get("CHAP_I", ""), decode_binary(offers.get("CHAP_C", ""))
        if not re.fullmatch("[0-9]{1,3}", identifier) or int(identifier) > 255:
            raise AuthenticationFailed("CHAP_I is no number up to 255")
        if not challenge or len(challenge) > LONGEST_CHALLENGE:
            raise AuthenticationFailed("CHAP_C has a length that is not allowed")
        if hmac.compare_digest(challenge, self._challenge):
            raise AuthenticationFailed("the initiator sent our own challenge back")
        name, secret = self._credentials.target
        answer = response(self._algorithm, int(identifier), secret, challenge)
        return {"CHAP_N": name, "CHAP_R": encode_binary(answer)}
