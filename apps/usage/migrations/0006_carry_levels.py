from django.db import migrations

from apps.core.schedule import every


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0005_corrections_stay"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [every(seconds=900, name="Carry levels into new days", task="usage.carry_levels")]
