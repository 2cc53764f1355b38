from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0005_refund_due_at'),
    ]

    operations = [
        migrations.AlterField(
            model_name='billline',
            name='outcome',
            field=models.CharField(blank=True, db_default='', max_length=200, verbose_name='how'),
        ),
    ]
