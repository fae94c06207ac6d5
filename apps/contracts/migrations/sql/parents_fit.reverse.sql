DROP TRIGGER parents_fit ON contracts_contract;
DROP FUNCTION refuse_unfit_parent();
