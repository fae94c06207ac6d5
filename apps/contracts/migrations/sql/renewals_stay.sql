-- How much prices rose stays on record; a reading of an index is corrected by an action, never taken away.
CREATE TRIGGER renewals_are_append_only BEFORE UPDATE OR DELETE ON contracts_renewal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER index_readings_are_kept BEFORE DELETE ON contracts_indexreading
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
