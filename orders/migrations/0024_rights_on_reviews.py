from django.db import migrations

from accounts import roles
from accounts.role_migrations import giving


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("orders", "0023_take_out_reviews_of_stays_ahead"),
    ]

    operations = [
        migrations.RunPython(
            giving(["orders.change_review"], roles.FRONT_DESK, roles.MANAGER), migrations.RunPython.noop
        ),
        migrations.RunPython(giving(["orders.hide_review"], roles.MANAGER), migrations.RunPython.noop),
    ]
