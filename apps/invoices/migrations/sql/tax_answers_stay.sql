-- What a tax service answered is what an invoice was taxed by.
CREATE TRIGGER tax_calculation_is_append_only BEFORE UPDATE OR DELETE ON invoices_taxcalculation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
