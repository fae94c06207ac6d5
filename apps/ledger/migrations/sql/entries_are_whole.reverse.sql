DROP TRIGGER entries_are_posted_whole ON ledger_posting;
DROP FUNCTION refuse_later_posting();
