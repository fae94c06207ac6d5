from django.db import migrations

from apps.core.schedule import every


class Migration(migrations.Migration):
    dependencies = [
        ("contracts", "0005_renewals_stay"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        every(seconds=3600, name="Renew contracts that renew by themselves", task="contracts.renew_due"),
        every(seconds=3600, name="Remind of contracts that come to their end", task="contracts.remind"),
    ]
