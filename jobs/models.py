from django.db import models


class Heartbeat(models.Model):
    """When a service of ours was last at work; /readyz looks at it."""

    name = models.CharField(max_length=20, primary_key=True)
    beat_at = models.DateTimeField()

    class Meta:
        db_table = "payments_heartbeat"  # as it was called before jobs/ was an app

    def __str__(self) -> str:
        return self.name
