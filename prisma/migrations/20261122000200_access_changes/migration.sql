-- Who may do what is remembered for a moment by every process (see `access-changes.ts`). A committed write to what decides
-- about it says so on a channel that each connection of each process listens to. A trigger cannot be forgotten by a
-- new statement; and PostgreSQL tells the connection that commits before it tells it that the commit is done.
CREATE FUNCTION announce_access_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The transaction's number: all listeners of a process are told, which then knows that it is one change.
    PERFORM pg_notify('souk_access', pg_current_xact_id()::text);
    RETURN NULL;
END
$$;

-- Not: what only adds a credential (a new key, session or tenant: nobody remembers that there is none), and when a
-- key was last used.
CREATE TRIGGER announce AFTER UPDATE OR DELETE ON tenants
    FOR EACH STATEMENT EXECUTE FUNCTION announce_access_change();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON memberships
    FOR EACH STATEMENT EXECUTE FUNCTION announce_access_change();
CREATE TRIGGER announce AFTER UPDATE OR DELETE ON sessions
    FOR EACH STATEMENT EXECUTE FUNCTION announce_access_change();
CREATE TRIGGER announce
    AFTER UPDATE OF id, tenant_id, secret_hash, scopes, created_by, expires_at, revoked_at OR DELETE ON api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION announce_access_change();
CREATE TRIGGER announce AFTER UPDATE OR DELETE ON models
    FOR EACH STATEMENT EXECUTE FUNCTION announce_access_change();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON versions
    FOR EACH STATEMENT EXECUTE FUNCTION announce_access_change();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON grants
    FOR EACH STATEMENT EXECUTE FUNCTION announce_access_change();
