from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0027_guest_details")]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["check_out", "id", "check_in", "status"], name="order_in_house"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["house", "check_in", "check_out"], name="order_of_house"),
        ),
        migrations.RemoveIndex(model_name="order", name="order_by_check_out"),
    ]
