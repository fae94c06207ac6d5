-- An entry is written with all its postings: two that balance, added later, would change it, also in a locked month.
CREATE FUNCTION refuse_later_posting() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    ours bigint := pg_current_xact_id()::text::bigint;
    written bigint;
BEGIN
    SELECT e.xmin::text::bigint INTO written FROM ledger_entry e WHERE e.id = NEW.entry_id;
    -- A row's transaction id has lost its upper half: it is the one nearest to ours. What is seen and still in progress is ours.
    written := ours + 2147483648 - ((ours + 2147483648 - written) & 4294967295);
    IF pg_xact_status(written::text::xid8) IS DISTINCT FROM 'in progress' THEN
        RAISE EXCEPTION 'Journal entry % is posted: it takes no more postings. Post another entry.', NEW.entry_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'entries_are_posted_whole';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER entries_are_posted_whole BEFORE INSERT ON ledger_posting
    FOR EACH ROW EXECUTE FUNCTION refuse_later_posting();
