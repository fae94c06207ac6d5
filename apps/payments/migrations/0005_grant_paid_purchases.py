from django.db import migrations

from apps.core.schedule import every


class Migration(migrations.Migration):
    dependencies = [("payments", "0004_credit_notes_and_write_offs"), ("invoices", "0016_bill_so_far")]

    operations = [every(seconds=60, name="Grant credits that are paid", task="payments.grant_paid_purchases")]
