from django.db import migrations, models


class Migration(migrations.Migration):
    """Refund.words is called explanation; its column keeps its name."""

    dependencies = [("payments", "0007_heartbeat_moves_to_jobs")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField(model_name="refund", old_name="words", new_name="explanation"),
                migrations.AlterField(
                    model_name="refund",
                    name="explanation",
                    field=models.CharField(
                        blank=True, db_column="words", db_default="", max_length=200, verbose_name="staff's words"
                    ),
                ),
            ],
        ),
    ]
