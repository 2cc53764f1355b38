

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_access_events'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='factor_changes',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AlterField(
            model_name='accountevent',
            name='kind',
            field=models.CharField(choices=[('ADDED', 'Account added'), ('LINKED', 'Link to set a password made'), ('PASSWORD_SET', 'Password set by its owner'), ('RIGHTS_GIVEN', 'Rights given'), ('RIGHTS_TAKEN', 'Rights taken'), ('CLOSED', 'Account closed'), ('REOPENED', 'Account reopened'), ('CONTACT', 'Number or email changed by staff'), ('FACTOR_HELP', 'Second factor removed by staff'), ('FACTOR_SET', 'Second factor set up by its owner'), ('FACTOR_GONE', 'Second factor removed by its owner'), ('CODE_USED', 'Recovery code used'), ('BREAK_GLASS', 'Made superuser on the server'), ('APPROVED', 'Refund approved'), ('REFUSED', 'Attempt refused')], max_length=12, verbose_name='event'),
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('used_at', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recovery_codes', to=settings.AUTH_USER_MODEL)),
            ],
        ),
    ]
