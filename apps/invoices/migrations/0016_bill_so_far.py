from django.db import migrations

from apps.core.schedule import every


class Migration(migrations.Migration):
    dependencies = [("invoices", "0015_credit_purchases")]

    operations = [every(seconds=120, name="Bill running periods above an amount", task="invoices.bill_so_far")]
