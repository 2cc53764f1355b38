from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0029_checked_by_index'),
        ('payments', '0017_references_by_index'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(fields=['order', 'status', 'received_fen', 'refund_reserved_fen'], name='payment_of_order'),
        ),
    ]
