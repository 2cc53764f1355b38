import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from accounts import roles
from accounts.role_migrations import giving


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("orders", "0032_invoices_of_any_amount"),
    ]

    operations = [
        migrations.CreateModel(
            name="Recovery",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("done_at", models.DateTimeField(blank=True, null=True, verbose_name="resolved at")),
                (
                    "outcome",
                    models.CharField(blank=True, db_default="", max_length=200, verbose_name="resolution"),
                ),
                ("lost_from", models.DateTimeField(verbose_name="lost from")),
                (
                    "restored_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="restored at"),
                ),
                (
                    "billed_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the bills of all lost hours had been reconciled.",
                        null=True,
                        verbose_name="bills reconciled at",
                    ),
                ),
                (
                    "done_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="resolved by",
                    ),
                ),
            ],
            options={
                "verbose_name": "restored backup",
                "verbose_name_plural": "restored backups",
                "ordering": ["-id"],
            },
        ),
        migrations.RunPython(
            giving(["orders.view_recovery"], roles.FRONT_DESK, roles.FINANCE, roles.MANAGER),
            migrations.RunPython.noop,
        ),
        migrations.RunPython(giving(["orders.change_recovery"], roles.MANAGER), migrations.RunPython.noop),
    ]
