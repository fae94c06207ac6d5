from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_append_only"), ("invoices", "0003_schedule")]

    operations = [run_sql(__file__, "allocated_within_limits")]
