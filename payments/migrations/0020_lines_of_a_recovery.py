from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0019_differences_of_changes")]

    operations = [
        migrations.AlterField(
            model_name="billline",
            name="kind",
            field=models.CharField(
                choices=[
                    ("NOT_OURS", "Only in Alipay's bill"),
                    ("NOT_IN_BILL", "Only in our records"),
                    ("AMOUNT", "Amounts differ"),
                    ("RECOVERED", "Order made again, renter unknown"),
                    ("STANDS", "Refunded, but the order stands"),
                ],
                max_length=11,
                verbose_name="discrepancy",
            ),
        ),
    ]
