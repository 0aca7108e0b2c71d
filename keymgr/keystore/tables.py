"""The tables, as the last of the migrations leaves them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()

Number = BigInteger().with_variant(Integer, "sqlite")
"""SQLite's INTEGER PRIMARY KEY is the row's own number; it has 64 bits there too."""

schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))

keystore = Table(
    "keystore",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("master", Text, nullable=False),  # how the master key is got at: JSON
    Column("data_key", LargeBinary, nullable=False),  # under the master key
)
"""One row, made with the keystore."""

head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("entries", Number, nullable=False),  # of the audit log
    Column("last_mac", LargeBinary, nullable=False),  # of the last of them
    Column("keys_made", Number, nullable=False),  # the highest number of a key
    Column("mac", LargeBinary, nullable=False),  # over the three
)
"""One row, which every transaction that writes locks and replaces."""

keys = Table(
    "keys",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("realm", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("attributes", Text, nullable=False),  # JSON
    Column("sealed", LargeBinary, nullable=False),  # the value, which authenticates the row
    Index("keys_by_name", "realm", "name", unique=True),
    Index("keys_by_state", "realm", "state", "id"),
)

settings = Table(
    "settings",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # JSON
)

audit = Table(
    "audit",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    Column("realm", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON
    Column("mac", LargeBinary, nullable=False),  # over this entry and the mac of the one before
)
