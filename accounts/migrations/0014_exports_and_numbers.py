from django.contrib.auth.management import create_permissions
from django.db import migrations

ROLES = ("财务", "店长")
RIGHTS = ("export_lists", "see_numbers")


def give_to_roles(apps, schema_editor):
    """Give the new rights to the roles that have them; those that were deleted stay so."""
    config = apps.get_app_config("accounts")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    rights = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="accounts", codename__in=RIGHTS
    )
    for group in apps.get_model("auth", "Group").objects.filter(name__in=ROLES):
        group.permissions.add(*rights)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_passkeys")]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [
                    ("export_lists", "Can download lists"),
                    ("see_numbers", "Can see the numbers of the business"),
                ],
                "verbose_name": "user",
                "verbose_name_plural": "users",
            },
        ),
        migrations.RunPython(give_to_roles, migrations.RunPython.noop),
    ]
