"""What a logged-in user can do at a library: every public method is an action with a least role.

Arguments and results are JSON values, or dataclasses of such, passwords are secrets. Every refusal
is an `OperatorError` of one sentence, and nothing has changed then. What was done is in the
message log, with who did it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from keymgr.api import Severity
from keymgr.errors import WrongPassword
from keymgr.secret import Secret
from target.library import backup, carrying, configuring, describe, options, users
from target.library.errors import NotAllowed
from target.library.messages import Message
from target.library.roles import LEAST
from target.library.users import Role, User
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
        return describe.status(self._library)

    @_action
    def partitions(self) -> list[PartitionView]:
        """All partitions."""
        return [describe.partition(self._library, one) for one in self._library.partitions.values()]

    @_action
    def inventory(self, partition: str = "", *, empty: bool = False) -> list[PlaceView]:
        """The places of a partition, or of all, that hold something; ``empty``: the others too."""
        if partition:
            self._library.partition(partition)
        return describe.places(self._library, partition, empty)

    @_action
    def messages(self, since: int = 0) -> list[Message]:
        """Those with a higher number, oldest first."""
        return self._library.messages.since(since)

    @_action
    def methods(self) -> list[MethodView]:
        """The encryption methods that partitions can have."""
        return describe.methods(self._library)

    # --- cartridges --------------------------------------------------------------------------

    @_action
    def move(self, source: str, destination: str) -> MovedView:
        """Move a cartridge within the library, also from one partition to another.

        ``source``: a barcode, a place such as slot:17, or a drive's name; ``destination``: a place,
        a drive's name, "home" (the slot that it was last taken from), or a partition's name (its
        first empty slot).
        """
        moved = carrying.move(self._library, source, destination)
        self._done(f"moved {moved.barcode} from {moved.source} to {moved.destination}")
        return moved

    @_action
    def insert(self, barcode: str, mail_slot: str = "") -> MovedView:
        """Put a cartridge of the rig, which is outside, into a mail slot, such as mail:1."""
        moved = carrying.insert(self._library, barcode, mail_slot)
        self._done(f"put {moved.barcode} into {moved.destination}")
        return moved

    @_action
    def remove(self, source: str) -> MovedView:
        """Take a cartridge out of a mail slot: its barcode, or the mail slot."""
        moved = carrying.remove(self._library, source)
        self._done(f"took {moved.barcode} out of {moved.source}")
        return moved

    @_action
    def open_door(self) -> None:
        """Open the door: the robot stops, changers are not ready."""
        carrying.open_door(self._library)
        self._done("opened the door")

    @_action
    def close_door(self) -> None:
        """Close it: the library looks what is where, and changers tell their hosts."""
        carrying.close_door(self._library)
        self._done("closed the door")

    # --- drives and power --------------------------------------------------------------------

    @_action
    def reset_drive(self, drive: str) -> None:
        """Reset a drive, by its name."""
        number = self._library.drive_number(drive)
        self._done(f"reset drive {drive}")
        self._library.ports[number].reset()

    @_action
    def power_cycle_drive(self, drive: str) -> None:
        """Switch a drive off and on while the library runs."""
        number = self._library.drive_number(drive)
        self._done(f"switched drive {drive} off and on")
        self._library.ports[number].power_cycle()

    @_action
    def power_cycle(self) -> None:
        """Switch the whole library off and on."""
        self._done("switched the library off and on")
        self._library.power_cycle()

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
        new = configuring.set_partition(self._library, name, drives, slots, mail_slots)
        view = describe.partition(self._library, new)
        self._done(
            f"set partition {name}: drives {', '.join(view.drives) or 'none'}, {view.slots} slots,"
            f" {view.mail_slots} mail slots"
        )
        return view

    @_action
    def delete_partition(self, name: str) -> None:
        """Delete a partition, which is empty."""
        configuring.delete_partition(self._library, name)
        self._done(f"deleted partition {name}")

    @_action
    def set_encryption(self, partition: str, method: str) -> PartitionView:
        """Give a partition another encryption method; its drives are empty."""
        new = configuring.set_encryption(self._library, partition, method)
        self._done(f"set the encryption of partition {partition} to {method}")
        return describe.partition(self._library, new)

    @_action
    def encryption(self, password: Secret) -> Desk:
        """The encryption screens (BS-02). Raises WrongPassword for a wrong encryption password."""
        try:
            return self._library.bluescale.enter(password, self.user)
        except WrongPassword:
            self._library.messages.add(
                Severity.WARNING,
                f"{self.user} gave a wrong encryption password",
                origin=f"operator {self.user}",
            )
            raise

    # --- users and options -------------------------------------------------------------------

    @_action
    def users(self) -> list[UserView]:
        """All users."""
        return describe.users(self._library)

    @_action
    def add_user(self, name: str, role: str, password: Secret) -> None:
        """Add a user: operator, administrator or superuser."""
        given, cost = Role.parse(role), self._library.cost
        self._set_users(lambda all_: users.added(all_, name, given, password, cost))
        self._done(f"added user {name}, {role}")

    @_action
    def remove_user(self, name: str) -> None:
        """Remove a user; one superuser stays."""
        self._set_users(lambda all_: users.removed(all_, name))
        self._done(f"removed user {name}")

    @_action
    def set_role(self, name: str, role: str) -> None:
        """Give a user another role; one superuser stays."""
        given = Role.parse(role)
        self._set_users(lambda all_: users.with_role(all_, name, given))
        self._done(f"made user {name} {role}")

    @_action
    def set_password(self, name: str, password: Secret) -> None:
        """Set any user's password."""
        cost = self._library.cost
        self._set_users(lambda all_: users.with_password(all_, name, password, cost))
        self._done(f"set the password of user {name}")

    @_action
    def change_password(self, old: Secret, new: Secret) -> None:
        """Change one's own password."""
        cost, mine = self._library.cost, users.find(self._library.users, self.user)
        if not users.matches(old, mine.hash):
            raise NotAllowed("this is not your password: give the one that you have")
        self._set_users(lambda all_: users.with_password(all_, self.user, new, cost))
        self._done("changed the own password")

    @_action
    def options(self) -> list[OptionView]:
        """All options, enabled or not."""
        return describe.all_options(self._library)

    @_action
    def add_option(self, key: str) -> OptionView:
        """Enable what an option key enables."""
        library = self._library
        name = options.named(key, library.serial)
        with library.still():
            enabled = {**library.configuration.options, name: key}
            library.configure(replace(library.configuration, options=enabled))
        self._done(f"added the option key of {name}")
        return OptionView(name, options.OPTIONS[name], True)

    # --- backup ------------------------------------------------------------------------------

    @_action
    def backup(self, password: Secret) -> bytes:
        """The configuration and the keys stored now, under a password: a file's contents."""
        data = backup.backup(self._library, password)
        self._done("made a backup of the configuration")
        return data

    @_action
    def restore(self, data: bytes, password: Secret) -> None:
        """What a backup has, all of it or nothing."""
        backup.restore(self._library, data, password)
        self._done("restored the configuration from a backup")

    # --- how -----------------------------------------------------------------------------------

    def _done(self, what: str) -> None:
        self._library.messages.add(
            Severity.INFORMATION, f"{self.user} {what}", origin=f"operator {self.user}"
        )

    def _set_users(self, change: Callable[[Mapping[str, User]], Mapping[str, User]]) -> None:
        library = self._library
        with library.still():
            configuration = library.configuration
            library.configure(replace(configuration, users=change(configuration.users)))
