from django.db import migrations

from accounts.role_migrations import giving

RIGHTS = ["documents.view_version", "documents.add_version", "documents.view_agreement"]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0017_own_number"), ("documents", "0001_initial")]

    operations = [migrations.RunPython(giving(RIGHTS, "店长"), migrations.RunPython.noop)]
