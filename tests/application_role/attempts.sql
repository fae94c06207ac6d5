--- The statements that change rows.

-- update
UPDATE invoices_invoice SET total = 0, subtotal = 0, tax_amount = 0 WHERE id = %(invoice)s;
-- update to the same
UPDATE invoices_invoice SET number = number WHERE id = %(invoice)s;
-- update from
UPDATE invoices_invoice i SET snapshot = '{}' FROM invoices_invoiceline l WHERE l.invoice_id = i.id;
-- back to draft
UPDATE invoices_invoice SET status = 'draft', number = NULL, finalized_at = NULL, issued_on = NULL, due_on = NULL
    WHERE id = %(invoice)s;
-- void it
UPDATE invoices_invoice SET status = 'void', reason = 'Wrong' WHERE id = %(invoice)s;
-- another chain
UPDATE invoices_invoice SET previous_hash = 'x', snapshot_hash = 'x' WHERE id = %(invoice)s;
-- another key
SET CONSTRAINTS ALL DEFERRED;
UPDATE invoices_invoice SET id = gen_random_uuid() WHERE id = %(invoice)s;
-- its number for a draft
UPDATE invoices_invoice SET status = 'finalized', number = %(number)s, finalized_at = now(), issued_on = now(),
    due_on = now(), snapshot_hash = 'x' WHERE id = %(draft)s;
-- delete
DELETE FROM invoices_invoice WHERE id = %(invoice)s;
-- delete using
DELETE FROM invoices_invoice i USING customers_customer c WHERE c.id = i.customer_id;
-- delete in a query
WITH gone AS (DELETE FROM invoices_invoiceline WHERE invoice_id = %(invoice)s RETURNING 1) SELECT count(*) FROM gone;
-- update in a query
WITH changed AS (UPDATE invoices_invoicetax SET rate = 7 WHERE id = %(tax)s RETURNING id) TABLE changed;
-- insert on conflict
INSERT INTO invoices_invoice SELECT * FROM invoices_invoice WHERE id = %(invoice)s ON CONFLICT (id) DO UPDATE SET
    total = 0, subtotal = 0, tax_amount = 0;
-- line on conflict
INSERT INTO invoices_invoiceline SELECT * FROM invoices_invoiceline WHERE id = %(line)s ON CONFLICT (id) DO UPDATE SET
    amount = 0;
-- merge an update
MERGE INTO invoices_invoice i USING (SELECT %(invoice)s::uuid AS id) AS one ON one.id = i.id WHEN MATCHED THEN UPDATE
    SET total = 0;
-- merge a delete
MERGE INTO invoices_invoiceline l USING (SELECT %(line)s::uuid AS id) AS one ON one.id = l.id WHEN MATCHED THEN DELETE;
-- at a cursor
DECLARE one CURSOR FOR SELECT * FROM invoices_invoice WHERE id = %(invoice)s FOR UPDATE;
FETCH one;
UPDATE invoices_invoice SET total = 0 WHERE CURRENT OF one;
-- prepared
PREPARE change AS UPDATE invoices_invoiceline SET amount = 0 WHERE id = $1;
EXECUTE change (%(line)s);
-- in a block
DO $$ BEGIN UPDATE invoices_invoice SET total = 0 WHERE status = 'finalized'; END $$;
-- from a program
COPY invoices_invoiceline FROM PROGRAM 'echo';
-- from a file
COPY invoices_invoice FROM '/etc/hostname';

--- Its parts.

-- a line's amount
UPDATE public.invoices_invoiceline SET amount = 0 WHERE id = %(line)s;
-- a line's steps
UPDATE invoices_invoiceline SET steps = '[]' WHERE invoice_id = %(invoice)s;
-- a line less
DELETE FROM invoices_invoiceline WHERE id = %(line)s;
-- a line moved away
UPDATE invoices_invoiceline SET invoice_id = %(draft)s, position = 99 WHERE id = %(line)s;
-- a line moved to it
UPDATE invoices_invoiceline SET invoice_id = %(invoice)s, position = 99 WHERE invoice_id = %(draft)s;
-- a line more
INSERT INTO invoices_invoiceline SELECT (jsonb_populate_record(l, jsonb_build_object('id', gen_random_uuid(),
    'position', 99))).* FROM invoices_invoiceline l WHERE id = %(line)s;
-- a tax row less
DELETE FROM invoices_invoicetax WHERE id = %(tax)s;
-- a tax row more
INSERT INTO invoices_invoicetax SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(),
    'position', 99, 'name', 'Other'))).* FROM invoices_invoicetax t WHERE id = %(tax)s;
-- a manual line more
INSERT INTO invoices_manualline SELECT (jsonb_populate_record(NULL::invoices_manualline, to_jsonb(i) ||
    jsonb_build_object('invoice_id', i.id, 'id', gen_random_uuid(), 'name', 'Gift', 'product_name', '', 'quantity', 1,
    'unit_amount', 1, 'amount', 1, 'reason', 'Because', 'added_by', 'x', 'added_at', now()))).* FROM invoices_invoice
    i WHERE i.id = %(invoice)s;

--- Its documents.

-- a second PDF
INSERT INTO invoices_invoicepdf SELECT invoice_id, 'x', sha256, pages, now() FROM invoices_invoicepdf;
-- another PDF on conflict
INSERT INTO invoices_invoicepdf SELECT * FROM invoices_invoicepdf ON CONFLICT (invoice_id) DO UPDATE SET content = 'x';
-- a second electronic form
INSERT INTO invoices_electronicinvoice SELECT (jsonb_populate_record(e, jsonb_build_object('id',
    gen_random_uuid()))).* FROM invoices_electronicinvoice e;

--- Its journal entry.

-- postings added to its entry
INSERT INTO ledger_posting SELECT (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid()))).* FROM
    ledger_posting p WHERE entry_id = %(entry)s;
-- postings added after a savepoint
SAVEPOINT one;
SELECT pg_current_xact_id();
INSERT INTO ledger_posting SELECT (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid()))).* FROM
    ledger_posting p WHERE entry_id = %(entry)s;
-- posted twice
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO ledger_entry SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid()))).* FROM
    ledger_entry e WHERE id = %(entry)s;
-- an entry without postings
INSERT INTO ledger_entry SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'source_key',
    'X'))).* FROM ledger_entry e WHERE id = %(entry)s;

--- What it hangs on.

-- delete its customer
DELETE FROM customers_customer WHERE id = %(customer)s;
-- delete its contract
DELETE FROM contracts_contract WHERE id = %(contract)s;
-- delete its seller
DELETE FROM customers_legalentity;
-- delete its customer, constraints deferred
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM customers_customer WHERE id = %(customer)s;

--- Without the guards.

-- triggers off
ALTER TABLE invoices_invoice DISABLE TRIGGER USER;
UPDATE invoices_invoice SET total = 0;
-- one trigger off
ALTER TABLE invoices_invoice DISABLE TRIGGER finalized_invoice_never_changes;
-- triggers as on a replica
SET session_replication_role = replica;
-- triggers as on a replica, by set_config
SELECT set_config('session_replication_role', 'replica', false);
-- drop a trigger
DROP TRIGGER finalized_invoice_never_changes ON invoices_invoice;
-- a trigger of one's own
CREATE TRIGGER a BEFORE UPDATE ON invoices_invoice FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
-- a rule
CREATE RULE a AS ON INSERT TO invoices_invoicemail DO ALSO DELETE FROM invoices_invoice;
-- a policy
CREATE POLICY a ON invoices_invoice USING (true);
-- another trigger function
CREATE OR REPLACE FUNCTION refuse_finalized_invoice_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RETURN NEW; END $$;
-- drop a trigger function
DROP FUNCTION refuse_finalized_invoice_change() CASCADE;
-- another owner of a function
ALTER FUNCTION refuse_finalized_invoice_change() OWNER TO CURRENT_USER;
-- another path of a function
ALTER FUNCTION refuse_finalized_line_change() RESET search_path;
-- a temporary table in the invoice's place
CREATE TEMP TABLE invoices_invoice AS SELECT id, 'draft'::text AS status FROM public.invoices_invoice;
UPDATE public.invoices_invoiceline SET amount = 0 WHERE id = %(line)s;
-- a temporary view in the invoice's place
CREATE TEMP VIEW invoices_invoice AS SELECT NULL::uuid AS id, 'draft'::text AS status;
UPDATE public.invoices_invoiceline SET amount = 0 WHERE id = %(line)s;
-- a schema before ours
CREATE SCHEMA mine;
CREATE TABLE mine.invoices_invoice (id uuid, status text);
SET search_path = mine, public;
UPDATE public.invoices_invoiceline SET amount = 0 WHERE id = %(line)s;
-- no schema in the path
SET search_path = pg_catalog;
UPDATE public.invoices_invoiceline SET amount = 0 WHERE id = %(line)s;
-- a function of one's own
CREATE FUNCTION pg_temp.change() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'UPDATE public.invoices_invoice SET
    total = 0';
-- an equality of one's own
CREATE OPERATOR public.= (FUNCTION = texteq, LEFTARG = varchar, RIGHTARG = text);
-- drop the table
DROP TABLE invoices_invoice CASCADE;
-- drop a column
ALTER TABLE invoices_invoice DROP COLUMN number;
-- drop a constraint
ALTER TABLE invoices_invoiceline DROP CONSTRAINT line_positions_are_used_once;
-- rename the table
ALTER TABLE invoices_invoice RENAME TO old;
-- drop an index
DROP INDEX invoice_by_customer;
-- a table that inherits
CREATE TABLE a () INHERITS (invoices_invoice);
-- a table that refers to it
CREATE TABLE a (id uuid REFERENCES invoices_invoice ON DELETE CASCADE);
-- the catalogue itself
UPDATE pg_trigger SET tgenabled = 'D';
-- the catalogue's tables
DELETE FROM pg_class WHERE relname = 'invoices_invoice';

--- The accounts and months that entries are told by.

-- an account of another kind
UPDATE ledger_account SET kind = 'expense' WHERE role = 'revenue';
-- an account of another role
UPDATE ledger_account SET role = 'loans' WHERE role = 'revenue';
-- an account of another legal entity
INSERT INTO customers_legalentity SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'key', 'mine',
    'invoice_prefix', 'MINE'))).* FROM customers_legalentity e;
UPDATE ledger_account SET legal_entity_id = (SELECT id FROM customers_legalentity WHERE key = 'mine');
-- an account less
DELETE FROM ledger_account;
-- a locked month opened again
UPDATE ledger_accountingperiod SET status = 'locked';
UPDATE ledger_accountingperiod SET status = 'open';
-- a locked month taken out
UPDATE ledger_accountingperiod SET status = 'locked';
DELETE FROM ledger_accountingperiod;
-- a locked month moved
UPDATE ledger_accountingperiod SET status = 'locked';
UPDATE ledger_accountingperiod SET starts_on = '1999-01-01';
-- a customer with something open, sold to by another legal entity
INSERT INTO customers_legalentity SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'key', 'mine',
    'invoice_prefix', 'MINE'))).* FROM customers_legalentity e;
UPDATE customers_customer SET legal_entity_id = (SELECT id FROM customers_legalentity WHERE key = 'mine') WHERE id = %(customer)s;

--- The numbers that documents are given, and what they sell.

-- a series begun anew
UPDATE invoices_numberseries SET next_number = 1, last_hash = NULL;
-- a number left out
UPDATE invoices_numberseries SET next_number = next_number + 1;
-- millions of numbers left out
UPDATE invoices_numberseries SET next_number = 2000000000;
-- another end of the chain
UPDATE invoices_numberseries SET last_hash = 'x';
-- a series of another legal entity
INSERT INTO customers_legalentity SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'key', 'mine',
    'invoice_prefix', 'MINE'))).* FROM customers_legalentity e;
UPDATE invoices_numberseries SET legal_entity_id = (SELECT id FROM customers_legalentity WHERE key = 'mine');
-- a series of another year
UPDATE invoices_numberseries SET year = 1999;
-- a series of another prefix
UPDATE invoices_numberseries SET prefix = 'MINE';
-- a series begun in the middle
INSERT INTO invoices_numberseries SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'year', 1999,
    'next_number', 7))).* FROM invoices_numberseries s;
-- a series begun again
DELETE FROM invoices_numberseries;
-- more credits for the price
UPDATE invoices_creditpurchase SET amount = amount * 2;
-- credits sold granted again
UPDATE invoices_creditpurchase SET grant_id = NULL;
-- credits sold by another invoice
UPDATE invoices_creditpurchase SET invoice_id = %(draft)s;
-- credits sold by an invoice afterwards
INSERT INTO invoices_creditpurchase SELECT (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid(), 'grant_id', NULL,
    'invoice_id', %(invoice)s::uuid))).* FROM invoices_creditpurchase p;

--- As somebody else.

-- as the owner
SET ROLE {owner};
UPDATE invoices_invoice SET total = 0;
-- as the owner of the database
SET ROLE pg_database_owner;
-- as another session
SET SESSION AUTHORIZATION {owner};
-- as one of the owners
GRANT {owner} TO CURRENT_USER;
-- as a superuser
ALTER ROLE CURRENT_USER SUPERUSER;
-- as who may write all
GRANT pg_write_all_data TO CURRENT_USER;
-- as a new role
CREATE ROLE another SUPERUSER;
-- with a setting of the role
ALTER ROLE CURRENT_USER SET session_replication_role = replica;
-- with a setting of the database
ALTER SYSTEM SET session_replication_role = replica;
-- the owner's password
ALTER ROLE {owner} PASSWORD 'mine';
-- with rights for all
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT ALL ON TABLES TO PUBLIC;

--- From outside.

-- an extension
CREATE EXTENSION postgres_fdw;
-- another connection
CREATE EXTENSION dblink;
-- a library
LOAD '/tmp/mine.so';
-- a program
COPY (SELECT 1) TO PROGRAM 'cat';
-- a file written
COPY (SELECT 1) TO '/tmp/mine';
-- a file read
SELECT pg_read_file('PG_VERSION');
-- a file imported as large object
SELECT lo_import('/etc/hostname');
-- a large object exported
SELECT lo_export(lo_create(0), '/tmp/mine');
-- a publication
CREATE PUBLICATION a FOR TABLE invoices_invoice;
-- a subscription
CREATE SUBSCRIPTION a CONNECTION '' PUBLICATION a WITH (connect = false);
-- another month's events by the owner's function
SELECT usage_make_month('1999-01-01');
-- a server's settings
SELECT pg_reload_conf();
