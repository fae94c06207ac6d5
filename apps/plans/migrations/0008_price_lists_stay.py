from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("plans", "0007_price_lists"), ("core", "0002_append_only")]

    operations = [run_sql(__file__, "price_lists_stay")]
