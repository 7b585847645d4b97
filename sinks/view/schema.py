"""The tables of the SQLite view and the statements over them. Everything in it can be projected again."""

import sqlite3

from sinks.sqlite_worker import transaction

VERSION = 4

# `state` last: it is the long one, and SQLite reads a row only as far as the columns asked for.
_SCHEMA = """
DROP TABLE IF EXISTS leads;
DROP TABLE IF EXISTS positions;
DROP TABLE IF EXISTS decay;
DROP TABLE IF EXISTS aliases;
DROP TABLE IF EXISTS redirects;
DROP TABLE IF EXISTS accounts;
CREATE TABLE positions (partition INTEGER PRIMARY KEY, offset INTEGER NOT NULL);
CREATE TABLE leads (
    workspace TEXT NOT NULL, profile TEXT NOT NULL, user_id TEXT, anonymous_id TEXT, email TEXT, name TEXT,
    ids TEXT NOT NULL, search TEXT NOT NULL, half_life_ms INTEGER NOT NULL, fit REAL NOT NULL, sign INTEGER NOT NULL,
    rank REAL NOT NULL, score REAL NOT NULL, score_at_ms INTEGER NOT NULL,
    events INTEGER NOT NULL, first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL,
    cart_open INTEGER NOT NULL, cart_value REAL NOT NULL, cart_currency TEXT NOT NULL, cart_due_ms INTEGER NOT NULL,
    is_mql INTEGER NOT NULL, state BLOB NOT NULL
);
CREATE UNIQUE INDEX leads_profile ON leads (workspace, profile);
CREATE INDEX leads_user ON leads (workspace, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX leads_anonymous ON leads (workspace, anonymous_id) WHERE anonymous_id IS NOT NULL;
CREATE INDEX leads_email ON leads (workspace, email) WHERE email IS NOT NULL;
CREATE INDEX leads_search ON leads (workspace, search, half_life_ms, fit);
CREATE INDEX leads_rank ON leads (workspace, half_life_ms, fit, sign DESC, rank DESC, profile, cart_open);
CREATE INDEX leads_mql ON leads (workspace, is_mql) WHERE is_mql = 1;
CREATE INDEX carts_rank ON leads (workspace, half_life_ms, fit, sign DESC, rank DESC, profile) WHERE cart_open = 1;
CREATE INDEX carts_value ON leads (workspace, cart_open, cart_currency, cart_value) WHERE cart_open = 1;
CREATE TABLE aliases (
    workspace TEXT NOT NULL, profile TEXT NOT NULL, id TEXT NOT NULL, bare TEXT NOT NULL,
    PRIMARY KEY (workspace, profile, id)
) WITHOUT ROWID;
CREATE INDEX aliases_id ON aliases (workspace, id);
CREATE INDEX aliases_bare ON aliases (workspace, bare);
CREATE TABLE redirects (
    workspace TEXT NOT NULL, id TEXT NOT NULL, profile TEXT NOT NULL, PRIMARY KEY (workspace, id)
) WITHOUT ROWID;
CREATE TABLE accounts (
    workspace TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, search TEXT NOT NULL, members INTEGER NOT NULL,
    half_life_ms INTEGER NOT NULL, fit REAL NOT NULL, sign INTEGER NOT NULL, rank REAL NOT NULL,
    score REAL NOT NULL, score_at_ms INTEGER NOT NULL, is_mql INTEGER NOT NULL, state BLOB NOT NULL,
    UNIQUE (workspace, id)
);
CREATE INDEX accounts_search ON accounts (workspace, search, half_life_ms, fit);
CREATE INDEX accounts_rank ON accounts (workspace, half_life_ms, fit, sign DESC, rank DESC, id);
"""
KEYS = ("user_id", "anonymous_id", "email", "name", "ids", "search")
FACTS = (
    "half_life_ms", "fit", "sign", "rank", "score", "score_at_ms", "events", "first_seen_ms", "last_seen_ms",
    "cart_open", "cart_value", "cart_currency", "cart_due_ms", "is_mql", "state",
)  # fmt: skip
# In the order of LeadRow and AccountRow.
LEAD = (
    "workspace, profile, user_id, anonymous_id, email, name, score, score_at_ms, half_life_ms, events, first_seen_ms,"
    " last_seen_ms, cart_open, cart_value, cart_currency, cart_due_ms, state, is_mql, fit, ids"
)
ACCOUNT = "workspace, id, name, members, score, score_at_ms, half_life_ms, fit, is_mql, state"
ONE_LEAD = f"SELECT {LEAD} FROM leads WHERE workspace = ? AND profile = ?"  # noqa: S608 - constants
PREVIOUS = f"SELECT rowid, {LEAD} FROM leads WHERE workspace = ? AND profile = ?"  # noqa: S608 - constants
INSERT = (
    f"INSERT INTO leads ({', '.join(FACTS + KEYS)}, workspace, profile)"  # noqa: S608 - constants
    f" VALUES ({', '.join('?' * (len(FACTS) + len(KEYS) + 2))})"
)
# Keys seldom change: leaving them alone spares the rewriting of their indexes.
UPDATE_FACTS = f"UPDATE leads SET {', '.join(f'{c} = ?' for c in FACTS)} WHERE rowid = ?"  # noqa: S608 - constants
UPDATE_ALL = f"UPDATE leads SET {', '.join(f'{c} = ?' for c in FACTS + KEYS)} WHERE rowid = ?"  # noqa: S608 - constants
_ALIASED = (
    " SELECT leads.rowid FROM aliases JOIN leads USING (workspace, profile) WHERE aliases.workspace = :workspace AND"
)
GET_OWN = (
    f"SELECT {LEAD} FROM leads WHERE rowid IN ("  # noqa: S608 - constants
    " SELECT rowid FROM leads WHERE workspace = :workspace AND profile IN (:profile, :user, :anon, :email)"
    f" UNION{_ALIASED} id IN (:id, :email)"
    f" UNION{_ALIASED} bare = :key"
    ") ORDER BY profile = :profile DESC, last_seen_ms DESC, profile LIMIT 1"
)
GET_TOLD = (
    f"SELECT {LEAD} FROM leads WHERE rowid IN ("  # noqa: S608 - constants
    " SELECT rowid FROM leads WHERE workspace = :workspace AND user_id = :user"
    " UNION SELECT rowid FROM leads WHERE workspace = :workspace AND anonymous_id = :anon"
    " UNION SELECT rowid FROM leads WHERE workspace = :workspace AND email = :email"
    ") LIMIT 2"
)
MQL = "SELECT COUNT(*) FROM leads WHERE workspace = ? AND is_mql = 1"
OPEN_CARTS = (
    "SELECT cart_currency, COUNT(*), SUM(cart_value) FROM leads"
    " WHERE workspace = ? AND cart_open = 1 GROUP BY cart_currency"
)
REDIRECT = "SELECT profile FROM redirects WHERE workspace = ? AND id = ?"
PUT_REDIRECT = "INSERT OR REPLACE INTO redirects VALUES (?, ?, ?)"
PUT_ALIAS = "INSERT OR REPLACE INTO aliases VALUES (?, ?, ?, ?)"
PUT_POSITION = "INSERT OR REPLACE INTO positions VALUES (?, ?)"
PUT_ACCOUNT = (
    "INSERT OR REPLACE INTO accounts (workspace, id, name, search, members, half_life_ms, fit, sign, rank, score,"
    " score_at_ms, is_mql, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
ONE_ACCOUNT = f"SELECT {ACCOUNT} FROM accounts WHERE workspace = ? AND id = ?"  # noqa: S608 - constants
FORGET_LEAD = (
    "DELETE FROM leads WHERE workspace = ? AND profile = ?",
    "DELETE FROM aliases WHERE workspace = ? AND profile = ?",
)
FORGET_ALIASES = FORGET_LEAD[1]
FORGET_REDIRECT = "DELETE FROM redirects WHERE workspace = ? AND id = ?"
FORGET_ACCOUNT = "DELETE FROM accounts WHERE workspace = ? AND id = ?"


def prepare(db: sqlite3.Connection) -> None:
    """Empty a file of another version."""
    if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        create(db)


def create(db: sqlite3.Connection) -> None:
    """Empty the file."""
    with transaction(db):
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")
