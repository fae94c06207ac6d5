DROP TRIGGER audit_is_append_only ON core_auditentry;
DROP FUNCTION refuse_change();
