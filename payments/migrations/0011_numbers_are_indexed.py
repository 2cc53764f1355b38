from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0010_bill_lines_of_other_business_types")]

    operations = [
        migrations.AddIndex("payment", models.Index(fields=["trade_no"], name="payment_by_trade")),
        migrations.AddIndex("refund", models.Index(fields=["out_request_no"], name="refund_by_number")),
        migrations.AddIndex("billline", models.Index(fields=["out_trade_no"], name="line_by_out_trade_no")),
        migrations.AddIndex("billline", models.Index(fields=["trade_no"], name="line_by_trade_no")),
        migrations.AddIndex(
            "billline", models.Index(fields=["out_request_no"], name="line_by_out_request_no")
        ),
    ]
