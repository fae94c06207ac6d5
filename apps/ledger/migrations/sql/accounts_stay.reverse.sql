DROP TRIGGER accounts_are_never_removed ON ledger_account;
DROP TRIGGER accounts_stay_what_they_are ON ledger_account;
DROP FUNCTION refuse_other_account();
