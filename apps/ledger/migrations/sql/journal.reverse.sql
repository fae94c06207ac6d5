DROP TRIGGER locked_months_take_no_entries ON ledger_entry;
DROP FUNCTION refuse_entry_of_locked_month();
DROP TRIGGER postings_are_append_only ON ledger_posting;
DROP TRIGGER journal_is_append_only ON ledger_entry;
DROP TRIGGER journal_entries_balance ON ledger_posting;
DROP TRIGGER journal_entries_balance ON ledger_entry;
DROP FUNCTION refuse_unbalanced_entry();
