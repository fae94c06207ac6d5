DROP TRIGGER credits_sold_are_never_removed ON invoices_creditpurchase;
DROP TRIGGER credits_sold_stay ON invoices_creditpurchase;
DROP FUNCTION refuse_other_purchase();
