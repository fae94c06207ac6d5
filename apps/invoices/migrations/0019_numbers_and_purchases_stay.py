from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("invoices", "0018_editions")]

    operations = [run_sql(__file__, "numbers_stay"), run_sql(__file__, "purchases_stay")]
