from django.db import models
from django.utils import timezone


class TransactionMarker(models.Model):
    """Proof that a durable transaction was committed, written in it. See transactions.py; kept an hour."""

    key = models.UUIDField(primary_key=True)
    made_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        db_table = "core_commit"  # as it was called first

    def __str__(self) -> str:
        return str(self.key)
