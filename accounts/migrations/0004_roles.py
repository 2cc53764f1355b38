from django.contrib.auth.management import create_permissions
from django.db import migrations

from accounts import roles


def add_missing_roles(apps, schema_editor):
    """Make the three groups. The permissions would otherwise follow only after all migrations."""
    for label in ("accounts", "auth", "houses", "orders", "payments"):
        config = apps.get_app_config(label)
        config.models_module = True
        create_permissions(config, apps=apps, verbosity=0)
        config.models_module = None
    roles.add_missing(apps.get_model("auth", "Group"), apps.get_model("auth", "Permission"))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_account_events"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("houses", "0006_photos_in_sizes"),
        ("orders", "0007_labels_in_pairs"),
        ("payments", "0012_extra_payment"),
    ]

    operations = [migrations.RunPython(add_missing_roles, migrations.RunPython.noop)]
