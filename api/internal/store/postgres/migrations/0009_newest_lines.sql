-- The newest lines of all owners of a tenant.
CREATE INDEX IF NOT EXISTS journal_by_age ON journal (tenant, at_ms);
