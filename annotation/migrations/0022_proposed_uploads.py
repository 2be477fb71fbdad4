from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0021_export")]

    operations = [
        migrations.AlterField(
            "upload",
            "state",
            models.CharField(
                choices=[
                    ("waiting", "waiting"),
                    ("checking", "checking"),
                    ("proposed", "checked, not saved yet"),
                    ("stored", "saved"),
                    ("faulty", "errors found, nothing saved"),
                    ("cancelled", "cancelled"),
                    ("undone", "undone"),
                ],
                default="waiting",
                max_length=12,
                verbose_name="state",
            ),
        ),
    ]
