import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0003_comparedbill'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='gatewaymessage',
            name='done_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='dealt with at'),
        ),
        migrations.AddField(
            model_name='gatewaymessage',
            name='done_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='dealt with by'),
        ),
        migrations.AddField(
            model_name='gatewaymessage',
            name='outcome',
            field=models.CharField(blank=True, db_default='', max_length=200, verbose_name='how'),
        ),
    ]
