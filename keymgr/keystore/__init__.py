"""The keystore: keys encrypted at rest, with an audit log that nobody changes unnoticed.

Only this package imports sqlalchemy. docs/keystore.md tells what is stored and how.
"""

from keymgr.keystore.audit import Entry
from keymgr.keystore.master import MasterKey
from keymgr.keystore.places import open_keystore
from keymgr.keystore.record import New, Record
from keymgr.keystore.store import Keystore

__all__ = ["Entry", "Keystore", "MasterKey", "New", "Record", "open_keystore"]
