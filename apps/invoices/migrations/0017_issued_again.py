import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invoices", "0016_bill_so_far")]

    operations = [
        migrations.AlterField(
            model_name="invoice",
            name="replaces",
            field=models.ForeignKey(
                blank=True,
                db_comment="The credited invoice that this one was issued again for",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replaced_by",
                to="invoices.invoice",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "void"), _negated=True),
                fields=("replaces",),
                name="an_invoice_is_issued_again_once",
            ),
        ),
    ]
