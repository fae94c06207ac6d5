from django.db import migrations

from apps.core.schedule import every


class Migration(migrations.Migration):
    dependencies = [
        ("dunning", "0001_initial"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [every(seconds=3600, name="Follow up overdue invoices", task="dunning.advance")]
