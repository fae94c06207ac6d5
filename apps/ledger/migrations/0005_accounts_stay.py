from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_by_hand")]

    operations = [run_sql(__file__, "accounts_stay")]
