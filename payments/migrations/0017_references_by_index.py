from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0016_outside_alipay")]

    operations = [
        migrations.AddIndex(
            model_name="payment", index=models.Index(fields=["reference"], name="payment_by_reference")
        ),
        migrations.AddIndex(
            model_name="refund", index=models.Index(fields=["reference"], name="refund_by_reference")
        ),
    ]
