from django.db import migrations


class Migration(migrations.Migration):
    """Commit is called TransactionMarker; its table keeps its name."""

    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel(old_name="Commit", new_name="TransactionMarker"),
                migrations.AlterModelTable(name="transactionmarker", table="core_commit"),
            ],
        ),
    ]
