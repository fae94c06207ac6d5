import apps.core.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contracts', '0013_bill_above'),
        ('invoices', '0020_counted_until'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptForecast',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('period_start_on', models.DateField()),
                ('forecast_at', models.DateTimeField()),
                ('currency', models.CharField(max_length=3)),
                ('so_far', models.DecimalField(db_comment='What it came to by then, with all of its fees', decimal_places=4, max_digits=24)),
                ('expected', models.DecimalField(decimal_places=4, max_digits=24)),
                ('low', models.DecimalField(db_comment='With `high` the range of four times in five', decimal_places=4, max_digits=24)),
                ('high', models.DecimalField(decimal_places=4, max_digits=24)),
                ('contract', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contracts.contract')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('contract', 'period_start_on'), name='a_period_keeps_one_forecast'), models.CheckConstraint(condition=models.Q(('high__gte', models.F('expected')), ('low__lte', models.F('expected'))), name='a_kept_forecast_lies_in_its_range')],
            },
        ),
    ]
