DROP TRIGGER signed_restarts_stay ON contracts_contract;
DROP FUNCTION refuse_signed_restarts_change();
