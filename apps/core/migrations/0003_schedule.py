from django.db import migrations

from apps.core.schedule import every


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_append_only"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [every(seconds=10, name="Send what waits in the outbox", task="core.send_outbox")]
