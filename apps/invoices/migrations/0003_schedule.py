from django.db import migrations

from apps.core.schedule import every


class Migration(migrations.Migration):
    dependencies = [
        ("invoices", "0002_finalized_is_fixed"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        every(seconds=300, name="Close finished periods", task="invoices.close_due"),
        every(seconds=60, name="Finalize reviewed drafts", task="invoices.finalize_due"),
        every(seconds=60, name="Render and mail what was left", task="invoices.render_missing"),
    ]
