from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [run_sql(__file__, "append_only")]
