from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("usage", "0009_reads_by_time")]

    operations = [run_sql(__file__, "months_as_owner")]
