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
                        help_text="How what judges said stood when it was computed, in a word.",
                        max_length=64,
                    ),
                ),
                ("claimed_at", models.DateTimeField(null=True, verbose_name="begun")),
                ("computed_at", models.DateTimeField(null=True, verbose_name="computed")),
                ("seconds", models.FloatField(null=True, verbose_name="seconds taken")),
            ],
            options={
                "verbose_name": "tables of what judges said",
                "verbose_name_plural": "tables of what judges said",
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
                ("against", models.JSONField(verbose_name="standings against each")),
            ],
            options={
                "verbose_name": "table of what a judge said",
                "verbose_name_plural": "tables of what one judge said",
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
