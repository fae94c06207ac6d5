from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_journal")]

    operations = [run_sql(__file__, "entries_are_whole")]
