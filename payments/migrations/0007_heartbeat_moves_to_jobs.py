from django.db import migrations


class Migration(migrations.Migration):
    """Hands Heartbeat over to jobs; its table stays."""

    dependencies = [("payments", "0006_bill_lines_close_alike"), ("jobs", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="Heartbeat")]),
    ]
