from django.db import migrations

from apps.core.schedule import every


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0004_money_grants"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        every(seconds=3600, name="Grant the credits that contracts promise", task="credits.grant_due"),
        every(seconds=3600, name="Count what is owed back of unused credits", task="credits.count_refunds"),
    ]
