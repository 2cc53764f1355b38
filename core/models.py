from django.db import models
from django.utils import timezone


class TransactionMarker(models.Model):
    """Row written inside a durable transaction: if it exists, the COMMIT took effect. See transactions.py."""

    key = models.UUIDField(primary_key=True)
    made_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        db_table = "core_commit"  # the table keeps its first name

    def __str__(self) -> str:
        return str(self.key)
