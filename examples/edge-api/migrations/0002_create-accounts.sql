-- Migration number: 0002
CREATE TABLE accounts (
  id TEXT PRIMARY KEY REFERENCES users(id),
  balance INTEGER NOT NULL DEFAULT 0 CHECK(balance >= 0)
) STRICT;

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  done_at TEXT DEFAULT (datetime('now'))
);
