"""Which role an action takes at least: the only place that says so.

Operators do what a day brings, administrators look after partitions and drives; what touches keys,
passwords and users takes a superuser, as on Spectra's libraries (BS-02).
"""

from __future__ import annotations

from target.library.users import Role

LEAST = {
    "status": Role.OPERATOR,
    "partitions": Role.OPERATOR,
    "inventory": Role.OPERATOR,
    "messages": Role.OPERATOR,
    "methods": Role.OPERATOR,
    "options": Role.OPERATOR,
    "move": Role.OPERATOR,
    "insert": Role.OPERATOR,
    "remove": Role.OPERATOR,
    "change_password": Role.OPERATOR,
    "open_door": Role.ADMINISTRATOR,
    "close_door": Role.ADMINISTRATOR,
    "reset_drive": Role.ADMINISTRATOR,
    "power_cycle_drive": Role.ADMINISTRATOR,
    "power_cycle": Role.ADMINISTRATOR,
    "set_partition": Role.ADMINISTRATOR,
    "delete_partition": Role.ADMINISTRATOR,
    "add_option": Role.ADMINISTRATOR,
    "set_encryption": Role.SUPERUSER,
    "encryption": Role.SUPERUSER,
    "users": Role.SUPERUSER,
    "add_user": Role.SUPERUSER,
    "remove_user": Role.SUPERUSER,
    "set_role": Role.SUPERUSER,
    "set_password": Role.SUPERUSER,
    "backup": Role.SUPERUSER,
    "restore": Role.SUPERUSER,
}
"""Action, which is a method of `target.library.session.Session`, to the least role."""
