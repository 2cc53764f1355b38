from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0004_messages_dealt_with'),
    ]

    operations = [
        migrations.AddField(
            model_name='refund',
            name='due_at',
            field=models.DateTimeField(blank=True, help_text='When it was let go, or sent again by staff.', null=True, verbose_name='due since'),
        ),
    ]
