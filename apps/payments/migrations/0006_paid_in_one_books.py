from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("payments", "0005_grant_paid_purchases"), ("ledger", "0006_sellers_stay")]

    operations = [run_sql(__file__, "paid_in_one_books")]
