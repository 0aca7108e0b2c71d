"""What a site asks of passwords, beyond their alphabet (BS-19); asking nothing is the default."""

from __future__ import annotations

from dataclasses import dataclass

from keymgr.bluescale.names import NotAllowed, check_password
from keymgr.secret import Secret

SINGLE, MULTI = "single", "multi"
"""User modes: one encryption password, or three different ones (BS-03)."""


@dataclass(frozen=True)
class Policy:
    """Least lengths are in characters."""

    name: str = "none"
    access: int = 0
    """Of a password to the encryption screens."""
    transfer: int = 0
    """Of a password that an exported key is encrypted under."""
    letter_and_digit: bool = False
    """Both kinds have at least one of each."""
    user_mode: str = SINGLE
    """multi: nothing is done before three passwords are set."""

    def check_access(self, password: Secret) -> None:
        """Raises NotAllowed."""
        self._check(password, "the encryption password", self.access)

    def check_transfer(self, password: Secret) -> None:
        """Raises NotAllowed."""
        self._check(password, "the key password", self.transfer)

    def _check(self, password: Secret, what: str, least: int) -> None:
        check_password(password, what)
        if len(password) < least:
            raise NotAllowed(
                f"{what} must have at least {least} characters under the policy {self.name!r}"
            )
        if self.letter_and_digit:
            text = password.reveal()
            if not any(chr(one).isalpha() for one in text) or not any(
                chr(one).isdigit() for one in text
            ):
                raise NotAllowed(
                    f"{what} must have a letter and a digit under the policy {self.name!r}"
                )


ANYTHING = Policy()
POLICIES = {
    policy.name: policy
    for policy in (
        ANYTHING,
        Policy("low", access=12, transfer=30, letter_and_digit=True),
        Policy("medium", access=12, transfer=30, letter_and_digit=True),
        Policy("high", access=15, transfer=40, letter_and_digit=True),
    )
}
"""Those of the guide's three example sites, and none."""
