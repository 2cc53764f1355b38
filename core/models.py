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


class RateCount(models.Model):
    """Uses of one limit by one subject until `ends_at`. The key is a hash: no number or address is kept."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at:%Y-%m-%d %H:%M:%S}"
