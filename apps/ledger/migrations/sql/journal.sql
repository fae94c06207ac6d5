-- Whoever writes it, and by whatever means: at commit an entry has at least two postings, on its own legal entity's accounts,
-- and they add up to nothing in each currency.
CREATE FUNCTION refuse_unbalanced_entry() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    asked uuid := NEW.id;
    problem text;
BEGIN
    IF TG_TABLE_NAME = 'ledger_posting' THEN
        asked := NEW.entry_id;
    END IF;
    SELECT CASE WHEN bool_or(of_currency.postings IS NULL) OR sum(of_currency.postings) < 2 THEN 'has fewer than two postings'
                WHEN bool_or(of_currency.is_elsewhere) THEN 'posts to an account of another legal entity'
                WHEN bool_or(of_currency.total <> 0) THEN 'is out of balance'
           END
    INTO problem
    FROM (
        SELECT count(p.id) AS postings, sum(p.amount) AS total, bool_or(a.legal_entity_id <> e.legal_entity_id) AS is_elsewhere
        FROM ledger_entry e
        LEFT JOIN ledger_posting p ON p.entry_id = e.id
        LEFT JOIN ledger_account a ON a.id = p.account_id
        WHERE e.id = asked
        GROUP BY p.currency
    ) of_currency;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'Journal entry % %.', asked, problem
            USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_entries_balance';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER journal_entries_balance AFTER INSERT ON ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced_entry();
CREATE CONSTRAINT TRIGGER journal_entries_balance AFTER INSERT ON ledger_posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced_entry();

CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER postings_are_append_only BEFORE UPDATE OR DELETE ON ledger_posting
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Nothing is posted to a locked month. The month's row is locked against being closed until the entry is committed.
CREATE FUNCTION refuse_entry_of_locked_month() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    is_locked boolean;
BEGIN
    SELECT m.status = 'locked' INTO is_locked
    FROM ledger_accountingperiod m
    WHERE m.legal_entity_id = NEW.legal_entity_id AND m.starts_on = date_trunc('month', NEW.posted_on::timestamp)::date
    FOR SHARE;
    IF is_locked IS NULL THEN
        RAISE EXCEPTION 'There is no accounting period for %.', NEW.posted_on
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_are_of_an_accounting_period';
    END IF;
    IF is_locked THEN
        RAISE EXCEPTION 'The books are locked for the month of %. Post on a day of an open month.', NEW.posted_on
            USING ERRCODE = 'check_violation', CONSTRAINT = 'locked_months_take_no_entries';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER locked_months_take_no_entries BEFORE INSERT ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_entry_of_locked_month();
