from django.db import migrations, models


class Migration(migrations.Migration):
    """Takes Heartbeat over from payments; its table stays."""

    initial = True

    dependencies = [("payments", "0006_bill_lines_close_alike")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Heartbeat",
                    fields=[
                        ("name", models.CharField(max_length=20, primary_key=True, serialize=False)),
                        ("beat_at", models.DateTimeField()),
                    ],
                    options={"db_table": "payments_heartbeat"},
                ),
            ],
        ),
    ]
