from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("invoices", "0009_verify_runs")]

    operations = [run_sql(__file__, "lines_wait_for_finalizing")]
