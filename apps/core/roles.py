"""What the application's database role may do, granted anew by the owner after every migration, and what it can do.

docs/decisions/0008-application-role.md says why.
"""

from collections.abc import Iterator

from django.apps import apps
from django.db import connection, transaction
from psycopg.sql import SQL, Composable, Composed, Identifier

from apps.core.append_only import History, histories

_CHANGE = frozenset({"UPDATE", "DELETE"})
_ORDINARY = History(frozenset())

# Whoever fires a trigger chooses the search path: without one of its own, it could be shown a temporary table in place of ours.
_PIN_TRIGGERS = """
    DO $$
    DECLARE
        found regprocedure;
    BEGIN
        FOR found IN
            SELECT oid FROM pg_proc
            WHERE pronamespace = current_schema()::regnamespace AND prorettype = 'trigger'::regtype
              AND pg_has_role(current_user, proowner, 'USAGE')
              AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')
              AND NOT coalesce(proconfig, '{}') @> ARRAY[format('search_path=%I, pg_temp', current_schema())]
        LOOP
            EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', found, current_schema());
        END LOOP;
    END
    $$
"""
_PLACE = "SELECT current_database(), current_schema(), current_user"
_TABLES = """
    SELECT relname::text, relispartition FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
    ORDER BY 1
"""
# What runs with the owner's rights is made for the application, and for nobody else.
_OWNERS_FUNCTIONS = """
    SELECT proname::text, pg_get_function_identity_arguments(oid) FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace AND prosecdef AND pg_has_role(current_user, proowner, 'USAGE')
"""
_MIGHTY = ("pg_write_all_data", "pg_maintain", "pg_execute_server_program", "pg_write_server_files")
_POWERS = """
    SELECT array_remove(ARRAY[
        CASE WHEN rolsuper THEN 'is a superuser' END,
        CASE WHEN rolcreaterole THEN 'may give itself other roles' END,
        (SELECT 'acts for ' || min(mighty.rolname) FROM pg_roles mighty
          WHERE mighty.rolname = ANY(%(mighty)s) AND pg_has_role(one.oid, mighty.oid, 'MEMBER')),
        (SELECT 'owns ' || min(relname) FROM pg_class
          WHERE relname = ANY(%(tables)s) AND relnamespace = current_schema()::regnamespace
            AND pg_has_role(one.oid, relowner, 'MEMBER')),
        CASE WHEN has_schema_privilege(one.oid, current_schema()::regnamespace, 'CREATE') THEN 'may create tables and functions' END,
        CASE WHEN has_database_privilege(one.oid, current_database(), 'CREATE') THEN 'may create schemas' END,
        CASE WHEN has_database_privilege(one.oid, current_database(), 'TEMPORARY') THEN 'may make temporary tables' END,
        (SELECT 'may truncate or re-trigger ' || min(relname) FROM pg_class
          WHERE relname = ANY(%(tables)s) AND relnamespace = current_schema()::regnamespace
            AND has_table_privilege(one.oid, oid, 'TRUNCATE, REFERENCES, TRIGGER')),
        (SELECT 'may update or delete rows of ' || min(relname) FROM pg_class
          WHERE relname = ANY(%(histories)s) AND relnamespace = current_schema()::regnamespace
            AND has_table_privilege(one.oid, oid, 'UPDATE, DELETE'))
    ], NULL)
    FROM pg_roles one WHERE rolname = coalesce(%(role)s, current_user)
"""
_TRIGGERS = """
    SELECT relname::text, bool_or(tgtype & 16 > 0), bool_or(tgtype & 8 > 0)
    FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid JOIN pg_class ON pg_class.oid = tgrelid
    WHERE proname = 'refuse_change' AND relnamespace = current_schema()::regnamespace AND NOT relispartition
      AND tgenabled IN ('O', 'A') AND tgtype & 3 = 3
    GROUP BY 1
"""


def pin_triggers() -> None:
    """Fix the search path of every trigger of the database; the owner does this."""
    with connection.cursor() as cursor:
        cursor.execute(_PIN_TRIGGERS)


def grant_to(role: str) -> None:
    """Give `role` what the application needs, and take away all else; the owner does this, as often as it likes."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PLACE)
        database, schema, _ = cursor.fetchone()
        cursor.execute(_TABLES)
        tables = dict(cursor.fetchall())
        cursor.execute(_OWNERS_FUNCTIONS)
        functions = cursor.fetchall()
        names = {"role": Identifier(role), "database": Identifier(database), "schema": Identifier(schema)}
        statements = [
            SQL("REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC, {role}").format(**names),
            SQL("REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}").format(**names),
            SQL("GRANT CONNECT ON DATABASE {database} TO {role}").format(**names),
            SQL("GRANT USAGE ON SCHEMA {schema} TO {role}").format(**names),
            *(one for table, is_part in tables.items() for one in _of_table(table, role, is_part=is_part)),
            *(one for name, takes in functions for one in _of_function(name, takes, role)),
        ]
        cursor.execute(SQL("; ").join(statements))


def powers(role: str | None = None) -> list[str]:
    """Return by what the role, or the one that is connected, could change what is history; nothing for a right one."""
    asked = {
        "role": role,
        "mighty": list(_MIGHTY),
        "tables": sorted(_our_tables()),
        "histories": sorted(table for table, one in histories().items() if one.refused == _CHANGE),
    }
    with connection.cursor() as cursor:
        cursor.execute(_POWERS, asked)
        (found,) = cursor.fetchone()
    # Who may do everything has every one of the others as well.
    return [str(one) for one in found[: 1 if found[:1] == ["is a superuser"] else None]]


def undeclared() -> list[str]:
    """Return in one sentence each where declared histories and the triggers of the database differ."""
    with connection.cursor() as cursor:
        cursor.execute(_TRIGGERS)
        refused = {
            table: {verb for verb, is_so in (("UPDATE", update), ("DELETE", delete)) if is_so}
            for table, update, delete in cursor.fetchall()
        }
    declared = {table: set(one.refused) for table, one in histories().items()}
    return [
        f"{table} is declared to refuse {_told(declared.get(table))}, and its triggers refuse {_told(refused.get(table))}."
        for table in sorted(declared.keys() | refused.keys())
        if declared.get(table) != refused.get(table)
    ]


def _of_table(table: str, role: str, *, is_part: bool) -> Iterator[Composed]:
    """Yield what is granted on a table; one that is not ours is left alone."""
    names = {"table": Identifier(table), "role": Identifier(role)}
    rights: Composable
    if is_part or table == "django_migrations":
        rights = SQL("SELECT")
    elif table not in _our_tables():
        return
    else:
        history = histories().get(table, _ORDINARY)
        rights = SQL(", ").join(map(SQL, ["SELECT", "INSERT", *sorted(_CHANGE - history.refused)]))
        if history.rows_are_locked:
            rights += SQL(", UPDATE ({})").format(Identifier(_our_tables()[table]))
    yield SQL("REVOKE ALL ON {table} FROM PUBLIC, {role}").format(**names)
    yield SQL("GRANT {rights} ON {table} TO {role}").format(rights=rights, **names)


def _of_function(name: str, takes: str, role: str) -> Iterator[Composed]:
    # The arguments are PostgreSQL's own writing of them.
    names = {"function": SQL("{}({})").format(Identifier(name), SQL(takes)), "role": Identifier(role)}
    yield SQL("REVOKE ALL ON FUNCTION {function} FROM PUBLIC").format(**names)
    yield SQL("GRANT EXECUTE ON FUNCTION {function} TO {role}").format(**names)


def _our_tables() -> dict[str, str]:
    """Return the tables of all models, each with its first column."""
    models = apps.get_models(include_auto_created=True)
    return {
        one._meta.db_table: next(field.column for field in one._meta.concrete_fields if field.column)
        for one in models
    }


def _told(verbs: set[str] | None) -> str:
    return " and ".join(sorted(verbs)) if verbs else "nothing"
