-- Whoever may sign in. Folded is the name for comparison.
CREATE TABLE login_account (
    tenant       TEXT NOT NULL,
    id           TEXT NOT NULL,
    name         TEXT NOT NULL,
    folded       TEXT NOT NULL,
    shown        TEXT NOT NULL,
    subject      TEXT NOT NULL,
    password     TEXT NOT NULL, -- PHC string; empty before the first one
    disabled     INTEGER NOT NULL, -- 1 or 0
    created_ms   INTEGER NOT NULL,
    password_ms  INTEGER NOT NULL, -- when it was set; 0 for never
    signed_in_ms INTEGER NOT NULL,
    failures     INTEGER NOT NULL, -- in a row, of browsers that are not known
    locked_ms    INTEGER NOT NULL, -- until when no attempt of theirs is looked at
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX login_account_by_name ON login_account (tenant, folded);
CREATE UNIQUE INDEX login_account_by_subject ON login_account (tenant, subject);

-- Browsers in which an account was signed in before, by the SHA-256 of their secret. Each
-- has a count of failures of its own.
CREATE TABLE login_browser (
    tenant    TEXT NOT NULL,
    account   TEXT NOT NULL,
    hash      BLOB NOT NULL,
    used_ms   INTEGER NOT NULL,
    failures  INTEGER NOT NULL,
    locked_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, account, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_browser_by_hash ON login_browser (tenant, hash);
CREATE INDEX login_browser_by_use ON login_browser (used_ms);

-- Failures at names that no account has, so that they are answered as those at the names of
-- accounts. What was typed is here only as an HMAC.
CREATE TABLE login_attempt (
    tenant    TEXT NOT NULL,
    name      BLOB NOT NULL,
    used_ms   INTEGER NOT NULL,
    failures  INTEGER NOT NULL,
    locked_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_attempt_by_use ON login_attempt (tenant, used_ms);

-- Invitations and resets: one for each account and purpose.
CREATE TABLE login_link (
    tenant     TEXT NOT NULL,
    account    TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    hash       BLOB NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, account, purpose)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX login_link_by_hash ON login_link (tenant, hash);
CREATE INDEX login_link_by_expiry ON login_link (expires_ms);

-- Sessions of browsers. Expires is the earlier one of its idle and its last end.
CREATE TABLE login_session (
    tenant     TEXT NOT NULL,
    hash       BLOB NOT NULL,
    account    TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    used_ms    INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    failures   INTEGER NOT NULL, -- of changes of the password
    PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_session_by_account ON login_session (tenant, account, used_ms);
CREATE INDEX login_session_by_expiry ON login_session (expires_ms);

-- Authorization codes. A used one names what came of it, for as long as it could be sent again.
CREATE TABLE login_code (
    tenant         TEXT NOT NULL,
    hash           BLOB NOT NULL,
    account        TEXT NOT NULL,
    client_id      TEXT NOT NULL,
    client_name    TEXT NOT NULL,
    client_host    TEXT NOT NULL,
    redirect_uri   TEXT NOT NULL,
    redirect_given INTEGER NOT NULL, -- 1 or 0
    challenge      TEXT NOT NULL,
    scopes         TEXT NOT NULL, -- separated by spaces
    resource       TEXT NOT NULL,
    created_ms     INTEGER NOT NULL,
    expires_ms     INTEGER NOT NULL,
    used_ms        INTEGER NOT NULL, -- 0 for never
    family         TEXT NOT NULL, -- empty before its use
    PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_code_by_account ON login_code (tenant, account, created_ms);
CREATE INDEX login_code_by_expiry ON login_code (expires_ms);

-- What an account has connected: a family of refresh tokens each.
CREATE TABLE login_family (
    tenant      TEXT NOT NULL,
    id          TEXT NOT NULL,
    account     TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    client_name TEXT NOT NULL,
    client_host TEXT NOT NULL,
    scopes      TEXT NOT NULL,
    resource    TEXT NOT NULL,
    token       BLOB NOT NULL, -- SHA-256 of the refresh token that was not used yet
    created_ms  INTEGER NOT NULL,
    used_ms     INTEGER NOT NULL,
    expires_ms  INTEGER NOT NULL, -- the earlier one of its idle and its last end
    token_ms    INTEGER NOT NULL, -- until when an access token of it may be valid
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_family_by_account ON login_family (tenant, account, used_ms);
CREATE INDEX login_family_by_expiry ON login_family (expires_ms);

-- Refresh tokens that were used a moment ago, and still get an answer.
CREATE TABLE login_refresh (
    tenant     TEXT NOT NULL,
    family     TEXT NOT NULL,
    hash       BLOB NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, family, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_refresh_by_expiry ON login_refresh (expires_ms);

-- Services, which sign in with a secret of their own.
CREATE TABLE login_service (
    tenant     TEXT NOT NULL,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    folded     TEXT NOT NULL,
    hash       BLOB NOT NULL,
    scopes     TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    used_ms    INTEGER NOT NULL,
    revoked    INTEGER NOT NULL, -- 1 or 0
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX login_service_by_name ON login_service (tenant, folded);

-- The pairs of keys that sign access tokens.
CREATE TABLE login_key (
    tenant     TEXT NOT NULL,
    id         TEXT NOT NULL,
    jwk        TEXT NOT NULL, -- the public key
    sealed     BLOB NOT NULL, -- the private key
    made_ms    INTEGER NOT NULL,
    signs_ms   INTEGER NOT NULL, -- from when it signs
    retired_ms INTEGER NOT NULL, -- from when it signs no more; 0 for not yet
    expires_ms INTEGER NOT NULL, -- from when it verifies nothing; 0 for not yet
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- Other secrets of the tenant, by name.
CREATE TABLE login_secret (
    tenant TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  BLOB NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- Access tokens that are not accepted any more: those of a connection (kind sid), or of a
-- subject (kind sub), made up to a time.
CREATE TABLE login_revocation (
    tenant     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    before_ms  INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_revocation_by_expiry ON login_revocation (expires_ms);
