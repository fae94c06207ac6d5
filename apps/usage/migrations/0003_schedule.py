from django.db import migrations

from apps.core.schedule import every


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0002_append_only"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [every(seconds=86_400, name="Make months of events ahead", task="usage.make_months")]
