from django.db import migrations, models


def tell_state(apps, schema_editor):
    sheets = apps.get_model("judges", "GradeSheet").objects.using(schema_editor.connection.alias)
    sheets.filter(claimed_at__isnull=False).update(state="computing")
    sheets.filter(claimed_at=None, finished_at__isnull=False).update(state="ready")


def forget_claims(apps, schema_editor):
    """A claim was taken from the row when it ended."""
    sheets = apps.get_model("judges", "GradeSheet").objects.using(schema_editor.connection.alias)
    sheets.exclude(state="computing").update(claimed_at=None)


class Migration(migrations.Migration):
    dependencies = [
        ("judges", "0008_kept_tables"),
    ]

    operations = [
        migrations.RenameField(model_name="gradesheet", old_name="computed_at", new_name="finished_at"),
        migrations.AddField(
            model_name="gradesheet",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "waiting"),
                    ("computing", "computing"),
                    ("ready", "ready"),
                    ("impossible", "cannot be computed"),
                ],
                default="waiting",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.RunPython(tell_state, forget_claims),
    ]
