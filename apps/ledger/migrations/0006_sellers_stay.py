from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_accounts_stay"), ("customers", "0008_taxes")]

    operations = [run_sql(__file__, "sellers_stay")]
