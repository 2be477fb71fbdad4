import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0005_id_required"),
        ("judges", "0007_benchmarks"),
    ]

    operations = [
        migrations.CreateModel(
            name="GradeSheet",
            fields=[
                (
                    "study",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="grade_sheet",
                        serialize=False,
                        to="annotation.study",
                    ),
                ),
                (
                    "basis",
                    models.CharField(
                        blank=True,
                        help_text="Digest of the judges’ results that the tables were computed from.",
                        max_length=64,
                    ),
                ),
                ("claimed_at", models.DateTimeField(null=True, verbose_name="started at")),
                ("computed_at", models.DateTimeField(null=True, verbose_name="computed")),
                ("seconds", models.FloatField(null=True, verbose_name="computing time (seconds)")),
            ],
            options={
                "verbose_name": "tables of judge results",
                "verbose_name_plural": "tables of judge results",
                "ordering": ["study"],
            },
        ),
        migrations.CreateModel(
            name="GradeTable",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("judge", models.CharField(max_length=200, verbose_name="judge")),
                ("scores", models.JSONField(verbose_name="scores")),
                ("standings", models.JSONField(verbose_name="standings")),
                ("against", models.JSONField(verbose_name="standings against each model")),
            ],
            options={
                "verbose_name": "table of one judge’s results",
                "verbose_name_plural": "tables of one judge’s results",
                "ordering": ["judge"],
            },
        ),
        migrations.AddIndex(
            model_name="verdict",
            index=models.Index(
                condition=models.Q(("superseded_at__isnull", False)),
                fields=["superseded_at"],
                name="verdict_superseded",
            ),
        ),
        migrations.AddField(
            model_name="gradetable",
            name="study",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="grade_tables", to="annotation.study"
            ),
        ),
        migrations.AddConstraint(
            model_name="gradetable",
            constraint=models.UniqueConstraint(fields=("study", "judge"), name="grade_table_once"),
        ),
    ]
