

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_roles'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='mobile_verified_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='number verified'),
        ),
    ]
