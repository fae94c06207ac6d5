DROP TRIGGER number_series_count_documents ON invoices_numberseries;
DROP FUNCTION refuse_number_without_document();
DROP TRIGGER number_series_are_never_removed ON invoices_numberseries;
DROP TRIGGER number_series_only_go_on ON invoices_numberseries;
DROP FUNCTION refuse_other_series();
