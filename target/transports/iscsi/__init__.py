"""An iSCSI target (RFC 7143): each drive, and each medium changer, is LUN 0 of a target of its own.

From the wire inwards: `pdu` (headers), `stream` (bytes to PDUs and back), `keys` (text
negotiation), `chap`, `login`, `connection` (one TCP connection), `session` (an I_T nexus with its
commands), `task` (one command and its data), `management` (task management), `lun` (a unit and
its thread), `server`.

All of it runs in one thread, the event loop; only units run commands, each in a thread of its
own, so that nothing which a unit waits for holds up a connection.
"""
