from django.db import migrations

from apps.core.schedule import every


class Migration(migrations.Migration):
    dependencies = [("django_celery_beat", "0019_alter_periodictasks_options")]

    operations = [
        every(seconds=86_400, name="Keep forecasts of running periods", task="controls.keep_forecasts")
    ]
