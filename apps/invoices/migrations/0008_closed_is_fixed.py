from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("invoices", "0007_closing")]

    operations = [run_sql(__file__, "closed_is_fixed")]
