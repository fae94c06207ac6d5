-- A number is given once and none is left out: a series begins at 1, goes on, and by commit all that it counted are documents.
CREATE FUNCTION refuse_other_series() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.next_number = 1 THEN
            RETURN NEW;
        END IF;
    ELSIF (OLD.id, OLD.legal_entity_id, OLD.prefix, OLD.year) = (NEW.id, NEW.legal_entity_id, NEW.prefix, NEW.year)
          AND (NEW.next_number > OLD.next_number
               OR (NEW.next_number, NEW.last_hash) IS NOT DISTINCT FROM (OLD.next_number, OLD.last_hash)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The series %-% begins at 1 and only goes on, with each document that is finalized.', NEW.prefix, NEW.year
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'number_series_only_go_on';
END
$$;
CREATE TRIGGER number_series_only_go_on BEFORE INSERT OR UPDATE ON invoices_numberseries
    FOR EACH ROW EXECUTE FUNCTION refuse_other_series();
CREATE TRIGGER number_series_are_never_removed BEFORE DELETE ON invoices_numberseries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_number_without_document() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    missing bigint;
BEGIN
    -- One by one: a jump of millions is refused at its first number.
    FOR missing IN OLD.next_number .. NEW.next_number - 1 LOOP
        PERFORM FROM invoices_invoice i
        WHERE i.number = format('%s-%s-%s', NEW.prefix, NEW.year, lpad(missing::text, greatest(6, length(missing::text)), '0'))
          AND i.legal_entity_id = NEW.legal_entity_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'No document has number % of the series %-%.', missing, NEW.prefix, NEW.year
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'number_series_count_documents';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER number_series_count_documents AFTER UPDATE ON invoices_numberseries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.next_number > OLD.next_number)
    EXECUTE FUNCTION refuse_number_without_document();
