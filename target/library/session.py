"""What a logged-in user can do at a library: every public method is an action with a least role.

Arguments and results are JSON values, or dataclasses of such, passwords are secrets. Every refusal
is an `OperatorError` of one sentence, and nothing has changed then. What was done is in the
message log, with who did it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from keymgr.secret import Secret
from target.library.errors import NotAllowed
from target.library.messages import Message
from target.library.roles import LEAST
from target.library.users import Role
from target.library.views import (
    MethodView,
    MovedView,
    OptionView,
    PartitionView,
    PlaceView,
    StatusView,
    UserView,
)

if TYPE_CHECKING:
    from keymgr.bluescale import Desk
    from target.library.library import Library

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _action(method: _Method) -> _Method:
    """The method, for those alone whose role does."""

    @functools.wraps(method)
    def checked(self: Session, *args: Any, **kwargs: Any) -> Any:
        self.require(method.__name__)
        return method(self, *args, **kwargs)

    return cast(_Method, checked)


class Session:
    """One user, logged in; made by `Library.login`."""

    def __init__(self, library: Library, user: str) -> None:
        self._library = library
        self.user = user

    @property
    def role(self) -> Role:
        """Of the user now. Raises NotAllowed if there is none of that name any more."""
        user = self._library.users.get(self.user)
        if user is None:
            raise NotAllowed(f"user {self.user} is no more: log in as another one")
        return user.role

    def require(self, action: str) -> None:
        """Raises NotAllowed where the user's role does not do for an action of `roles.LEAST`."""
        least = LEAST[action]
        if self.role < least:
            raise NotAllowed(
                f"{action} takes a user with role {least}, {self.user} is {self.role}: log in as"
                " one who may"
            )

    # --- looking -----------------------------------------------------------------------------

    @_action
    def status(self) -> StatusView:
        """The library and its drives."""
        raise NotImplementedError

    @_action
    def partitions(self) -> list[PartitionView]:
        """All partitions."""
        raise NotImplementedError

    @_action
    def inventory(self, partition: str = "", *, empty: bool = False) -> list[PlaceView]:
        """The places of a partition, or of all, that hold something; ``empty``: the others too."""
        raise NotImplementedError

    @_action
    def messages(self, since: int = 0) -> list[Message]:
        """Those with a higher number, oldest first."""
        raise NotImplementedError

    @_action
    def methods(self) -> list[MethodView]:
        """The encryption methods that partitions can have."""
        raise NotImplementedError

    # --- cartridges --------------------------------------------------------------------------

    @_action
    def move(self, source: str, destination: str) -> MovedView:
        """Move a cartridge within the library, also from one partition to another.

        ``source``: a barcode, a place such as slot:17, or a drive's name; ``destination``: a place,
        a drive's name, "home" (the slot that it was last taken from), or a partition's name (its
        first empty slot).
        """
        raise NotImplementedError

    @_action
    def insert(self, barcode: str, mail_slot: str = "") -> MovedView:
        """Put a cartridge of the rig, which is outside, into a mail slot, such as mail:1."""
        raise NotImplementedError

    @_action
    def remove(self, source: str) -> MovedView:
        """Take a cartridge out of a mail slot: its barcode, or the mail slot."""
        raise NotImplementedError

    @_action
    def open_door(self) -> None:
        """Open the door: the robot stops, changers are not ready."""
        raise NotImplementedError

    @_action
    def close_door(self) -> None:
        """Close it: the library looks what is where, and changers tell their hosts."""
        raise NotImplementedError

    # --- drives and power --------------------------------------------------------------------

    @_action
    def reset_drive(self, drive: str) -> None:
        """Reset a drive, by its name."""
        raise NotImplementedError

    @_action
    def power_cycle_drive(self, drive: str) -> None:
        """Switch a drive off and on while the library runs."""
        raise NotImplementedError

    @_action
    def power_cycle(self) -> None:
        """Switch the whole library off and on."""
        raise NotImplementedError

    # --- partitions --------------------------------------------------------------------------

    @_action
    def set_partition(
        self,
        name: str,
        *,
        drives: Sequence[str] | None = None,
        slots: int | None = None,
        mail_slots: int | None = None,
    ) -> PartitionView:
        """Make a partition, or change one: the names of its drives, how many places it has.

        None: as it is. New places are the lowest that no partition has; those given up are the
        last ones, and empty.
        """
        raise NotImplementedError

    @_action
    def delete_partition(self, name: str) -> None:
        """Delete a partition, which is empty."""
        raise NotImplementedError

    @_action
    def set_encryption(self, partition: str, method: str) -> PartitionView:
        """Give a partition another encryption method; its drives are empty."""
        raise NotImplementedError

    @_action
    def encryption(self, password: Secret) -> Desk:
        """The encryption screens (BS-02). Raises OperatorError for a wrong encryption password."""
        raise NotImplementedError

    # --- users and options -------------------------------------------------------------------

    @_action
    def users(self) -> list[UserView]:
        """All users."""
        raise NotImplementedError

    @_action
    def add_user(self, name: str, role: str, password: Secret) -> None:
        """Add a user: operator, administrator or superuser."""
        raise NotImplementedError

    @_action
    def remove_user(self, name: str) -> None:
        """Remove a user; one superuser stays."""
        raise NotImplementedError

    @_action
    def set_role(self, name: str, role: str) -> None:
        """Give a user another role; one superuser stays."""
        raise NotImplementedError

    @_action
    def set_password(self, name: str, password: Secret) -> None:
        """Set any user's password."""
        raise NotImplementedError

    @_action
    def change_password(self, old: Secret, new: Secret) -> None:
        """Change one's own password."""
        raise NotImplementedError

    @_action
    def options(self) -> list[OptionView]:
        """All options, enabled or not."""
        raise NotImplementedError

    @_action
    def add_option(self, key: str) -> OptionView:
        """Enable what an option key enables."""
        raise NotImplementedError

    # --- backup ------------------------------------------------------------------------------

    @_action
    def backup(self, password: Secret) -> bytes:
        """The configuration and the keys stored now, under a password: a file's contents."""
        raise NotImplementedError

    @_action
    def restore(self, data: bytes, password: Secret) -> None:
        """What a backup has, all of it or nothing."""
        raise NotImplementedError
