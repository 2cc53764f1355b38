from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0030_changes_of_paid_stays")]

    operations = [
        migrations.AddField(
            model_name="invoicerequest",
            name="issued_fen",
            field=models.PositiveIntegerField(editable=False, null=True, verbose_name="issued for (fen)"),
        ),
    ]
