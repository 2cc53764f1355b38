from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0031_invoices_issued_again")]

    operations = [
        migrations.AlterField(
            model_name="invoicerequest",
            name="issued_fen",
            field=models.BigIntegerField(editable=False, null=True, verbose_name="issued for (fen)"),
        ),
    ]
