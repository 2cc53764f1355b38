from django.db import migrations

from accounts import roles
from accounts.role_migrations import giving


class Migration(migrations.Migration):

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("orders", "0012_resent_mails"),
    ]

    operations = [
        migrations.RunPython(
            giving(["orders.add_order"], roles.FRONT_DESK, roles.MANAGER), migrations.RunPython.noop
        ),
    ]
