from django.db import migrations

from apps.core.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("plans", "0005_pricing_terms")]

    operations = [run_sql(__file__, "terms_fit")]
