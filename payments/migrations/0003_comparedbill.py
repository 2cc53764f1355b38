import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0002_refunds_bill_heartbeat'),
    ]

    operations = [
        migrations.CreateModel(
            name='ComparedBill',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('compared_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
    ]
