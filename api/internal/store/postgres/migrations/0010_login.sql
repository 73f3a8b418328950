-- Whoever may sign in. Folded is the name for comparison.
CREATE TABLE IF NOT EXISTS login_account (
    tenant       TEXT COLLATE "C" NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,
    folded       TEXT COLLATE "C" NOT NULL,
    shown        TEXT COLLATE "C" NOT NULL,
    subject      TEXT COLLATE "C" NOT NULL,
    password     TEXT COLLATE "C" NOT NULL, -- PHC string; empty before the first one
    disabled     BIGINT NOT NULL, -- 1 or 0
    created_ms   BIGINT NOT NULL,
    password_ms  BIGINT NOT NULL, -- when it was set; 0 for never
    signed_in_ms BIGINT NOT NULL,
    failures     BIGINT NOT NULL, -- in a row, of browsers that are not known
    locked_ms    BIGINT NOT NULL, -- until when no attempt of theirs is looked at
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS login_account_by_name ON login_account (tenant, folded);
CREATE UNIQUE INDEX IF NOT EXISTS login_account_by_subject ON login_account (tenant, subject);

-- Browsers in which an account was signed in before, by the SHA-256 of their secret. Each
-- has a count of failures of its own.
CREATE TABLE IF NOT EXISTS login_browser (
    tenant    TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C" NOT NULL,
    hash      BYTEA NOT NULL,
    used_ms   BIGINT NOT NULL,
    failures  BIGINT NOT NULL,
    locked_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, account, hash)
);
CREATE INDEX IF NOT EXISTS login_browser_by_hash ON login_browser (tenant, hash);
CREATE INDEX IF NOT EXISTS login_browser_by_use ON login_browser (used_ms);

-- Failures at names that no account has, so that they are answered as those at the names of
-- accounts. What was typed is here only as an HMAC.
CREATE TABLE IF NOT EXISTS login_attempt (
    tenant    TEXT COLLATE "C" NOT NULL,
    name      BYTEA NOT NULL,
    used_ms   BIGINT NOT NULL,
    failures  BIGINT NOT NULL,
    locked_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);
CREATE INDEX IF NOT EXISTS login_attempt_by_use ON login_attempt (tenant, used_ms);

-- Invitations and resets: one for each account and purpose.
CREATE TABLE IF NOT EXISTS login_link (
    tenant     TEXT COLLATE "C" NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    purpose    TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, account, purpose)
);
CREATE UNIQUE INDEX IF NOT EXISTS login_link_by_hash ON login_link (tenant, hash);
CREATE INDEX IF NOT EXISTS login_link_by_expiry ON login_link (expires_ms);

-- Sessions of browsers. Expires is the earlier one of its idle and its last end.
CREATE TABLE IF NOT EXISTS login_session (
    tenant     TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    created_ms BIGINT NOT NULL,
    used_ms    BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    failures   BIGINT NOT NULL, -- of changes of the password
    PRIMARY KEY (tenant, hash)
);
CREATE INDEX IF NOT EXISTS login_session_by_account ON login_session (tenant, account, used_ms);
CREATE INDEX IF NOT EXISTS login_session_by_expiry ON login_session (expires_ms);

-- Authorization codes. A used one names what came of it, for as long as it could be sent again.
CREATE TABLE IF NOT EXISTS login_code (
    tenant         TEXT COLLATE "C" NOT NULL,
    hash           BYTEA NOT NULL,
    account        TEXT COLLATE "C" NOT NULL,
    client_id      TEXT COLLATE "C" NOT NULL,
    client_name    TEXT COLLATE "C" NOT NULL,
    client_host    TEXT COLLATE "C" NOT NULL,
    redirect_uri   TEXT COLLATE "C" NOT NULL,
    redirect_given BIGINT NOT NULL, -- 1 or 0
    challenge      TEXT COLLATE "C" NOT NULL,
    scopes         TEXT COLLATE "C" NOT NULL, -- separated by spaces
    resource       TEXT COLLATE "C" NOT NULL,
    created_ms     BIGINT NOT NULL,
    expires_ms     BIGINT NOT NULL,
    used_ms        BIGINT NOT NULL, -- 0 for never
    family         TEXT COLLATE "C" NOT NULL, -- empty before its use
    PRIMARY KEY (tenant, hash)
);
CREATE INDEX IF NOT EXISTS login_code_by_account ON login_code (tenant, account, created_ms);
CREATE INDEX IF NOT EXISTS login_code_by_expiry ON login_code (expires_ms);

-- What an account has connected: a family of refresh tokens each.
CREATE TABLE IF NOT EXISTS login_family (
    tenant      TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,
    client_id   TEXT COLLATE "C" NOT NULL,
    client_name TEXT COLLATE "C" NOT NULL,
    client_host TEXT COLLATE "C" NOT NULL,
    scopes      TEXT COLLATE "C" NOT NULL,
    resource    TEXT COLLATE "C" NOT NULL,
    token       BYTEA NOT NULL, -- SHA-256 of the refresh token that was not used yet
    created_ms  BIGINT NOT NULL,
    used_ms     BIGINT NOT NULL,
    expires_ms  BIGINT NOT NULL, -- the earlier one of its idle and its last end
    token_ms    BIGINT NOT NULL, -- until when an access token of it may be valid
    PRIMARY KEY (tenant, id)
);
CREATE INDEX IF NOT EXISTS login_family_by_account ON login_family (tenant, account, used_ms);
CREATE INDEX IF NOT EXISTS login_family_by_expiry ON login_family (expires_ms);

-- Refresh tokens that were used a moment ago, and still get an answer.
CREATE TABLE IF NOT EXISTS login_refresh (
    tenant     TEXT COLLATE "C" NOT NULL,
    family     TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, family, hash)
);
CREATE INDEX IF NOT EXISTS login_refresh_by_expiry ON login_refresh (expires_ms);

-- Services, which sign in with a secret of their own.
CREATE TABLE IF NOT EXISTS login_service (
    tenant     TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    folded     TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL,
    scopes     TEXT COLLATE "C" NOT NULL,
    created_ms BIGINT NOT NULL,
    used_ms    BIGINT NOT NULL,
    revoked    BIGINT NOT NULL, -- 1 or 0
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS login_service_by_name ON login_service (tenant, folded);

-- The pairs of keys that sign access tokens.
CREATE TABLE IF NOT EXISTS login_key (
    tenant     TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    jwk        TEXT COLLATE "C" NOT NULL, -- the public key
    sealed     BYTEA NOT NULL, -- the private key
    made_ms    BIGINT NOT NULL,
    signs_ms   BIGINT NOT NULL, -- from when it signs
    retired_ms BIGINT NOT NULL, -- from when it signs no more; 0 for not yet
    expires_ms BIGINT NOT NULL, -- from when it verifies nothing; 0 for not yet
    PRIMARY KEY (tenant, id)
);

-- Other secrets of the tenant, by name.
CREATE TABLE IF NOT EXISTS login_secret (
    tenant TEXT COLLATE "C" NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    value  BYTEA NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- Access tokens that are not accepted any more: those of a connection (kind sid), or of a
-- subject (kind sub), made up to a time.
CREATE TABLE IF NOT EXISTS login_revocation (
    tenant     TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    value      TEXT COLLATE "C" NOT NULL,
    before_ms  BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind, value)
);
CREATE INDEX IF NOT EXISTS login_revocation_by_expiry ON login_revocation (expires_ms);
