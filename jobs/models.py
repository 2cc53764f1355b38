from django.db import models


class Heartbeat(models.Model):
    """Last heartbeat of a process, which /readyz checks, or last claim of a periodic task."""

    name = models.CharField(max_length=20, primary_key=True)
    beat_at = models.DateTimeField()

    class Meta:
        db_table = "payments_heartbeat"  # its name before jobs/ was an app

    def __str__(self) -> str:
        return self.name
